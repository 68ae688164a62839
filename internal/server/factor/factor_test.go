package factor_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/factor"
	"github.com/latchkey-mfa/latchkey/internal/server/password"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/store/storetest"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const phrase = "seven quiet lamps 8"

// house is a book with its database and a clock.
type house struct {
	testing.TB
	*factor.Book
	db  *store.DB
	log *systemlog.Log
	mac factor.Asker

	mu  sync.Mutex
	now time.Time
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{TB: t, now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)}
	v, err := vault.Create(filepath.Join(t.TempDir(), "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	h.db = storetest.Open(t)
	h.log = systemlog.New(v.Key(vault.ForLog), h.clock)
	hasher := password.NewHasher()
	hasher.Cost = password.Cost{Time: 1, Memory: 8, Lanes: 1}
	h.Book = &factor.Book{DB: h.db, Vault: v, Log: h.log, Hasher: hasher, Now: h.clock}
	h.mac = factor.Asker{ClientID: "cli1", Device: directory.Device{ID: "dev1", Serial: "C02A"}, From: systemlog.Client{IPAddress: "192.0.2.7"}}
	return h
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *house) is(got, want error) {
	h.Helper()
	if !errors.Is(got, want) || want == nil && got != nil {
		h.Errorf("%v, want %v", got, want)
	}
}

func (h *house) update(do func(tx *sql.Tx) error) {
	h.Helper()
	h.must(h.db.Update(context.Background(), do))
}

func by() factor.By { return factor.By{Actor: systemlog.System()} }

// join makes a user with an app and a phone.
func (h *house) join(login string) (s factor.Subject, k totp.Key) {
	h.Helper()
	h.update(func(tx *sql.Tx) error {
		u, err := directory.CreateUser(context.Background(), tx, directory.User{Login: login}, h.clock())
		if err != nil {
			return err
		}
		f, key, err := h.EnrolTOTP(context.Background(), tx, u, "app")
		if err != nil {
			return err
		}
		k = key
		if err := h.TrustTOTP(context.Background(), tx, u, f.ID, by()); err != nil {
			return err
		}
		_, err = h.EnrolPhone(context.Background(), tx, u, "phone", by())
		return err
	})
	s, err := h.Subject(context.Background(), login)
	h.must(err)
	return s, k
}

func (h *house) events(kind string) (found []systemlog.Event) {
	h.Helper()
	h.update(func(tx *sql.Tx) (err error) {
		found, err = h.log.Find(context.Background(), tx, systemlog.Query{Type: kind, Limit: systemlog.MaxLimit})
		return err
	})
	return found
}

func (h *house) waiting() (found []factor.Push) {
	h.Helper()
	h.update(func(tx *sql.Tx) (err error) {
		found, err = h.Pushes(context.Background(), tx, false)
		return err
	})
	return found
}

// A hint is the whole login, or the local part of exactly one.
func TestSubject(t *testing.T) {
	h := newHouse(t)
	amy, _ := h.join("amy@example.com")
	h.join("bob@example.com")
	h.join("bob@example.net")
	h.join("cy")
	h.join("a_y@example.com")
	for hint, want := range map[string]string{"amy@example.com": "amy@example.com", " AMY ": "amy@example.com", "amy": "amy@example.com", "bob": "", "bob@example.net": "bob@example.net",
		"cy": "cy", "am": "", "a%": "", "a_y": "a_y@example.com", `amy\`: "", "amy@": "", "amy@example": "", "": "", "@example.com": "", "%": "", "nobody": ""} {
		s, err := h.Subject(t.Context(), hint)
		if err != nil || s.User.Login != want || s.Key == "" {
			t.Errorf("%q is %q (%v), want %q", hint, s.User.Login, err, want)
		}
	}
	again, _ := h.Subject(t.Context(), "amy")
	if again.Key != amy.Key {
		t.Error("the same user under two keys: each would have tries of its own")
	}
}

// What is set up is listed, confirmed and removed; what cannot be is told.
func TestEnrolment(t *testing.T) {
	h := newHouse(t)
	s, _ := h.join("amy@example.com")
	ctx := t.Context()
	var f factor.Factor
	var k totp.Key
	h.pass(time.Second)
	h.update(func(tx *sql.Tx) (err error) {
		if _, _, err = h.EnrolTOTP(ctx, tx, s.User, "first"); err != nil {
			return err
		}
		f, k, err = h.EnrolTOTP(ctx, tx, s.User, "second")
		return err
	})
	h.update(func(tx *sql.Tx) error {
		all, err := h.List(ctx, tx, s.User.ID)
		if len(all) != 3 || all[2].Confirmed || all[2].CreatedAt != h.clock() || all[2].Name != "second" {
			t.Errorf("%+v: the unconfirmed one before is still there", all)
		}
		h.is(h.ConfirmTOTP(ctx, tx, s.User, f.ID, "12", by()), factor.ErrNotACode)
		h.is(h.ConfirmTOTP(ctx, tx, s.User, f.ID, k.Code(totp.Step(h.clock())+5), by()), factor.ErrRefused)
		h.is(h.ConfirmTOTP(ctx, tx, s.User, "none", "123456", by()), factor.ErrNotFound)
		h.is(h.ConfirmTOTP(ctx, tx, s.User, all[0].ID, "123456", by()), factor.ErrState)
		h.is(h.ConfirmTOTP(ctx, tx, s.User, all[1].ID, "123456", by()), factor.ErrState)
		h.is(h.Remove(ctx, tx, s.User, "none", by()), factor.ErrNotFound)
		h.is(h.Remove(ctx, tx, directory.User{ID: "other"}, f.ID, by()), factor.ErrNotFound)
		for _, name := range []string{"", " ", strings.Repeat("x", 65), "a\nb", "a\xff"} {
			_, err := h.EnrolPhone(ctx, tx, s.User, name, by())
			h.is(err, factor.ErrName)
		}
		return err
	})
	h.is(h.TryTOTP(ctx, s, k.Code(totp.Step(h.clock())), "", h.mac), factor.ErrRefused) // not confirmed
	h.update(func(tx *sql.Tx) error {
		return h.ConfirmTOTP(ctx, tx, s.User, f.ID, k.Code(totp.Step(h.clock())), by())
	})
	h.is(h.TryTOTP(ctx, s, k.Code(totp.Step(h.clock())), "", h.mac), factor.ErrRefused) // that one has confirmed it
	h.pass(totp.Period)
	h.must(h.TryTOTP(ctx, s, k.Code(totp.Step(h.clock())), "", h.mac))
	h.update(func(tx *sql.Tx) error {
		for n := 3; n < 10; n++ {
			if _, err := h.EnrolPhone(ctx, tx, s.User, "phone", by()); err != nil {
				return err
			}
		}
		_, err := h.EnrolPhone(ctx, tx, s.User, "phone", by())
		h.is(err, factor.ErrTooMany)
		return h.RemoveAll(ctx, tx, s.User, by())
	})
	if n := len(h.events(systemlog.FactorDeactivate)); n != 10 {
		t.Errorf("%d events", n)
	}
}

// A sealed key that was moved to another user does not open.
func TestSealedKeysDoNotMove(t *testing.T) {
	h := newHouse(t)
	amy, k := h.join("amy@example.com")
	bob, _ := h.join("bob@example.com")
	h.update(func(tx *sql.Tx) error {
		_, err := tx.Exec(`UPDATE user_factors SET sealed = (SELECT sealed FROM user_factors WHERE user_id = $1 AND kind = 'totp') WHERE user_id = $2 AND kind = 'totp'`, amy.User.ID, bob.User.ID)
		return err
	})
	if err := h.TryTOTP(t.Context(), bob, k.Code(totp.Step(h.clock())), "", h.mac); !errors.Is(err, vault.ErrSealed) {
		t.Error(err)
	}
}

// The number that is matched is one of the three, and stands nowhere else.
func TestNumbersAreNotKept(t *testing.T) {
	h := newHouse(t)
	s, _ := h.join("amy@example.com")
	seen := map[string]bool{}
	for range 40 {
		c, err := h.Push(t.Context(), s, "", h.mac)
		h.must(err)
		p := h.waiting()[0]
		at := -1
		for i, n := range p.Numbers {
			if n == c.Number {
				at = i
			}
			if len(n) != 2 {
				t.Errorf("number %q", n)
			}
		}
		if len(p.Numbers) != 3 || at < 0 || p.Numbers[0] >= p.Numbers[1] || p.Numbers[1] >= p.Numbers[2] {
			t.Errorf("%v offers not %q, or not in order", p.Numbers, c.Number)
		}
		seen[fmt.Sprint(at)] = true
		var row string
		h.update(func(tx *sql.Tx) error {
			return tx.QueryRow(`SELECT code_digest || number_digest FROM pushes WHERE id = $1`, p.ID).Scan(&row)
		})
		if strings.Contains(row, c.Code) || len(row) != 128 {
			t.Errorf("the row has %q", row)
		}
		h.is(h.Approve(t.Context(), p.ID, "", by()), factor.ErrNumber)
		h.is(h.Approve(t.Context(), p.ID, "1x", by()), factor.ErrNumber)
		h.must(h.Approve(t.Context(), p.ID, c.Number, by()))
		h.is(h.Approve(t.Context(), p.ID, c.Number, by()), factor.ErrState)
		h.is(h.Deny(t.Context(), p.ID, false, by()), factor.ErrState)
		_, err = h.Redeem(t.Context(), c.Code, "", h.mac)
		h.must(err)
	}
	if len(seen) != 3 {
		t.Errorf("the right one stands only at %v", seen)
	}
	h.is(h.Deny(t.Context(), "none", false, by()), factor.ErrNotFound)
}

// A wrong password is counted, also by nobody; a right one that leads nowhere is
// none.
func TestPasswords(t *testing.T) {
	h := newHouse(t)
	s, _ := h.join("amy@example.com")
	var unfit *password.UnfitError
	if err := h.SetPassword(t.Context(), "amy@example.com", "short", by()); !errors.As(err, &unfit) {
		t.Error(err)
	}
	h.is(h.SetPassword(t.Context(), "nobody", phrase, by()), factor.ErrNotFound)
	h.must(h.SetPassword(t.Context(), "amy@example.com", phrase, by()))
	nobody, err := h.Subject(t.Context(), "nobody")
	h.must(err)
	for _, who := range []factor.Subject{nobody, s} {
		for range factor.Tries {
			_, err := h.TryPassword(t.Context(), who, "wrong", h.mac)
			h.is(err, factor.ErrRefused)
		}
		var wait *factor.WaitError
		if _, err := h.TryPassword(t.Context(), who, phrase, h.mac); !errors.As(err, &wait) || wait.Wait != factor.FirstWait {
			t.Error(err)
		}
	}
	h.pass(factor.FirstWait)
	m, err := h.TryPassword(t.Context(), s, phrase, h.mac)
	h.must(err)
	if len(m.Kinds) != 2 || m.Token == "" {
		t.Errorf("%+v", m)
	}
	// A password that is set anew voids what the old one led to.
	h.must(h.SetPassword(t.Context(), "amy@example.com", phrase+" more", by()))
	_, _, err = h.After(t.Context(), m.Token, h.mac)
	h.is(err, factor.ErrExpired)
	_, err = h.TryPassword(t.Context(), s, phrase, h.mac)
	h.is(err, factor.ErrRefused)
	if n := len(h.events(systemlog.AccountLock)); n != 2 {
		t.Errorf("%d waits are told of", n)
	}
}

// A try that is cut off after it was counted stays counted.
func TestACutOffTryIsCounted(t *testing.T) {
	h := newHouse(t)
	s, k := h.join("amy@example.com")
	broken := *h.Book
	broken.Log = journal(func(systemlog.Event) error { return errors.New("the power went out") })
	for range factor.Tries {
		if err := broken.TryTOTP(t.Context(), s, "000000", "", h.mac); err == nil {
			t.Error("no error")
		}
	}
	var wait *factor.WaitError
	if err := h.TryTOTP(t.Context(), s, k.Code(totp.Step(h.clock())), "", h.mac); !errors.As(err, &wait) {
		t.Error(err)
	}
}

// journal is a log that fails.
type journal func(systemlog.Event) error

func (j journal) Append(_ context.Context, _ *sql.Tx, e systemlog.Event) error { return j(e) }

// No one is told of without its event: what cannot be told does not happen.
func TestNothingHappensUntold(t *testing.T) {
	h := newHouse(t)
	s, k := h.join("amy@example.com")
	c, err := h.Push(t.Context(), s, "", h.mac)
	h.must(err)
	p := h.waiting()[0]
	mute := *h.Book
	mute.Log = journal(func(systemlog.Event) error { return errors.New("no log") })
	if mute.TryTOTP(t.Context(), s, k.Code(totp.Step(h.clock())), "", h.mac) == nil || mute.Approve(t.Context(), p.ID, c.Number, by()) == nil || mute.Deny(t.Context(), p.ID, true, by()) == nil {
		t.Error("it happened")
	}
	if len(h.waiting()) != 1 {
		t.Error("the push was answered")
	}
	h.must(h.TryTOTP(t.Context(), s, k.Code(totp.Step(h.clock())), "", h.mac)) // the code was not used up
	h.must(h.Approve(t.Context(), p.ID, c.Number, by()))
	h.pass(factor.PollInterval)
	if _, err := mute.Redeem(t.Context(), c.Code, "", h.mac); err == nil {
		t.Error("it was redeemed")
	}
	_, err = h.Redeem(t.Context(), c.Code, "", h.mac)
	h.must(err)
}
