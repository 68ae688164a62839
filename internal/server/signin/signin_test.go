package signin_test

import (
	"context"
	"database/sql"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/signin"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

func TestSetUpAndSignIn(t *testing.T) {
	h := newHouse(t)
	p := h.join(amy, access.SuperAdmin)
	if a := p.session.Admin; a.Status != signin.Active || !a.HasTOTP || a.RecoveryCodesLeft != signin.RecoveryCodes || !a.SetUpUntil.IsZero() || !a.SignedInAt.Equal(h.now) {
		t.Fatalf("after set-up: %+v", a)
	}
	if got, err := h.Find(h.Context(), p.session.Token.Text()); err != nil || got.Admin.Login != amy || !got.Token.IsZero() {
		t.Fatalf("%+v %v", got, err)
	}
	half, err := h.Begin(h.Context(), " AMY@EXAMPLE.COM ", phrase, desk())
	h.must(err)
	if !half.TOTP || half.Passkey || half.SetUp || !half.PasswordSet || half.Login != amy || !half.EndsAt.Equal(h.now.Add(signin.HalfLife)) {
		t.Fatalf("%+v", half)
	}
	again, err := h.FindPending(h.Context(), half.Token.Text())
	h.must(err)
	if !again.Token.IsZero() || !again.TOTP || again.SetUp {
		t.Fatalf("%+v", again)
	}
	x, err := h.WithTOTP(h.Context(), half.Token.Text(), p.code(), desk())
	h.must(err)
	if want := (access.Caller{TokenID: p.admin.ID, Name: "console", Login: amy, Role: access.SuperAdmin}); !reflect.DeepEqual(x.Caller(), want) {
		t.Errorf("%+v", x.Caller())
	}
	e := h.last(systemlog.SessionStart)
	if e.Actor.AlternateID != amy || e.Client != desk() || e.Outcome.Result != systemlog.Success || e.Targets[0].ID != p.admin.ID || e.Detail["session"] != x.ID {
		t.Errorf("%+v", e)
	}
}

// TestTheTokenChanges: what opened the second step opens nothing afterwards, and
// what opens one stage opens no other.
func TestTheTokenChanges(t *testing.T) {
	h := newHouse(t)
	p := h.join(amy, access.SuperAdmin)
	half := p.begin()
	x, err := h.WithTOTP(h.Context(), half, p.code(), desk())
	h.must(err)
	if x.Token.Text() == half || strings.Contains(half, x.ID) {
		t.Fatal("the session has the token of the half one")
	}
	whole, fresh := x.Token.Text(), p.begin()
	for name, err := range map[string]error{
		"used half: pending":    errOf(h.FindPending(h.Context(), half)),
		"used half: session":    errOf(h.Find(h.Context(), half)),
		"used half: second":     errOf(h.WithTOTP(h.Context(), half, p.code(), desk())),
		"half: session":         errOf(h.Find(h.Context(), fresh)),
		"half: again":           errOf(h.ReauthenticateTOTP(h.Context(), fresh, p.code(), desk())),
		"half: recovery codes":  errOf(h.NewRecoveryCodes(h.Context(), fresh)),
		"half: set password":    h.SetPassword(h.Context(), fresh, phrase),
		"half: another factor":  errOf(h.BeginPasskey(h.Context(), fresh)),
		"whole: second":         errOf(h.WithTOTP(h.Context(), whole, p.code(), desk())),
		"whole: recovery":       errOf(h.WithRecoveryCode(h.Context(), whole, p.codes[0].Text(), desk())),
		"whole: set password":   h.SetPassword(h.Context(), whole, phrase),
		"whole: pending":        errOf(h.FindPending(h.Context(), whole)),
		"a digit off":           errOf(h.Find(h.Context(), whole[:len(whole)-1]+"!")),
		"the secret of another": errOf(h.Find(h.Context(), whole[:strings.LastIndex(whole, "_")]+fresh[strings.LastIndex(fresh, "_"):])),
		"empty":                 errOf(h.Find(h.Context(), "")),
		"no secret":             errOf(h.Find(h.Context(), whole[:strings.LastIndex(whole, "_")+1])),
		"an API token":          errOf(h.Find(h.Context(), "lks_tok_x")),
	} {
		if !errors.Is(err, signin.ErrNoSession) {
			t.Errorf("%s: %v", name, err)
		}
	}
	h.must(errOf(h.Find(h.Context(), whole)))
}

func errOf[T any](_ T, err error) error { return err }

// TestRefusalsSayOneThing: a wrong login, a wrong password and an account that
// may not are the same to whoever tries, and cost the same.
func TestRefusalsSayOneThing(t *testing.T) {
	h := newHouse(t)
	p := h.join(amy, access.SuperAdmin)
	h.invite("waits@example.com", access.OrgAdmin)
	gone := h.join("gone@example.com", access.OrgAdmin)
	h.must(h.tx(func(tx *sql.Tx) error { return h.Suspend(h.Context(), tx, gone.admin.ID, cli()) }))
	for name, c := range map[string]struct {
		login, password string
		reason          string
		actor           string
	}{
		"wrong password":       {amy, phrase + "!", "INVALID_CREDENTIALS", amy},
		"password in capitals": {amy, strings.ToUpper(phrase), "INVALID_CREDENTIALS", amy},
		"no password":          {amy, "", "INVALID_CREDENTIALS", amy},
		"very long password":   {amy, strings.Repeat(phrase, 1000), "INVALID_CREDENTIALS", amy},
		"unknown login":        {"nobody@example.com", phrase, "INVALID_CREDENTIALS", "unknown"},
		"password as login":    {phrase, amy, "INVALID_CREDENTIALS", "unknown"},
		"no login":             {"", phrase, "INVALID_CREDENTIALS", "unknown"},
		"very long login":      {strings.Repeat("x", 100_000), phrase, "INVALID_CREDENTIALS", "unknown"},
		"not set up":           {"waits@example.com", "", "ACCOUNT_NOT_ACTIVE", "waits@example.com"},
		"suspended":            {"gone@example.com", phrase, "ACCOUNT_NOT_ACTIVE", "gone@example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			before := h.hashes.Load()
			got, err := h.Begin(h.Context(), c.login, c.password, desk())
			if err != signin.ErrRefused || got != (signin.Pending{}) {
				t.Errorf("%v %+v", err, got)
			}
			if n := h.hashes.Load() - before; n != 1 {
				t.Errorf("%d passwords were computed", n)
			}
			e := h.last(systemlog.SessionStart)
			if e.Outcome != (systemlog.Outcome{Result: systemlog.Failure, Reason: c.reason}) || e.Actor.AlternateID != c.actor || e.Client != desk() || e.Detail["factor"] != "password" {
				t.Errorf("%+v", e)
			}
			h.pass(time.Hour)
		})
	}
	h.must(errOf(h.Begin(h.Context(), amy, phrase, desk())))
	_ = p
}

// TestACodeIsUsedOnce: neither a step nor an earlier one is taken again, also
// not by another half session or to authenticate again.
func TestACodeIsUsedOnce(t *testing.T) {
	h := newHouse(t)
	p := h.join(amy, access.SuperAdmin)
	one, two := p.begin(), p.begin()
	code := p.code()
	earlier := p.key.Code(totp.Step(h.now) - 1)
	x, err := h.WithTOTP(h.Context(), one, code, desk())
	h.must(err)
	for name, again := range map[string]string{"the same": code, "in twos": code[:3] + " " + code[3:], "the one before": earlier, "two steps ahead": p.key.Code(totp.Step(h.now) + 2)} {
		if _, err := h.WithTOTP(h.Context(), two, again, desk()); err != signin.ErrRefused {
			t.Errorf("%s: %v", name, err)
		}
	}
	h.pardon() // the waits have a test of their own
	if _, err = h.ReauthenticateTOTP(h.Context(), x.Token.Text(), code, desk()); err != signin.ErrRefused {
		t.Errorf("to authenticate again: %v", err)
	}
	// A phone whose clock is a step ahead.
	if _, err := h.WithTOTP(h.Context(), two, p.key.Code(totp.Step(h.now)+1), desk()); err != nil {
		t.Errorf("one step ahead: %v", err)
	}
}

func TestWhatIsNoCodeIsNoTry(t *testing.T) {
	h := newHouse(t)
	p := h.join(amy, access.SuperAdmin)
	half := p.begin()
	for range 2 * signin.ClientTries {
		_, err := h.WithTOTP(h.Context(), half, "12345", desk())
		h.is(err, signin.ErrNotACode)
		_, err = h.WithRecoveryCode(h.Context(), half, "ABCD-EFGH", desk())
		h.is(err, signin.ErrNotACode)
	}
	h.must(errOf(h.WithTOTP(h.Context(), half, p.code(), desk())))
}

func TestRecoveryCodes(t *testing.T) {
	h := newHouse(t)
	p := h.join(amy, access.SuperAdmin)
	other := h.join("bob@example.com", access.SuperAdmin)
	seen := map[string]bool{}
	for _, c := range p.codes {
		seen[c.Text()] = true
		if len(c.Text()) != 14 || c.Text()[4] != '-' {
			t.Errorf("the code %q is not in groups", c.Text())
		}
	}
	if len(seen) != signin.RecoveryCodes {
		t.Fatalf("%d different codes", len(seen))
	}
	x, err := h.WithRecoveryCode(h.Context(), p.begin(), strings.ToLower(strings.ReplaceAll(p.codes[0].Text(), "-", " ")), desk())
	h.must(err)
	if x.Admin.RecoveryCodesLeft != signin.RecoveryCodes-1 {
		t.Errorf("%d are left", x.Admin.RecoveryCodesLeft)
	}
	if e := h.last(systemlog.AuthViaMFA); e.Severity != systemlog.Warn || e.Detail["left"] != "9" || e.Detail["factor"] != "recovery_code" {
		t.Errorf("%+v", e)
	}
	_, err = h.WithRecoveryCode(h.Context(), p.begin(), p.codes[0].Text(), desk())
	h.is(err, signin.ErrRefused) // used
	_, err = h.WithRecoveryCode(h.Context(), p.begin(), other.codes[0].Text(), desk())
	h.is(err, signin.ErrRefused) // another's
	made, err := h.NewRecoveryCodes(h.Context(), x.Token.Text())
	h.must(err)
	_, err = h.WithRecoveryCode(h.Context(), p.begin(), p.codes[1].Text(), desk())
	h.is(err, signin.ErrRefused) // replaced
	h.must(errOf(h.WithRecoveryCode(h.Context(), p.begin(), made[9].Text(), desk())))
}

// TestOneOfTwo: of two who show the same code at the same time, one gets in.
func TestOneOfTwo(t *testing.T) {
	h := newHouse(t)
	p := h.join(amy, access.SuperAdmin)
	for name, show := range map[string]func(half string) error{
		"an app's": func(code string) func(string) error {
			return func(half string) error { return errOf(h.WithTOTP(h.Context(), half, code, desk())) }
		}(p.code()),
		"a recovery code": func(half string) error {
			return errOf(h.WithRecoveryCode(h.Context(), half, p.codes[3].Text(), desk()))
		},
	} {
		halves := []string{p.begin(), p.begin(), p.begin()}
		var wait sync.WaitGroup
		in := make([]error, len(halves))
		for i, half := range halves {
			wait.Go(func() { in[i] = show(half) })
		}
		wait.Wait()
		n := 0
		for _, err := range in {
			if err == nil {
				n++
			} else if err != signin.ErrRefused {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n != 1 {
			t.Errorf("%s: %d got in", name, n)
		}
	}
}

func TestReauthenticate(t *testing.T) {
	h := newHouse(t)
	p := h.join(amy, access.SuperAdmin)
	x := p.signIn()
	token := x.Token.Text()
	if !h.Fresh(x, time.Minute) || h.Fresh(x, 0) {
		t.Error("a new sign-in is not fresh, or is for ever")
	}
	h.pass(signin.FreshFor)
	x, err := h.Find(h.Context(), token)
	h.must(err)
	if h.Fresh(x, signin.FreshFor) {
		t.Error("still fresh")
	}
	_, err = h.NewRecoveryCodes(h.Context(), token)
	h.is(err, signin.ErrNotFresh)
	_, _, err = h.TOTPSecret(h.Context(), token)
	h.is(err, signin.ErrNotFresh)
	_, err = h.BeginPasskey(h.Context(), token)
	h.is(err, signin.ErrNotFresh)
	h.is(h.AddPasskey(h.Context(), token, "x", []byte(`{}`)), signin.ErrNotFresh)
	h.is(h.RemoveTOTP(h.Context(), token), signin.ErrNotFresh)
	h.is(h.RemovePasskey(h.Context(), token, "x"), signin.ErrNotFresh)
	h.is(h.ReplaceTOTP(h.Context(), token, "123456"), signin.ErrNotFresh)
	_, err = h.ReauthenticateTOTP(h.Context(), token, "000000", desk())
	h.is(err, signin.ErrRefused)
	x, err = h.ReauthenticateTOTP(h.Context(), token, p.code(), desk())
	h.must(err)
	if !h.Fresh(x, time.Minute) {
		t.Error("not fresh")
	}
	h.must(errOf(h.NewRecoveryCodes(h.Context(), token)))
	h.now = h.now.Add(-time.Hour)
	if h.Fresh(x, time.Minute) {
		t.Error("fresh by a clock that went back")
	}
}

// TestACallerThatHangsUp: neither a count nor a slot is lost, and the wait for
// one ends.
func TestACallerThatHangsUp(t *testing.T) {
	h := newHouse(t)
	h.join(amy, access.SuperAdmin)
	ctx, stop := context.WithCancel(h.Context())
	stop()
	for range 3 {
		if _, err := h.Begin(ctx, amy, phrase, desk()); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	h.must(errOf(h.Begin(h.Context(), amy, phrase, desk())))
}
