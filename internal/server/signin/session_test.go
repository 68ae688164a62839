package signin_test

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/signin"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

func TestSessionsEnd(t *testing.T) {
	for name, c := range map[string]struct {
		step time.Duration // between two requests
		good int           // requests that are answered
	}{
		"idle":                {signin.Idle, 0},
		"a second before":     {signin.Idle - time.Second, 24},
		"twelve hours in all": {20 * time.Minute, 35},
		"every few seconds":   {50 * time.Second, 863},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			x := h.join(amy, access.SuperAdmin).session
			n := 0
			for range 2000 {
				h.pass(c.step)
				if _, err := h.Find(h.Context(), x.Token.Text()); err != nil {
					h.is(err, signin.ErrNoSession)
					break
				}
				n++
			}
			if n != c.good {
				t.Errorf("%d requests were answered, want %d", n, c.good)
			}
		})
	}
}

func TestHalfSessionsEnd(t *testing.T) {
	h := newHouse(t)
	p := h.join(amy, access.SuperAdmin)
	half := p.begin()
	h.pass(signin.HalfLife - time.Second)
	h.must(errOf(h.FindPending(h.Context(), half)))
	h.pass(time.Second)
	h.is(errOf(h.FindPending(h.Context(), half)), signin.ErrNoSession)
	h.is(errOf(h.WithTOTP(h.Context(), half, p.code(), desk())), signin.ErrNoSession)
	// Six passwords leave five half sessions.
	first := p.begin()
	for range 5 {
		h.pass(time.Second)
		p.begin()
	}
	h.is(errOf(h.FindPending(h.Context(), first)), signin.ErrNoSession)
}

// TestSeenToTheMinute: a request is no write.
func TestSeenToTheMinute(t *testing.T) {
	h := newHouse(t)
	x := h.join(amy, access.SuperAdmin).session
	begun := h.now
	seen := func(after time.Duration) time.Duration {
		h.now = begun.Add(after)
		h.must(errOf(h.Find(h.Context(), x.Token.Text())))
		var list []signin.Session
		h.must(h.tx(func(tx *sql.Tx) (err error) {
			list, err = h.Sessions(h.Context(), tx, x.Admin.ID)
			return err
		}))
		return list[0].SeenAt.Sub(begun)
	}
	for after, want := range map[time.Duration]time.Duration{59 * time.Second: 0} {
		if got := seen(after); got != want {
			t.Errorf("after %s: %s", after, got)
		}
	}
	if got := seen(61 * time.Second); got != 61*time.Second {
		t.Errorf("after a minute: %s", got)
	}
	if got := seen(100 * time.Second); got != 61*time.Second {
		t.Errorf("39 seconds later: %s", got)
	}
}

func TestSignOutAndRevoke(t *testing.T) {
	h := newHouse(t)
	p := h.join(amy, access.SuperAdmin)
	bob := h.join("bob@example.com", access.SuperAdmin)
	one, two, three := p.session, p.signIn(), p.signIn()
	h.signsOut(one.Token.Text())
	h.is(errOf(h.Find(h.Context(), one.Token.Text())), signin.ErrNoSession)
	if e := h.last(systemlog.SessionEnd); e.Actor.AlternateID != amy || e.Detail["session"] != one.ID || e.Client != desk() {
		t.Errorf("%+v", e)
	}
	h.signsOut(one.Token.Text())
	h.signsOut("nonsense")
	half := p.begin()
	h.signsOut(half)
	h.is(errOf(h.FindPending(h.Context(), half)), signin.ErrNoSession)
	if n := len(h.events(systemlog.SessionEnd)); n != 1 {
		t.Errorf("%d events", n)
	}

	revoke := func(admin, session string) error {
		return h.tx(func(tx *sql.Tx) error { return h.Revoke(h.Context(), tx, admin, session, bob.session.By()) })
	}
	h.is(revoke(bob.admin.ID, two.ID), signin.ErrNotFound) // another's
	h.is(revoke("admzzz", two.ID), signin.ErrNotFound)
	h.must(errOf(h.Find(h.Context(), two.Token.Text())))
	h.must(revoke(p.admin.ID, two.ID))
	h.is(errOf(h.Find(h.Context(), two.Token.Text())), signin.ErrNoSession)
	h.is(revoke(p.admin.ID, two.ID), signin.ErrNotFound)
	if e := h.last(systemlog.SessionEnd); e.Actor.AlternateID != "bob@example.com" || e.Targets[0].AlternateID != amy || e.Severity != systemlog.Warn {
		t.Errorf("%+v", e)
	}
	var list []signin.Session
	h.must(h.tx(func(tx *sql.Tx) (err error) { list, err = h.Sessions(h.Context(), tx, p.admin.ID); return err }))
	if len(list) != 1 || list[0].ID != three.ID || !list[0].Token.IsZero() || list[0].Client != desk() {
		t.Errorf("%+v", list)
	}
	h.pass(signin.Idle)
	h.must(h.tx(func(tx *sql.Tx) (err error) { list, err = h.Sessions(h.Context(), tx, p.admin.ID); return err }))
	if len(list) != 0 {
		t.Errorf("%+v", list)
	}
}

// TestSessionsAreBounded, in number and in what a client says of itself.
func TestSessionsAreBounded(t *testing.T) {
	h := newHouse(t)
	p := h.join(amy, access.SuperAdmin)
	long := systemlog.Client{IPAddress: strings.Repeat("1", 1000), UserAgent: strings.Repeat("ü", 1000)}
	x, err := h.WithTOTP(h.Context(), p.begin(), p.code(), long)
	h.must(err)
	if len(x.Client.IPAddress) > 64 || len(x.Client.UserAgent) > 256 || strings.ContainsRune(x.Client.UserAgent, '\uFFFD') {
		t.Errorf("%+v", x.Client)
	}
	for range 25 {
		p.signIn()
	}
	var n int
	h.must(h.tx(func(tx *sql.Tx) error { return tx.QueryRow(`SELECT count(*) FROM admin_sessions`).Scan(&n) }))
	if n != 20 {
		t.Errorf("%d sessions", n)
	}
	h.is(errOf(h.Find(h.Context(), x.Token.Text())), signin.ErrNoSession)
	h.pass(signin.Life)
	p.signIn()
	h.must(h.tx(func(tx *sql.Tx) error { return tx.QueryRow(`SELECT count(*) FROM admin_sessions`).Scan(&n) }))
	if n != 1 {
		t.Errorf("%d sessions are kept that are over", n)
	}
}
