package directauth_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/factor"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

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
