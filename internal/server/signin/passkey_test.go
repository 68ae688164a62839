package signin_test

import (
	"strings"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/signin"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// joinWithKey sets an account up with a passkey alone.
func (h *house) joinWithKey(k *key) *person {
	h.Helper()
	a, code := h.invite(amy, access.SuperAdmin)
	p := &person{house: h, login: amy, password: phrase, admin: a}
	begun, err := h.BeginSetUp(h.Context(), amy, code, desk())
	h.must(err)
	h.must(h.SetPassword(h.Context(), begun.Token.Text(), phrase))
	p.codes, p.session, err = h.FinishPasskey(h.Context(), begun.Token.Text(), "blue key", k.register(begun.Token.Text()))
	h.must(err)
	return p
}

func TestPasskeyRoundTrip(t *testing.T) {
	h := newHouse(t)
	k := h.newKey()
	p := h.joinWithKey(k)
	if a := p.session.Admin; a.Status != signin.Active || len(a.Passkeys) != 1 || a.Passkeys[0].Name != "blue key" || a.HasTOTP || a.RecoveryCodesLeft != 10 || len(p.codes) != 10 {
		t.Fatalf("after set-up: %+v", a)
	}
	half, err := h.Begin(h.Context(), amy, phrase, desk())
	h.must(err)
	if half.TOTP || !half.Passkey || half.SetUp || !half.RecoveryCodes {
		t.Fatalf("%+v", half)
	}
	k.cred.Counter = 1
	x, err := h.WithPasskey(h.Context(), half.Token.Text(), k.prove(half.Token.Text()), desk())
	h.must(err)
	if got, err := h.Find(h.Context(), x.Token.Text()); err != nil || got.Admin.Login != amy || got.Admin.Passkeys[0].UsedAt.IsZero() {
		t.Fatalf("%+v %v", got, err)
	}
	if e := h.last(systemlog.AuthViaMFA); e.Outcome.Result != systemlog.Success || e.Detail["factor"] != "passkey" {
		t.Errorf("%+v", e)
	}
}

func TestPasskeyRefused(t *testing.T) {
	h := newHouse(t)
	k := h.newKey()
	k.cred.Counter = 7
	p := h.joinWithKey(k)
	strange := h.newKey()
	for name, c := range map[string]func(token string) []byte{
		"another origin": func(token string) []byte {
			k.site.Origin = "https://mfa.example.com.evil.example"
			defer func() { k.site.Origin = origin }()
			return k.prove(token)
		},
		"another port": func(token string) []byte {
			k.site.Origin = "https://mfa.example.com"
			defer func() { k.site.Origin = origin }()
			return k.prove(token)
		},
		"another site": func(token string) []byte {
			k.site.ID = "evil.example"
			defer func() { k.site.ID = "mfa.example.com" }()
			return k.prove(token)
		},
		"nobody touched it": func(token string) []byte {
			k.auth.Options.UserNotPresent = true
			defer func() { k.auth.Options.UserNotPresent = false }()
			return k.prove(token)
		},
		"an answer to an older challenge": func(token string) []byte {
			old, err := h.PasskeyChallenge(h.Context(), token)
			h.must(err)
			_, err = h.PasskeyChallenge(h.Context(), token)
			h.must(err)
			return k.answer(old)
		},
		"a key of nobody's": func(token string) []byte {
			strange.auth.Options.UserHandle = k.auth.Options.UserHandle
			return strange.prove(token)
		},
		"another handle": func(token string) []byte {
			mine := k.auth.Options.UserHandle
			k.auth.Options.UserHandle = []byte("admzzzzzzzzzzzzzzzzz")
			defer func() { k.auth.Options.UserHandle = mine }()
			return k.prove(token)
		},
		"no challenge": func(string) []byte { return []byte(`{}`) },
		"too long": func(token string) []byte {
			return append(k.prove(token), []byte(strings.Repeat(" ", 70_000))...)
		},
		"a broken signature": func(token string) []byte {
			return []byte(strings.Replace(string(k.prove(token)), `"signature":"`, `"signature":"AA`, 1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			k.cred.Counter++
			token := p.begin()
			_, err := h.WithPasskey(h.Context(), token, c(token), desk())
			h.is(err, signin.ErrRefused)
			h.pardon() // the waits have a test of their own
		})
	}
	// The refused answers left the passkey as it was.
	token := p.begin()
	k.cred.Counter++
	_, err := h.WithPasskey(h.Context(), token, k.prove(token), desk())
	h.must(err)
}

// TestPasskeyChallengeIsForOneAnswer: a right answer after a wrong one needs a
// new challenge.
func TestPasskeyChallengeIsForOneAnswer(t *testing.T) {
	h := newHouse(t)
	k := h.newKey()
	p := h.joinWithKey(k)
	token := p.begin()
	right := k.prove(token)
	_, err := h.WithPasskey(h.Context(), token, []byte(`{}`), desk())
	h.is(err, signin.ErrRefused)
	_, err = h.WithPasskey(h.Context(), token, right, desk())
	h.is(err, signin.ErrRefused)

	late := k.prove(token)
	h.pass(5 * time.Minute)
	_, err = h.WithPasskey(h.Context(), token, late, desk())
	h.is(err, signin.ErrRefused)
}

// TestPasskeyCounterBack: a counter that does not go on is a copy's.
func TestPasskeyCounterBack(t *testing.T) {
	h := newHouse(t)
	k := h.newKey()
	k.cred.Counter = 7
	p := h.joinWithKey(k)
	for counter, want := range map[uint32]error{7: signin.ErrRefused, 3: signin.ErrRefused, 0: signin.ErrRefused} {
		k.cred.Counter = counter
		token := p.begin()
		_, err := h.WithPasskey(h.Context(), token, k.prove(token), desk())
		h.is(err, want)
		if e := h.last(systemlog.AuthViaMFA); e.Severity != systemlog.Error || e.Outcome != (systemlog.Outcome{Result: systemlog.Failure, Reason: "SIGN_COUNT_BACK"}) {
			t.Errorf("counter %d: %+v", counter, e)
		}
	}
	k.cred.Counter = 8
	token := p.begin()
	_, err := h.WithPasskey(h.Context(), token, k.prove(token), desk())
	h.must(err)
	k.cred.Counter = 8
	token = p.begin()
	_, err = h.WithPasskey(h.Context(), token, k.prove(token), desk())
	h.is(err, signin.ErrRefused)
}

func TestPasskeyRegistrationRefused(t *testing.T) {
	h := newHouse(t)
	a, code := h.invite(amy, access.SuperAdmin)
	begun, err := h.BeginSetUp(h.Context(), a.Login, code, desk())
	h.must(err)
	token := begun.Token.Text()
	k := h.newKey()
	_, _, err = h.FinishPasskey(h.Context(), token, "early", k.register(token))
	h.is(err, signin.ErrState) // there is no password
	h.must(h.SetPassword(h.Context(), token, phrase))

	k.site.Origin = "https://evil.example"
	_, _, err = h.FinishPasskey(h.Context(), token, "x", k.register(token))
	h.is(err, signin.ErrRefused)
	k.site.Origin = origin
	_, _, err = h.FinishPasskey(h.Context(), token, "", k.register(token))
	h.is(err, signin.ErrValue)
	_, _, err = h.FinishPasskey(h.Context(), token, "x", []byte(`{}`))
	h.is(err, signin.ErrRefused)
	old := k.register(token)
	_ = k.register(token)
	_, _, err = h.FinishPasskey(h.Context(), token, "x", old)
	h.is(err, signin.ErrRefused)
	late := k.register(token)
	h.pass(5 * time.Minute)
	_, _, err = h.FinishPasskey(h.Context(), token, "x", late)
	h.is(err, signin.ErrRefused)
	if _, err := h.Find(h.Context(), token); err == nil {
		t.Fatal("a session without a second factor")
	}
	_, x, err := h.FinishPasskey(h.Context(), token, "x", k.register(token))
	h.must(err)
	if !x.Admin.SetUpUntil.IsZero() {
		t.Error("the set-up code is still good")
	}
}

// TestNoPasskeysUnderAnAddress: browsers have none there; the app still works.
func TestNoPasskeysUnderAnAddress(t *testing.T) {
	for url, want := range map[string]bool{"https://mfa.example.com": true, "https://localhost:8443": true, "https://MFA.Example.com": true,
		"https://127.0.0.1:8443": false, "https://[::1]:8443": false, "https://mfa:8443": false, "": false} {
		s, err := signin.New(signin.Config{PublicURL: url})
		if err != nil || s.HasPasskeys() != want {
			t.Errorf("%q: %v, want passkeys %v", url, err, want)
			continue
		}
		if want {
			continue
		}
		if _, err := s.BeginPasskey(t.Context(), "x"); err != signin.ErrNoPasskeys {
			t.Errorf("%q: %v", url, err)
		}
		if _, err := s.WithPasskey(t.Context(), "x", nil, desk()); err != signin.ErrNoPasskeys {
			t.Errorf("%q: %v", url, err)
		}
		if _, _, err := s.FinishPasskey(t.Context(), "x", "x", nil); err != signin.ErrNoPasskeys {
			t.Errorf("%q: %v", url, err)
		}
		if err := s.AddPasskey(t.Context(), "x", "x", nil); err != signin.ErrNoPasskeys {
			t.Errorf("%q: %v", url, err)
		}
	}
	for _, url := range []string{"http://mfa.example.com", "mfa.example.com", "https://", "https://a b", "::"} {
		if _, err := signin.New(signin.Config{PublicURL: url}); err == nil {
			t.Errorf("%q was taken", url)
		}
	}
}

// TestRSAKey: Windows Hello makes those.
func TestRSAKey(t *testing.T) {
	h := newHouse(t)
	k := h.newKey()
	k.cred = virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeRSA)
	p := h.joinWithKey(k)
	token := p.begin()
	_, err := h.WithPasskey(h.Context(), token, k.prove(token), desk())
	h.must(err)
}

// TestReauthenticateByPasskey makes the session fresh, and leaves its token.
func TestReauthenticateByPasskey(t *testing.T) {
	h := newHouse(t)
	k := h.newKey()
	p := h.joinWithKey(k)
	token := p.session.Token.Text()
	h.pass(signin.FreshFor)
	k.cred.Counter = 1
	half := p.begin()
	_, err := h.ReauthenticatePasskey(h.Context(), token, k.prove(half), desk())
	h.is(err, signin.ErrRefused) // an answer to another session's challenge
	k.cred.Counter++
	x, err := h.ReauthenticatePasskey(h.Context(), token, k.prove(token), desk())
	h.must(err)
	if !h.Fresh(x, time.Minute) || !x.Token.IsZero() {
		t.Errorf("%+v", x)
	}
	h.must(errOf(h.NewRecoveryCodes(h.Context(), token)))
	// An answer to a challenge that registers is none to one that proves.
	_ = k.register(token)
	_, err = h.ReauthenticatePasskey(h.Context(), token, k.answer(must(h.PasskeyChallenge(h.Context(), p.begin()))), desk())
	h.is(err, signin.ErrRefused)
}

// TestAChallengeHasOneUse: a passkey is not made in answer to a challenge that
// asks for one that there is.
func TestAChallengeHasOneUse(t *testing.T) {
	h := newHouse(t)
	p := h.joinWithKey(h.newKey())
	token, k := p.session.Token.Text(), h.newKey()
	read, err := virtualwebauthn.ParseAssertionOptions(string(must(h.PasskeyChallenge(h.Context(), token))))
	h.must(err)
	answer := virtualwebauthn.CreateAttestationResponse(k.site, k.auth, k.cred, virtualwebauthn.AttestationOptions{Challenge: read.Challenge})
	h.is(h.AddPasskey(h.Context(), token, "x", []byte(answer)), signin.ErrRefused)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestPasskeysAreBounded(t *testing.T) {
	h := newHouse(t)
	p := h.joinWithKey(h.newKey())
	token := p.session.Token.Text()
	var last *key
	for range signin.MaxPasskeys - 1 {
		last = h.newKey()
		h.must(h.AddPasskey(h.Context(), token, "another", last.register(token)))
	}
	h.is(errOf(h.BeginPasskey(h.Context(), token)), signin.ErrState)
	half := p.begin()
	h.must(errOf(h.WithPasskey(h.Context(), half, last.prove(half), desk())))
}
