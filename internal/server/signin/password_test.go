package signin_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/password"
	"github.com/latchkey-mfa/latchkey/internal/server/signin"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

func TestPasswords(t *testing.T) {
	h := newHouse(t)
	_, code := h.invite("amy.berg@example.com", access.SuperAdmin)
	begun, err := h.BeginSetUp(h.Context(), "amy.berg@example.com", code, desk())
	h.must(err)
	for typed, want := range map[string]string{
		"":                                   "12 to 256",
		"eleven char":                        "12 to 256",
		strings.Repeat("plum7!", 43):         "12 to 256",
		"plum engine \xff violin":            "not valid text",
		"my Amelia engine":                   "your login or name",
		"the BERG violin 7":                  "your login or name",
		"xx amy.berg xx 77":                  "your login or name",
		"AMY.BERG@example.com":               "your login or name",
		"Password1234":                       "first that are tried",
		"passw0rd!2026":                      "first that are tried",
		"qwertyuiop12":                       "first that are tried",
		"Administrator1!":                    "first that are tried",
		"LatchkeyAdmin2026":                  "first that are tried",
		"123456789012":                       "first that are tried",
		"zzzzzzzzzzzzzz":                     "first that are tried",
		"abababababab":                       "first that are tried",
		"Summer2026Summer":                   "first that are tried",
		"correct horse battery staple":       "",
		"plum engine violin":                 "",
		"twelve chars":                       "",
		"dünne Äpfel":                        "12 to 256", // eleven characters, though more bytes
		"dünne Äpfel!":                       "",
		strings.Repeat("plum7!", 42) + "abc": "",
	} {
		err := h.SetPassword(h.Context(), begun.Token.Text(), typed)
		var no *password.UnfitError
		if want == "" && err != nil || want != "" && (!errors.As(err, &no) || !strings.Contains(no.Error(), want)) {
			t.Errorf("%q: %v, want %q", typed, err, want)
		}
		if err != nil && len(typed) > 11 && strings.Contains(err.Error(), typed) {
			t.Errorf("the error quotes the password: %v", err)
		}
	}
}

func TestChangePassword(t *testing.T) {
	const better = "seven quiet lamps 8"
	h := newHouse(t)
	p := h.join(amy, access.SuperAdmin)
	other, token := p.session, p.signIn().Token.Text()
	var unfit *password.UnfitError
	h.is(h.ChangePassword(h.Context(), token, "wrong", better, desk()), signin.ErrRefused)
	h.is(h.ChangePassword(h.Context(), token, "wrong", "short", desk()), signin.ErrRefused)
	if err := h.ChangePassword(h.Context(), token, phrase, "short", desk()); !errors.As(err, &unfit) {
		t.Error(err)
	}
	h.must(errOf(h.Find(h.Context(), other.Token.Text())))
	h.must(h.ChangePassword(h.Context(), token, phrase, better, desk()))
	h.is(errOf(h.Find(h.Context(), other.Token.Text())), signin.ErrNoSession)
	h.must(errOf(h.Find(h.Context(), token)))
	h.is(errOf(h.Begin(h.Context(), amy, phrase, desk())), signin.ErrRefused)
	p.password = better
	p.signIn()
	if n := len(h.events(systemlog.PasswordUpdate)); n != 2 {
		t.Errorf("%d events", n)
	}
	h.pass(signin.FreshFor)
	h.must(errOf(h.Find(h.Context(), token)))
	h.is(h.ChangePassword(h.Context(), token, better, phrase, desk()), signin.ErrNotFresh)
	h.must(errOf(h.ReauthenticateTOTP(h.Context(), token, p.code(), desk())))
	for range signin.AccountTries {
		h.is(h.ChangePassword(h.Context(), token, "wrong", phrase, desk()), signin.ErrRefused)
	}
	h.throttled(h.ChangePassword(h.Context(), token, better, phrase, desk()), signin.FirstWait)
}
