package console

import (
	"errors"
	"net/url"

	"github.com/latchkey-mfa/latchkey/internal/server/signin"
)

func (c *Console) signIn(r *request) (view, error) {
	return c.signInView(r.FormValue("login"), r.FormValue("next"), ""), nil
}

func (c *Console) signInView(login, to, wrong string) view {
	status := 0
	if wrong != "" {
		status = 403
	}
	return view{status: status, name: "signin", title: "Sign in", narrow: true, wrong: wrong, data: map[string]string{"Login": cut(login, maxQuery), "Next": next(to), "Provider": c.providerName()}}
}

// password takes login and password; the second factor is asked for next.
func (c *Console) password(r *request) (view, error) {
	login, to := r.PostFormValue("login"), r.PostFormValue("next")
	pending, err := c.SignIn.Begin(r.ctx, login, r.PostFormValue("password"), r.client)
	if wrong, err := c.wrong(err); err != nil || wrong != "" {
		return c.signInView(login, to, wrong), err
	}
	r.keep(pendingCookie, pending.Token.Text())
	return redirect("/sign-in/second?next=" + url.QueryEscape(next(to))), nil
}

// second asks for the second factor.
func (c *Console) second(r *request) (view, error) { return c.secondView(r, "") }

func (c *Console) secondView(r *request, wrong string) (view, error) {
	pending, err := c.SignIn.FindPending(r.ctx, r.token(pendingCookie))
	if errors.Is(err, signin.ErrNoSession) {
		return redirect("/sign-in?next=" + url.QueryEscape(next(r.FormValue("next")))), nil
	}
	if err != nil {
		return view{}, err
	}
	if pending.SetUp {
		return redirect("/set-up/password"), nil
	}
	v := view{name: "second", title: "Second factor", narrow: true, wrong: wrong, scripts: []string{"passkey.js"},
		data: map[string]any{"TOTP": pending.TOTP, "Passkey": pending.Passkey, "Next": next(r.FormValue("next"))}}
	if wrong != "" {
		v.status = 403
	}
	return v, nil
}

// in ends a sign-in: the half one's cookie goes, the session's comes.
func (c *Console) in(r *request, s signin.Session, err error) (view, error) {
	if errors.Is(err, signin.ErrNoSession) {
		return redirect("/sign-in?told=again"), nil
	}
	if wrong, err := c.wrong(err); err != nil {
		return view{}, err
	} else if wrong != "" {
		return c.secondView(r, wrong)
	}
	r.drop(pendingCookie)
	r.keep(sessionCookie, s.Token.Text())
	return redirect(next(r.FormValue("next"))), nil
}

func (c *Console) withCode(r *request) (view, error) {
	s, err := c.SignIn.WithTOTP(r.ctx, r.token(pendingCookie), r.PostFormValue("code"), r.client)
	return c.in(r, s, err)
}

func (c *Console) withRecoveryCode(r *request) (view, error) {
	s, err := c.SignIn.WithRecoveryCode(r.ctx, r.token(pendingCookie), r.PostFormValue("code"), r.client)
	return c.in(r, s, err)
}

func (c *Console) withPasskey(r *request) (view, error) {
	s, err := c.SignIn.WithPasskey(r.ctx, r.token(pendingCookie), []byte(r.PostFormValue("passkey")), r.client)
	return c.in(r, s, err)
}

// passkeyChallenge is for the script of the page.
func (c *Console) passkeyChallenge(r *request) (view, error) {
	raw, err := c.SignIn.PasskeyChallenge(r.ctx, r.token(pendingCookie))
	return view{raw: raw}, noChallenge(err)
}

// noChallenge is what a script gets where there can be none.
func noChallenge(err error) error {
	if errors.Is(err, signin.ErrNoSession) || errors.Is(err, signin.ErrNoPasskeys) || errors.Is(err, signin.ErrNotFresh) || errors.Is(err, signin.ErrState) {
		return &problem{403, "No challenge", upper(err.Error()) + "."}
	}
	return err
}

func (c *Console) signOut(r *request) (view, error) {
	federated := signin.SignedOut{}
	for _, name := range []string{sessionCookie, pendingCookie} {
		token := r.token(name)
		if token == "" {
			continue
		}
		was, err := c.SignIn.SignOut(r.ctx, token)
		if err != nil {
			return view{}, err
		}
		if was.Federated {
			federated = was
		}
		r.drop(name)
	}
	if federated.Federated {
		return c.signOutThere(r.ctx, federated), nil
	}
	return redirect("/sign-in?told=out"), nil
}
