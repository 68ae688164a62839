package console

import (
	"errors"
	"fmt"
	"html/template"
	"strings"

	"rsc.io/qr"

	"github.com/latchkey-mfa/latchkey/internal/server/password"
	"github.com/latchkey-mfa/latchkey/internal/server/signin"
)

func (c *Console) setUp(r *request) (view, error) { return setUpView("", ""), nil }

func setUpView(login, wrong string) view {
	v := view{name: "setup", title: "Set up your account", narrow: true, wrong: wrong, data: map[string]string{"Login": cut(login, maxQuery)}}
	if wrong != "" {
		v.status = 403
	}
	return v
}

// beginSetUp takes the one-time code.
func (c *Console) beginSetUp(r *request) (view, error) {
	login := r.PostFormValue("login")
	pending, err := c.SignIn.BeginSetUp(r.ctx, login, strings.TrimSpace(r.PostFormValue("code")), r.client)
	if wrong, err := c.wrong(err); err != nil || wrong != "" {
		return setUpView(login, wrong), err
	}
	r.keep(pendingCookie, pending.Token.Text())
	return redirect("/set-up/password"), nil
}

// settingUp is the set-up that goes on, or nil with the page to go to instead.
func (c *Console) settingUp(r *request) (*signin.Pending, view, error) {
	pending, err := c.SignIn.FindPending(r.ctx, r.token(pendingCookie))
	if errors.Is(err, signin.ErrNoSession) || err == nil && !pending.SetUp {
		return nil, redirect("/set-up"), nil
	}
	return &pending, view{}, err
}

func (c *Console) choosePassword(r *request) (view, error) { return c.passwordView(r, "") }

func (c *Console) passwordView(r *request, wrong string) (view, error) {
	pending, instead, err := c.settingUp(r)
	if pending == nil || err != nil {
		return instead, err
	}
	v := view{name: "setup-password", title: "Choose a password", narrow: true, wrong: wrong, data: map[string]string{"Login": pending.Login}}
	if wrong != "" {
		v.status = 400
	}
	return v, nil
}

func (c *Console) setPassword(r *request) (view, error) {
	var no *password.UnfitError
	err := c.SignIn.SetPassword(r.ctx, r.token(pendingCookie), r.PostFormValue("password"))
	switch {
	case errors.As(err, &no):
		return c.passwordView(r, no.Error())
	case errors.Is(err, signin.ErrNoSession):
		return redirect("/set-up"), nil
	case err != nil:
		return view{}, err
	}
	return redirect("/set-up/factor"), nil
}

func (c *Console) chooseFactor(r *request) (view, error) { return c.factorView(r, "") }

func (c *Console) factorView(r *request, wrong string) (view, error) {
	pending, instead, err := c.settingUp(r)
	if pending == nil || err != nil {
		return instead, err
	}
	if !pending.PasswordSet {
		return redirect("/set-up/password"), nil
	}
	uri, secret, err := c.SignIn.TOTPSecret(r.ctx, r.token(pendingCookie))
	if err != nil {
		return view{}, err
	}
	picture, err := drawQR(uri)
	if err != nil {
		return view{}, err
	}
	v := view{name: "setup-factor", title: "Second factor", narrow: true, wrong: wrong, scripts: []string{"passkey.js"},
		data: map[string]any{"QR": picture, "Secret": secret, "Passkeys": c.SignIn.HasPasskeys()}}
	if wrong != "" {
		v.status = 403
	}
	return v, nil
}

// drawQR draws a text as a picture that needs no file: one path, a square for
// each dark point, with the quiet zone of four around it.
func drawQR(text string) (template.HTML, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return "", fmt.Errorf("draw a QR code: %w", err)
	}
	const quiet = 4
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" shape-rendering="crispEdges" aria-hidden="true"><path d="`, code.Size+2*quiet, code.Size+2*quiet)
	for y := range code.Size {
		for x := range code.Size {
			if code.Black(x, y) {
				fmt.Fprintf(&b, "M%d %dh1v1h-1z", x+quiet, y+quiet)
			}
		}
	}
	b.WriteString(`"/></svg>`)
	return template.HTML(b.String()), nil //nolint:gosec // numbers alone
}

// finished shows the recovery codes, once.
func (c *Console) finished(r *request, codes []signin.Secret, s signin.Session, err error) (view, error) {
	switch {
	case errors.Is(err, signin.ErrNoSession):
		return redirect("/set-up"), nil
	case errors.Is(err, signin.ErrState):
		return redirect("/set-up/password"), nil
	case errors.Is(err, signin.ErrValue):
		return c.factorView(r, upper(err.Error())+".")
	}
	if wrong, err := c.wrong(err); err != nil {
		return view{}, err
	} else if wrong != "" {
		return c.factorView(r, wrong)
	}
	r.drop(pendingCookie)
	r.keep(sessionCookie, s.Token.Text())
	return codesView(codes, "/?told=set-up"), nil
}

func codesView(codes []signin.Secret, to string) view {
	texts := make([]string, 0, len(codes))
	for _, code := range codes {
		texts = append(texts, code.Text())
	}
	return view{name: "recovery-codes", title: "Recovery codes", narrow: true, data: map[string]any{"Codes": texts, "Next": to}}
}

func (c *Console) confirmCode(r *request) (view, error) {
	codes, s, err := c.SignIn.ConfirmTOTP(r.ctx, r.token(pendingCookie), r.PostFormValue("code"))
	return c.finished(r, codes, s, err)
}

func (c *Console) confirmPasskey(r *request) (view, error) {
	codes, s, err := c.SignIn.FinishPasskey(r.ctx, r.token(pendingCookie), r.PostFormValue("name"), []byte(r.PostFormValue("passkey")))
	return c.finished(r, codes, s, err)
}

func (c *Console) newPasskeyChallenge(r *request) (view, error) {
	raw, err := c.SignIn.BeginPasskey(r.ctx, r.token(pendingCookie))
	return view{raw: raw}, noChallenge(err)
}
