package directauth_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/directauth"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/factor"
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

// A push is approved with its number, and is good once.
func TestPush(t *testing.T) {
	o := newOrg(t)
	for _, path := range []string{"/oauth2/v1/primary-authenticate", "/oauth2/v1/oob-authenticate"} {
		a := o.is(o.ask(path, "login_hint", "amy", "channel_hint", "push", "challenge_hint", grantOOB), 200, "")
		if a.ExpiresIn != 300 || a.Interval != 5 || a.Channel != "push" || a.Binding != "transfer" || len(a.Number) != 2 || len(a.OOB) < 26 {
			t.Errorf("%+v", a)
		}
		pending := o.is(o.poll(a.OOB), 400, "authorization_pending")
		if pending.Description != "No user response received on the out-of-band authenticator yet. Continue polling to wait for a response." {
			t.Error(pending.Description)
		}
		o.is(o.poll(a.OOB), 400, "slow_down")
		p := o.waiting()
		if p.Device.Serial != "C02A" || p.User.Login != amy || len(p.Numbers) != 3 || !slices.Contains(p.Numbers, a.Number) {
			t.Errorf("%+v", p)
		}
		o.approve(a.Number)
		o.Pass(5 * time.Second)
		got := o.is(o.poll(a.OOB), 200, "")
		if c := o.claims(got.ID); fmt.Sprint(c["amr"]) != "[mca]" || c["sub"] != o.user.ID {
			t.Errorf("%v", c)
		}
		o.Pass(5 * time.Second)
		o.is(o.poll(a.OOB), 400, "access_denied")
	}
	for kind, want := range map[string]int{systemlog.PushSent: 2, systemlog.PushApprove: 2} {
		if n := len(o.Events(kind)); n != want {
			t.Errorf("%d events %s", n, kind)
		}
	}
	// Without number matching there is none, and none is asked for.
	o.Update(func(tx *sql.Tx) error {
		s, err := directory.Settings(context.Background(), tx)
		if err != nil {
			return err
		}
		s.NumberMatching = false
		return directory.SaveSettings(context.Background(), tx, s)
	})
	a := o.is(o.push(amy), 200, "")
	if a.Binding != "none" || a.Number != "" {
		t.Errorf("%+v", a)
	}
	o.approve("")
	o.is(o.poll(a.OOB), 200, "")
}

// Many who poll at once get one token.
func TestConcurrentPolls(t *testing.T) {
	o := newOrg(t)
	a := o.push(amy)
	o.approve(a.Number)
	statuses := make([]int, 4)
	var all sync.WaitGroup
	for i := range statuses {
		all.Go(func() { statuses[i] = o.poll(a.OOB).Status })
	}
	all.Wait()
	slices.Sort(statuses)
	if !slices.Equal(statuses, []int{200, 400, 400, 400}) {
		t.Errorf("%v", statuses)
	}
}

// What ends a push: no, a wrong number, time, a newer one, a reset, a
// suspension.
func TestWhatEndsAPush(t *testing.T) {
	o := newOrg(t)
	for name, end := range map[string]func(u directory.User, number string){
		"refused": func(directory.User, string) { o.deny(false) },
		"a wrong number": func(_ directory.User, number string) {
			p := o.waiting()
			i := (slices.Index(p.Numbers, number) + 1) % 3
			if err := o.Factors.Approve(context.Background(), p.ID, p.Numbers[i], factor.By{Actor: systemlog.System()}); !errors.Is(err, factor.ErrWrongNumber) {
				o.T.Error(err)
			}
			if err := o.Factors.Approve(context.Background(), p.ID, number, factor.By{Actor: systemlog.System()}); err == nil {
				o.T.Error("the right number after a wrong one")
			}
		},
		"expired": func(directory.User, string) { o.Pass(5 * time.Minute) },
		"approved too long ago": func(_ directory.User, number string) {
			o.approve(number)
			o.Pass(5 * time.Minute)
		},
		"superseded": func(u directory.User, number string) {
			o.approve(number)
			o.is(o.push(u.Login), 200, "")
		},
		"reset": func(u directory.User, number string) {
			o.approve(number)
			o.Update(func(tx *sql.Tx) error {
				return o.Factors.RemoveAll(context.Background(), tx, u, factor.By{Actor: systemlog.System()})
			})
		},
		"suspended": func(u directory.User, number string) {
			o.approve(number)
			o.Update(func(tx *sql.Tx) error {
				_, err := directory.ChangeUser(context.Background(), tx, u.ID, directory.Suspend, o.Now())
				return err
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			u := o.join(strings.ReplaceAll(name, " ", "-") + "@example.com")
			o.enrolPhone(u)
			a := o.is(o.push(u.Login), 200, "")
			end(u, a.Number)
			o.is(o.poll(a.OOB), 400, "access_denied")
			o.Pass(10 * time.Minute)
			o.is(o.poll(a.OOB), 400, "access_denied")
		})
	}
}

// Three without an approval in ten minutes stop pushes for an hour.
func TestPushFatigue(t *testing.T) {
	for name, one := range map[string]func(o *org){"unanswered": func(*org) {}, "refused": func(o *org) { o.deny(false) }} {
		t.Run(name, func(t *testing.T) {
			o := newOrg(t)
			var last answer
			for range factor.PushCap {
				last = o.is(o.push(amy), 200, "")
				one(o)
				o.Pass(time.Minute)
			}
			a := o.is(o.push(amy), 429, "invalid_grant")
			if a.Header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			o.Pass(50 * time.Minute)
			o.is(o.push(amy), 429, "invalid_grant")
			if found := o.Events(systemlog.PushPause); len(found) != 1 || found[0].Severity != systemlog.Warn || found[0].Targets[0].AlternateID != amy {
				t.Errorf("%+v", found)
			}
			if n := len(o.Events(systemlog.PushSent)); n != factor.PushCap {
				t.Errorf("%d were sent", n)
			}
			o.is(o.byOTP(amy, o.code()), 200, "") // the app is not a push
			o.Pass(time.Hour)
			o.is(o.push(amy), 200, "")
			o.is(o.poll(last.OOB), 400, "access_denied")
		})
	}
	// One that waits when the cap is reached can still be approved.
	o := newOrg(t)
	var last answer
	for range factor.PushCap {
		last = o.is(o.push(amy), 200, "")
		o.Pass(time.Second)
	}
	o.is(o.push(amy), 429, "invalid_grant")
	o.approve(last.Number)
	o.is(o.poll(last.OOB), 200, "")
	// A push an hour is nobody's fatigue; and one who says yes is not tired.
	o = newOrg(t)
	for range 8 {
		a := o.is(o.push(amy), 200, "")
		o.approve(a.Number)
		o.is(o.poll(a.OOB), 200, "")
		o.Pass(time.Second)
	}
	for range 5 {
		o.is(o.push(amy), 200, "")
		o.Pass(6 * time.Minute)
	}
}

// "This wasn't me" is told, and blocks until it is lifted.
func TestNotMe(t *testing.T) {
	o := newOrg(t)
	a := o.is(o.push(amy), 200, "")
	o.deny(true)
	o.is(o.poll(a.OOB), 400, "access_denied")
	for _, kind := range []string{systemlog.PushNotMe, systemlog.PushBlock, systemlog.PushDeny} {
		if e := o.outcome(kind); e.Severity != systemlog.Warn {
			t.Errorf("%+v", e)
		}
	}
	for range 3 {
		o.Pass(24 * time.Hour)
		o.is(o.push(amy), 403, "access_denied")
	}
	unblock := func() error {
		return o.DB.Update(context.Background(), func(tx *sql.Tx) error {
			return o.Factors.Unblock(context.Background(), tx, o.user, factor.By{Actor: systemlog.System()})
		})
	}
	if err := unblock(); err != nil {
		t.Fatal(err)
	}
	if err := unblock(); err == nil {
		t.Error("lifted twice")
	}
	if e := o.outcome(systemlog.PushUnblock); e.Targets[0].AlternateID != amy {
		t.Errorf("%+v", e)
	}
	o.is(o.push(amy), 200, "")
}

// A password is followed by a factor, or leads nowhere.
func TestPassword(t *testing.T) {
	o := newOrg(t)
	a := o.password()
	if a.Description != "Verify with an additional authenticator to complete the sign-in process." || a.Types != mfaOTP+" "+mfaOOB || len(a.MFA) < 26 || a.Access != "" {
		t.Errorf("%+v", a)
	}
	o.is(o.ask("/oauth2/v1/token", "grant_type", mfaOTP, "mfa_token", a.MFA, "otp", o.wrongCode()), 400, "invalid_grant")
	o.Pass(time.Second)
	got := o.is(o.ask("/oauth2/v1/token", "grant_type", mfaOTP, "mfa_token", a.MFA, "otp", o.code(), "scope", "openid"), 200, "")
	if c := o.claims(got.ID); fmt.Sprint(c["amr"]) != "[pwd otp mfa]" {
		t.Errorf("%v", c)
	}
	o.step()
	o.is(o.ask("/oauth2/v1/token", "grant_type", mfaOTP, "mfa_token", a.MFA, "otp", o.code()), 400, "access_denied")

	// With a push: challenged by the token, and taken with it alone.
	a = o.password()
	c := o.is(o.ask("/oauth2/v1/challenge", "mfa_token", a.MFA, "challenge_types_supported", mfaOOB, "channel_hint", "push"), 200, "")
	if c.Challenge != mfaOOB || c.Number == "" || c.Interval != 5 {
		t.Errorf("%+v", c)
	}
	o.approve(c.Number)
	o.is(o.poll(c.OOB), 400, "access_denied")
	o.is(o.ask("/oauth2/v1/token", "grant_type", mfaOOB, "mfa_token", "other", "oob_code", c.OOB), 400, "access_denied")
	o.Pass(5 * time.Second)
	got = o.is(o.ask("/oauth2/v1/token", "grant_type", mfaOOB, "mfa_token", a.MFA, "oob_code", c.OOB), 200, "")
	if cl := o.claims(got.ID); fmt.Sprint(cl["amr"]) != "[pwd mca mfa]" {
		t.Errorf("%v", cl)
	}
	o.Pass(5 * time.Second)
	o.is(o.ask("/oauth2/v1/challenge", "mfa_token", a.MFA, "challenge_types_supported", mfaOTP), 400, "access_denied")

	// What challenge chooses, and what it refuses.
	a = o.password()
	if c := o.is(o.ask("/oauth2/v1/challenge", "mfa_token", a.MFA, "challenge_types_supported", "foo "+mfaOTP), 200, ""); c.Challenge != mfaOTP || c.OOB != "" {
		t.Errorf("%+v", c)
	}
	c = o.is(o.ask("/oauth2/v1/challenge", "mfa_token", a.MFA, "challenge_types_supported", "foo"), 403, "access_denied")
	if c.Description != "`foo` isn't supported as a `challenge_type`. Try again with another value." {
		t.Error(c.Description)
	}
	o.Pass(time.Second)
	o.is(o.ask("/oauth2/v1/challenge", "mfa_token", a.MFA, "challenge_types_supported", mfaOOB), 400, "invalid_request")
	o.Pass(factor.MFALife)
	o.is(o.ask("/oauth2/v1/challenge", "mfa_token", a.MFA), 400, "access_denied")
	for range 5 {
		o.is(o.ask("/oauth2/v1/token", "grant_type", "password", "scope", "openid", "username", amy, "password", "wrong"), 400, "invalid_grant")
		o.Pass(time.Second)
	}
	if a := o.ask("/oauth2/v1/token", "grant_type", "password", "scope", "openid", "username", amy, "password", phrase); a.Status != 429 {
		t.Errorf("%d %s", a.Status, a.Raw)
	}
	// Who has no factor gets nothing for a password.
	o = newOrg(t)
	o.password()
	o.Update(func(tx *sql.Tx) error {
		return o.Factors.RemoveAll(context.Background(), tx, o.user, factor.By{Actor: systemlog.System()})
	})
	o.is(o.ask("/oauth2/v1/token", "grant_type", "password", "scope", "openid", "username", amy, "password", phrase), 403, "access_denied")
}

// What one client or Mac was given is of no use to another.
func TestForeignCodes(t *testing.T) {
	o := newOrg(t)
	other := o.newMac("C02B")
	var second directauth.Client
	var secret string
	o.Update(func(tx *sql.Tx) (err error) {
		second, secret, err = directauth.CreateClient(context.Background(), tx, o.Vault, "Other", o.Now())
		return err
	})
	mfa := o.password()
	c := o.is(o.ask("/oauth2/v1/challenge", "mfa_token", mfa.MFA, "challenge_types_supported", mfaOOB, "channel_hint", "push"), 200, "")
	o.approve(c.Number)
	own, foreign := []string{"client_id", o.id, "client_secret", o.secret}, []string{"client_id", second.ID, "client_secret", secret}
	for name, try := range map[string]func(path string, pairs ...string) answer{
		"another Mac": func(path string, pairs ...string) answer {
			return o.send(&other, path, fields(append(pairs, own...)...).Encode(), nil)
		},
		"another client": func(path string, pairs ...string) answer {
			return o.send(&o.mac, path, fields(append(pairs, foreign...)...).Encode(), nil)
		},
	} {
		o.is(try("/oauth2/v1/token", "grant_type", mfaOOB, "mfa_token", mfa.MFA, "oob_code", c.OOB), 400, "access_denied")
		o.is(try("/oauth2/v1/token", "grant_type", mfaOTP, "mfa_token", mfa.MFA, "otp", o.code()), 400, "access_denied")
		o.is(try("/oauth2/v1/challenge", "mfa_token", mfa.MFA), 400, "access_denied")
		if e := o.outcome(systemlog.AuthViaMFA); e.Outcome.Reason != "FOREIGN_CODE" {
			t.Errorf("%s: %+v", name, e.Outcome)
		}
		o.Pass(time.Second)
	}
	o.is(o.ask("/oauth2/v1/token", "grant_type", mfaOOB, "mfa_token", mfa.MFA, "oob_code", c.OOB), 200, "")
	o.Pass(time.Second)
	a := o.push(amy)
	o.approve(a.Number)
	o.is(o.send(&other, "/oauth2/v1/token", fields(append([]string{"grant_type", grantOOB, "scope", "openid", "oob_code", a.OOB}, own...)...).Encode(), nil), 400, "access_denied")
	o.is(o.poll(a.OOB), 200, "")
}

// How a client is known, and what it is told when it is not.
func TestClients(t *testing.T) {
	o := newOrg(t)
	basic := func(id, secret string) http.Header {
		req := http.Request{Header: http.Header{}}
		req.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
		return req.Header
	}
	otp := func(pairs ...string) string {
		return fields(append([]string{"grant_type", grantOTP, "scope", "openid", "login_hint", amy, "otp", "x"}, pairs...)...).Encode()
	}
	const wrong, none = "The client secret supplied for a confidential client is invalid.", "No client credentials found"
	for name, c := range map[string]struct {
		body   string
		header http.Header
		status int
		code   string
		words  string
	}{
		"in the header":    {otp(), basic(o.id, o.secret), 400, "invalid_grant", "The credentials provided were invalid."},
		"and the same id":  {otp("client_id", o.id), basic(o.id, o.secret), 400, "invalid_grant", "The credentials provided were invalid."},
		"and another id":   {otp("client_id", "x"), basic(o.id, o.secret), 401, "invalid_client", "Invalid value for the `client_id` parameter"},
		"wrong":            {otp("client_id", o.id, "client_secret", "x"), nil, 401, "invalid_client", wrong},
		"wrong, basic":     {otp(), basic(o.id, "x"), 401, "invalid_client", wrong},
		"unknown":          {otp("client_id", "x", "client_secret", o.secret), nil, 401, "invalid_client", wrong},
		"none":             {otp(), nil, 401, "invalid_client", none},
		"no secret":        {otp("client_id", o.id), nil, 401, "invalid_client", none},
		"both":             {otp("client_secret", o.secret), basic(o.id, o.secret), 400, "invalid_request", "Can't supply multiple client credentials. Use one of the following: credentials in the Authorization header, credentials in the post body, or a `client_assertion` in the post body."},
		"a bearer":         {otp(), http.Header{"Authorization": {"Bearer x"}}, 401, "invalid_client", none},
		"an assertion":     {otp("client_assertion", "x"), nil, 401, "invalid_client", "The client authentication method isn't supported. Use a client secret."},
		"escaped nonsense": {otp(), http.Header{"Authorization": {"Basic JTo="}}, 401, "invalid_client", none},
	} {
		a := o.send(&o.mac, "/oauth2/v1/token", c.body, c.header)
		if a.Status != c.status || a.Error != c.code || a.Description != c.words {
			t.Errorf("%s: %d %s", name, a.Status, a.Raw)
		}
		o.Pass(time.Second)
	}
	if n := len(o.Events(systemlog.TokenRefuse)); n != 1 {
		t.Errorf("%d events of refused clients within a minute, want 1", n)
	}
	o.Update(func(tx *sql.Tx) error {
		_, err := directauth.RevokeClient(context.Background(), tx, o.id, o.Now())
		return err
	})
	o.is(o.byOTP(amy, o.code()), 401, "invalid_client")
}

// What is malformed is refused with the reason, and quotes nothing that is
// secret.
func TestMalformed(t *testing.T) {
	o := newOrg(t)
	credentials := "&" + fields("client_id", o.id, "client_secret", o.secret).Encode()
	for name, c := range map[string]struct {
		path, body string
		status     int
		code       string
	}{
		"no grant":          {"token", "", 400, "invalid_request"},
		"a webauthn grant":  {"token", "grant_type=urn:okta:params:oauth:grant-type:webauthn&scope=openid", 400, "unsupported_grant_type"},
		"another grant":     {"token", "grant_type=authorization_code&code=x", 400, "unsupported_grant_type"},
		"no scope":          {"token", "grant_type=password&username=amy&password=x", 400, "invalid_scope"},
		"no code":           {"token", "grant_type=" + grantOTP + "&scope=openid&login_hint=amy", 400, "invalid_request"},
		"no login":          {"token", "grant_type=" + grantOTP + "&scope=openid&otp=123456", 400, "invalid_request"},
		"a long nonce":      {"token", "grant_type=" + grantOTP + "&scope=openid&otp=123456&login_hint=amy&nonce=" + strings.Repeat("n", 300), 400, "invalid_request"},
		"twice":             {"token", "grant_type=password&grant_type=password", 400, "invalid_request"},
		"no text":           {"token", "grant_type=%ff", 400, "invalid_request"},
		"no form":           {"token", "%zz", 400, "invalid_request"},
		"many":              {"token", strings.Repeat("&a=", 1) + manyFields(), 400, "invalid_request"},
		"long":              {"token", "otp=" + strings.Repeat("1", 5000), 400, "invalid_request"},
		"too large":         {"token", "otp=" + strings.Repeat("1", 17<<10), 413, ""},
		"a bad channel":     {"primary-authenticate", "login_hint=amy&channel_hint=sms&challenge_hint=" + grantOOB, 400, "invalid_request"},
		"no channel":        {"primary-authenticate", "login_hint=amy&challenge_hint=" + grantOOB, 400, "invalid_request"},
		"a bad challenge":   {"primary-authenticate", "login_hint=amy&channel_hint=push&challenge_hint=urn:okta:params:oauth:grant-type:webauthn", 400, "invalid_request"},
		"nobody":            {"primary-authenticate", "channel_hint=push&challenge_hint=" + grantOOB, 400, "invalid_request"},
		"no token":          {"challenge", "", 400, "invalid_request"},
		"an unknown token":  {"challenge", "mfa_token=x", 400, "access_denied"},
		"an unknown code":   {"token", "grant_type=" + grantOOB + "&scope=openid&oob_code=x", 400, "access_denied"},
		"an unknown mfa":    {"token", "grant_type=" + mfaOTP + "&otp=123456&mfa_token=x", 400, "access_denied"},
		"an unknown oob":    {"token", "grant_type=" + mfaOOB + "&oob_code=x&mfa_token=x", 400, "access_denied"},
		"SQL":               {"token", "grant_type=" + grantOTP + "&scope=openid&otp=123456&login_hint=" + url.QueryEscape(`' OR 1=1 --`), 400, "invalid_grant"},
		"HTML":              {"primary-authenticate", "login_hint=amy&channel_hint=" + url.QueryEscape("<script>`\n") + "&challenge_hint=" + grantOOB, 400, "invalid_request"},
		"SQL as an oob":     {"token", "grant_type=" + grantOOB + "&scope=openid&oob_code=" + url.QueryEscape(`x' OR '1'='1`), 400, "access_denied"},
		"a pattern of amys": {"primary-authenticate", "login_hint=" + url.QueryEscape("a%") + "&channel_hint=push&challenge_hint=" + grantOOB, 403, "access_denied"},
	} {
		a := o.send(&o.mac, "/oauth2/v1/"+c.path, c.body+credentials, nil)
		if a.Status != c.status || a.Error != c.code {
			t.Errorf("%s: %d %s", name, a.Status, a.Raw)
		}
		if strings.Contains(a.Raw, "<") || len(a.Raw) > 600 {
			t.Errorf("%s: %s", name, a.Raw)
		}
		o.Pass(time.Second)
	}
	a := o.send(&o.mac, "/oauth2/v1/token", `{"grant_type":"password"}`, http.Header{"Content-Type": {"application/json"}})
	o.is(a, 400, "invalid_request")
}

func manyFields() string {
	v := url.Values{}
	for n := range 40 {
		v.Set(fmt.Sprint("f", n), "x")
	}
	return v.Encode()
}
