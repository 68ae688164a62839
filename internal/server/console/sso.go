package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/latchkey-mfa/latchkey/internal/server/federation"
	"github.com/latchkey-mfa/latchkey/internal/server/signin"
)

// flowCookie is the beginning of the name of a cookie that holds a sign-in at
// the provider, sealed. Each has its own, so that several tabs may begin one.
const flowCookie = "__Host-latchkey-sso-"

// provider is the org's OpenID provider, or that there is none.
func (c *Console) provider() (*federation.Provider, error) {
	if c.Federation == nil {
		return nil, errNoPage()
	}
	return c.Federation, nil
}

// providerName is how the sign-in page names the provider; empty for none.
func (c *Console) providerName() string {
	if c.Federation == nil {
		return ""
	}
	return c.Federation.Name()
}

// beginSSO sends somebody to the provider. It takes a form of ours only: a link
// of another site begins nothing.
func (c *Console) beginSSO(r *request) (view, error) {
	return c.toProvider(r, federation.Flow{Next: next(r.PostFormValue("next"))})
}

// toProvider begins, and shows a page that leads there by itself. It is no
// redirect: browsers hold the one that answers a form against form-action, and
// the provider's own redirects after it.
func (c *Console) toProvider(r *request, f federation.Flow) (view, error) {
	p, err := c.provider()
	if err != nil {
		return view{}, err
	}
	if err := c.SignIn.FederatedWait(r.ctx, r.client); err != nil {
		return view{}, err
	}
	begun, err := p.Begin(r.ctx, f)
	if err != nil {
		return view{}, notThere(err)
	}
	r.keepFor(flowCookie+begun.ID, begun.Sealed, federation.FlowLife)
	return leaving("Sign in at "+p.Name(), "You go on to "+p.Name()+", and come back when you have signed in there.", begun.URL), nil
}

// leaving is a page that leads to the provider.
func leaving(title, text, to string) view {
	return view{name: "leaving", title: title, narrow: true, goesTo: to, data: map[string]string{"Heading": title, "Text": text, "URL": to}}
}

// notThere is a provider that nobody can be sent to.
func notThere(err error) error {
	var no *federation.Refusal
	if errors.As(err, &no) {
		return &detour{problem: &problem{http.StatusBadGateway, "Single sign-on is not possible now", no.Text}, cause: err}
	}
	return err
}

// ssoCallback takes the provider's answer. It comes from another site, and is
// believed only with the flow that this browser has begun.
func (c *Console) ssoCallback(r *request) (view, error) {
	p, err := c.provider()
	if err != nil {
		return view{}, err
	}
	if err := c.SignIn.FederatedWait(r.ctx, r.client); err != nil {
		return view{}, err
	}
	sealed := ""
	if id := federation.FlowOf(r.URL.RawQuery); id != "" {
		sealed = r.token(flowCookie + id)
		r.drop(flowCookie + id)
	}
	f, who, err := p.Finish(r.ctx, r.URL.RawQuery, sealed)
	var no *federation.Refusal
	if errors.As(err, &no) {
		err = errors.Join(err, c.SignIn.FederatedRefused(r.ctx, who, no, r.client))
	}
	if err == nil {
		err = c.arrived(r, f, who)
	}
	if err != nil {
		return view{}, notIn(err, f)
	}
	return redirect(back(f)), nil
}

// arrived gives who the provider names a session, or makes theirs fresh.
func (c *Console) arrived(r *request, f federation.Flow, who federation.Identity) error {
	if f.Session != "" {
		return c.SignIn.ReauthenticateFederated(r.ctx, r.token(sessionCookie), f.Session, who, r.client)
	}
	session, err := c.SignIn.Federated(r.ctx, who, r.client)
	if err == nil {
		r.drop(pendingCookie)
		r.keep(sessionCookie, session.Token.Text())
	}
	return err
}

// back is the page to go on with: with what was typed, where that was a form.
func back(f federation.Flow) string {
	to := next(f.Next)
	if len(f.Typed) == 0 {
		return to
	}
	typed := url.Values{}
	for name, value := range f.Typed {
		typed.Set(name, value)
	}
	return to + "?" + typed.Encode()
}

// notIn says why somebody was not let in, with a way back to what was typed.
func notIn(err error, f federation.Flow) error {
	var no *federation.Refusal
	lost := errors.Is(err, signin.ErrNoSession)
	if !lost && !errors.As(err, &no) {
		return err
	}
	p := &detour{problem: &problem{http.StatusForbidden, "You are not signed in", ""}, cause: err}
	if f.Session != "" && f.Next != "" {
		p.heading, p.back, p.backTo = "You have not authenticated again", back(f), "Back to the form"
	}
	if lost {
		p.text = "Your session here has ended meanwhile, or is another. Nothing was done."
		return p
	}
	if p.text = no.Text; no.Reason == federation.Unreachable {
		p.status = http.StatusBadGateway
	}
	return p
}

// authenticateAgain sends somebody to the provider for another proof, and keeps
// what they have typed for a PIN.
func (c *Console) authenticateAgain(r *request) (view, error) {
	a, err := c.about(r)
	if err != nil {
		return view{}, err
	}
	return c.authenticateFor(r, a.path("/pin"), []string{"reason", "ticket", "deviceCode"}, func(wrong string) (view, error) {
		form, err := c.form(r, a)
		v := form.view(http.StatusBadRequest)
		v.wrong = wrong
		return v, err
	})
}

// authenticateFor leads to the provider and back to the form at next, with what
// was typed in the fields of these names; again is the form where that is too
// much to be kept.
func (c *Console) authenticateFor(r *request, next string, names []string, again func(wrong string) (view, error)) (view, error) {
	if !r.session.Admin.Federated() {
		return redirect(next), nil
	}
	f := federation.Flow{Session: r.session.ID, Next: next, Typed: map[string]string{}}
	for _, name := range names {
		if value := r.PostFormValue(name); value != "" {
			f.Typed[name] = value
		}
	}
	v, err := c.toProvider(r, f)
	if errors.Is(err, federation.ErrTooLong) {
		return again(upper(federation.ErrTooLong.Error()) + ".")
	}
	return v, err
}

// signedOut is where the provider sends somebody who has signed out there.
func (c *Console) signedOut(*request) (view, error) { return redirect("/sign-in?told=out"), nil }

// signOutThere leads to the provider, to be signed out there too.
func (c *Console) signOutThere(ctx context.Context, was signin.SignedOut) view {
	to := ""
	if c.Federation != nil {
		to = c.Federation.SignOutURL(ctx, was.IDToken.Text())
	}
	if to == "" {
		return redirect("/sign-in?told=out-here")
	}
	return leaving("Signed out here", "You go on to "+c.Federation.Name()+", to be signed out there too.", to)
}

// backChannel takes the provider's word that somebody has signed out there. It
// comes from the provider itself, and what it says is signed.
func (c *Console) backChannel(r *request) (view, error) {
	p, err := c.provider()
	if err != nil {
		return view{}, err
	}
	over, err := p.ReadLogout(r.ctx, r.PostFormValue("logout_token"))
	var no *federation.Refusal
	if errors.As(err, &no) {
		return view{}, &detour{problem: &problem{http.StatusBadRequest, "No sign-out", no.Text}, cause: err}
	}
	if err == nil {
		err = c.SignIn.EndFederated(r.ctx, over, r.client)
	}
	return view{raw: []byte("{}\n")}, err
}
