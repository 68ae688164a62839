package directauth_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

// A code of an app leads to tokens, by the whole login and by its local part.
func TestOTP(t *testing.T) {
	o := newOrg(t)
	for _, login := range []string{amy, "amy", "AMY@Example.com"} {
		a := o.is(o.byOTP(login, o.code()), 200, "")
		if a.Type != "Bearer" || a.Scope != "openid profile" || a.Access == "" || a.ExpiresIn != 300 {
			t.Errorf("%+v", a)
		}
		c := o.claims(a.ID)
		for name, want := range map[string]any{"iss": issuer, "aud": o.id, "sub": o.user.ID, "preferred_username": amy, "email": "mail." + amy, "name": "Amy Berg",
			"amr": []any{"otp"}, "iat": float64(o.Now().Unix()), "exp": float64(o.Now().Add(time.Hour).Unix()), "auth_time": float64(o.Now().Unix()), "nonce": nil} {
			if fmt.Sprint(c[name]) != fmt.Sprint(want) {
				t.Errorf("%s is %v, want %v", name, c[name], want)
			}
		}
		o.step()
	}
	if e := o.outcome(systemlog.AuthViaMFA); e.Outcome.Result != systemlog.Success || e.Actor.AlternateID != amy || e.Detail["factor"] != "totp" || e.Targets[0].AlternateID != "C02A" {
		t.Errorf("%+v", e)
	}
	// The custom authorization server is another issuer; a nonce comes back.
	v := fields("grant_type", grantOTP, "scope", "openid offline_access", "login_hint", amy, "otp", o.code(), "nonce", "n-0S6", "client_id", o.id, "client_secret", o.secret)
	a := o.is(o.send(&o.mac, "/oauth2/default/v1/token", v.Encode(), nil), 200, "")
	if c := o.claims(a.ID); c["iss"] != issuer+"/oauth2/default" || c["nonce"] != "n-0S6" || a.Scope != "openid" {
		t.Errorf("%v %q", c, a.Scope)
	}
	o.step()
	if a := o.ask("/oauth2/v1/token", "grant_type", grantOTP, "scope", "profile", "login_hint", amy, "otp", o.code()); a.ID != "" || a.Status != 200 {
		t.Error("an ID token without openid")
	}
}

// A code is good once: not again, not an earlier one, not by two at a time.
func TestOTPIsGoodOnce(t *testing.T) {
	o := newOrg(t)
	code := o.code()
	results := make([]int, 3)
	var all sync.WaitGroup
	for i := range results {
		all.Go(func() { results[i] = o.byOTP(amy, code).Status })
	}
	all.Wait()
	slices.Sort(results)
	if !slices.Equal(results, []int{200, 400, 400}) {
		t.Errorf("three at a time: %v", results)
	}
	o.step()
	o.is(o.byOTP(amy, code), 400, "invalid_grant")
	o.is(o.byOTP(amy, o.app.Code(totp.Step(o.Now())-1)), 400, "invalid_grant")
	o.is(o.byOTP(amy, o.code()), 200, "")
}

// Nobody, somebody without an app, and somebody who may not sign in are answered
// alike, and wait alike.
func TestNoEnumeration(t *testing.T) {
	o := newOrg(t)
	bare, gone := o.join("bob@example.com"), o.join("cy@example.com")
	o.enrolApp(gone)
	o.enrolPhone(gone)
	o.Update(func(tx *sql.Tx) error {
		_, err := directory.ChangeUser(context.Background(), tx, gone.ID, directory.Suspend, o.Now())
		return err
	})
	o.join("amy2@example.com")
	o.join("amy2@example.net") // so that amy2 is nobody
	for _, login := range []string{amy, bare.Login, gone.Login, "nobody@example.com", "amy2", "", "%", "am_", strings.Repeat("x", 2000)} {
		if login == "" {
			continue
		}
		var got []string
		for range 7 {
			a := o.byOTP(login, o.wrongCode())
			got = append(got, fmt.Sprint(a.Status, a.Error, a.Code, a.Description))
			o.Pass(time.Second)
		}
		want := slices.Repeat([]string{"400invalid_grantThe credentials provided were invalid."}, 5)
		want = append(want, slices.Repeat([]string{"429E0000047"}, 2)...)
		if !slices.Equal(got, want) {
			t.Errorf("%.20q: %q", login, got)
		}
		if login != amy {
			o.is(o.push(login), 403, "access_denied")
		}
		o.Pass(time.Second)
	}
	for _, login := range []string{"nobody@example.com", bare.Login} {
		o.is(o.ask("/oauth2/v1/token", "grant_type", "password", "scope", "openid", "username", login, "password", phrase), 400, "invalid_grant")
	}
	reasons := map[string]int{}
	for _, e := range o.Events(systemlog.AuthViaMFA) {
		reasons[e.Outcome.Reason]++
		if strings.Contains(fmt.Sprint(e), "nobody@") {
			t.Errorf("an event tells what was typed: %+v", e)
		}
	}
	for _, r := range []string{"UNKNOWN_USER", "ACCOUNT_NOT_ACTIVE", "INVALID_CREDENTIALS"} {
		if reasons[r] == 0 {
			t.Errorf("no event with %s: %v", r, reasons)
		}
	}
}

// A whole week of guessing as fast as it is allowed.
func TestBruteForce(t *testing.T) {
	o := newOrg(t)
	tried, locks := 0, 0
	end := o.Now().Add(7 * 24 * time.Hour)
	for o.Now().Before(end) {
		a := o.byOTP(amy, o.wrongCode())
		if a.Status == 400 {
			tried++
			continue
		}
		if a.Status != 429 || a.Code != "E0000047" {
			t.Fatalf("%d %s", a.Status, a.Raw)
		}
		wait, err := time.ParseDuration(a.Header.Get("Retry-After") + "s")
		if err != nil || wait < time.Second || wait > time.Hour {
			t.Fatalf("Retry-After %q", a.Header.Get("Retry-After"))
		}
		// Also the right one must wait.
		if wait > 10*time.Second {
			if a := o.byOTP(amy, o.code()); a.Status != 429 {
				t.Fatalf("while it waits: %d", a.Status)
			}
		}
		o.Pass(wait)
	}
	locks = len(o.Events(systemlog.AccountLock))
	// Four, then one at each end of a wait: 1, 2, 4, 8, 16, 32 and then 60 minutes.
	if tried > 180 || tried < 150 || locks != tried-4 {
		t.Errorf("%d codes were tried in a week, %d waits", tried, locks)
	}
	o.Pass(time.Hour)
	o.is(o.byOTP(amy, o.code()), 200, "")
	o.step()
	o.is(o.byOTP(amy, o.wrongCode()), 400, "invalid_grant") // the count began anew
	o.is(o.byOTP(amy, o.code()), 200, "")
}

// Four requests of a login in a second, and one event of a burst.
func TestRateLimit(t *testing.T) {
	o := newOrg(t)
	for range 4 {
		o.is(o.ask("/oauth2/v1/token", "grant_type", grantOTP, "scope", "openid", "login_hint", "amy", "otp", "x"), 400, "invalid_grant")
	}
	for range 3 {
		a := o.byOTP(amy, o.code())
		if a.Status != 429 || a.Code != "E0000047" || a.Error != "" || a.Header.Get("Retry-After") != "1" {
			t.Errorf("%d %s", a.Status, a.Raw)
		}
		a = o.is(o.push(amy), 429, "invalid_grant")
		if a.Description != "API call exceeded the rate limit due to too many requests." {
			t.Error(a.Description)
		}
	}
	if found := o.Events(systemlog.UserLimit); len(found) != 1 || found[0].Outcome.Reason != "user_rate_limited" || found[0].Actor.AlternateID != amy {
		t.Errorf("%+v", found)
	}
	o.Pass(time.Second)
	o.is(o.byOTP(amy, o.code()), 200, "")
}
