package factor_test

import (
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/factor"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

// The waits after wrong codes: none, then a minute, doubled up to an hour; after
// a day without one all is forgotten.
func TestWaits(t *testing.T) {
	h := newHouse(t)
	s, k := h.join("amy@example.com")
	wrong := func() error {
		return h.TryTOTP(t.Context(), s, k.Code(totp.Step(h.clock())+100), "", h.mac)
	}
	for range factor.Tries {
		h.is(wrong(), factor.ErrRefused)
	}
	for _, minutes := range []int{1, 2, 4, 8, 16, 32, 60, 60, 60} {
		var wait *factor.WaitError
		if err := wrong(); !errors.As(err, &wait) || wait.Wait != time.Duration(minutes)*time.Minute {
			t.Fatalf("%v, want to wait %d minutes", err, minutes)
		}
		h.pass(wait.Wait - time.Second)
		if err := wrong(); !errors.As(err, &wait) || wait.Wait != time.Second || wait.Error() != "wait 1 seconds" {
			t.Fatalf("a second before its end: %v", err)
		}
		h.pass(time.Second)
		h.is(wrong(), factor.ErrRefused)
	}
	h.pass(24 * time.Hour)
	for range factor.Tries {
		h.is(wrong(), factor.ErrRefused)
	}
}

// Who may not sign in is refused with the right code and the right password, and
// the code is used up.
func TestWhoMayNotSignIn(t *testing.T) {
	for _, op := range []directory.Lifecycle{directory.Suspend, directory.Deactivate} {
		h := newHouse(t)
		s, k := h.join("amy@example.com")
		h.must(h.SetPassword(t.Context(), "amy@example.com", phrase, by()))
		change := func(c directory.Lifecycle) {
			h.update(func(tx *sql.Tx) error {
				_, err := directory.ChangeUser(t.Context(), tx, s.User.ID, c, h.clock())
				return err
			})
		}
		m, err := h.TryPassword(t.Context(), s, phrase, h.mac)
		h.must(err)
		change(op)
		code := k.Code(totp.Step(h.clock()))
		h.is(h.TryTOTP(t.Context(), s, code, "", h.mac), factor.ErrRefused)
		h.is(h.TryTOTP(t.Context(), s, code, m.Token, h.mac), factor.ErrRefused)
		_, err = h.TryPassword(t.Context(), s, phrase, h.mac)
		h.is(err, factor.ErrRefused)
		_, err = h.Push(t.Context(), s, "", h.mac)
		h.is(err, factor.ErrNoFactor)
		for _, e := range h.events(systemlog.AuthViaMFA)[1:] {
			if e.Outcome.Reason != "ACCOUNT_NOT_ACTIVE" {
				t.Errorf("%+v", e.Outcome)
			}
		}
		change(map[directory.Lifecycle]directory.Lifecycle{directory.Suspend: directory.Unsuspend, directory.Deactivate: directory.Activate}[op])
		h.is(h.TryTOTP(t.Context(), s, code, "", h.mac), factor.ErrRefused)
		h.pass(totp.Period)
		h.must(h.TryTOTP(t.Context(), s, k.Code(totp.Step(h.clock())), "", h.mac))
	}
}
