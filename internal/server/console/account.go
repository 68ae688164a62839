package console

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/latchkey-mfa/latchkey/internal/server/password"
	"github.com/latchkey-mfa/latchkey/internal/server/signin"
)

// ownChange is something that administrators do to their own account.
type ownChange struct {
	title string
	does  func(r *request, token string) (view, error)
}

// ownChanges are all, by the last part of their address.
func (c *Console) ownChanges() map[string]ownChange {
	return map[string]ownChange{
		"password":       {"Change your password", c.newPassword},
		"app":            {"Authenticator app", c.newApp},
		"remove-app":     {"Remove the authenticator app", c.removeApp},
		"passkey":        {"Add a passkey", c.newPasskey},
		"remove-passkey": {"Remove a passkey", c.removePasskey},
		"recovery-codes": {"New recovery codes", c.newCodes},
	}
}

// ownForm asks for what a change needs. Before that, when the sign-in is too long
// ago, it asks for a factor: so there is nothing yet that could be lost, and the
// key of an app is shown to nobody who only found the screen open.
func (c *Console) ownForm(r *request) (view, error) { return c.ownView(r, "") }

func (c *Console) ownView(r *request, wrong string) (view, error) {
	what := r.PathValue("operation")
	change, there := c.ownChanges()[what]
	if !there {
		return view{}, errNoPage()
	}
	if r.session.Admin.Federated() {
		return view{}, signin.ErrFederated
	}
	data := map[string]any{"What": what, "Heading": change.title, "ID": r.FormValue("id"), "Name": cut(r.FormValue("name"), maxQuery)}
	v := view{name: "own-change", title: change.title, section: "account", narrow: true, wrong: wrong, data: data}
	if wrong != "" {
		v.status = http.StatusForbidden
	}
	admin := r.session.Admin
	if !c.SignIn.Fresh(r.session, signin.FreshFor) {
		data["TOTP"], data["Passkey"] = admin.HasTOTP, len(admin.Passkeys) > 0
		v.name, v.scripts = "own-fresh", []string{"passkey.js"}
		return v, nil
	}
	switch what {
	case "app":
		uri, secret, err := c.SignIn.TOTPSecret(r.ctx, r.token(sessionCookie))
		if err != nil {
			return view{}, err
		}
		picture, err := drawQR(uri)
		if err != nil {
			return view{}, err
		}
		data["QR"], data["Secret"], data["Replaces"] = picture, secret, admin.HasTOTP
	case "passkey":
		data["Passkeys"], v.scripts = c.SignIn.HasPasskeys(), []string{"passkey.js"}
	case "remove-passkey":
		for _, k := range admin.Passkeys {
			if k.ID == r.FormValue("id") {
				data["Name"] = k.Name
			}
		}
	}
	return v, nil
}

// ownFresh takes the proof that was asked for, and goes on with the change.
func (c *Console) ownFresh(r *request) (view, error) {
	wrong, err := c.reauthenticate(r)
	if err != nil {
		return view{}, err
	}
	if wrong != "" {
		return c.ownView(r, wrong)
	}
	return redirect("/account/" + r.PathValue("operation") + "?" + url.Values{"id": {r.FormValue("id")}, "name": {cut(r.FormValue("name"), maxQuery)}}.Encode()), nil
}

// changeOwn does it. What a person can put right is said on the form.
func (c *Console) changeOwn(r *request) (view, error) {
	change, there := c.ownChanges()[r.PathValue("operation")]
	if !there {
		return view{}, errNoPage()
	}
	v, err := change.does(r, r.token(sessionCookie))
	var unfit *password.UnfitError
	switch {
	case errors.Is(err, signin.ErrNoSession):
		return toSignIn(r), nil
	case errors.Is(err, signin.ErrNotFresh):
		return c.ownView(r, "Show once more that it is you: your sign-in is too long ago by now. Nothing was changed.")
	case errors.As(err, &unfit), errors.Is(err, signin.ErrLastFactor), errors.Is(err, signin.ErrValue), errors.Is(err, signin.ErrState), errors.Is(err, signin.ErrNoPasskeys):
		return c.ownView(r, upper(err.Error())+".")
	case err == nil:
		return v, nil
	}
	wrong, err := c.wrong(err)
	if err != nil {
		return view{}, err
	}
	return c.ownView(r, wrong)
}

func changed(err error) (view, error) { return redirect("/account?told=own"), err }

func (c *Console) newPassword(r *request, token string) (view, error) {
	return changed(c.SignIn.ChangePassword(r.ctx, token, r.PostFormValue("current"), r.PostFormValue("password"), r.client))
}

func (c *Console) newApp(r *request, token string) (view, error) {
	return changed(c.SignIn.ReplaceTOTP(r.ctx, token, r.PostFormValue("code")))
}

func (c *Console) removeApp(r *request, token string) (view, error) {
	return changed(c.SignIn.RemoveTOTP(r.ctx, token))
}

func (c *Console) newPasskey(r *request, token string) (view, error) {
	return changed(c.SignIn.AddPasskey(r.ctx, token, r.PostFormValue("name"), []byte(r.PostFormValue("passkey"))))
}

func (c *Console) removePasskey(r *request, token string) (view, error) {
	return changed(c.SignIn.RemovePasskey(r.ctx, token, r.PostFormValue("id")))
}

func (c *Console) newCodes(r *request, token string) (view, error) {
	codes, err := c.SignIn.NewRecoveryCodes(r.ctx, token)
	if err != nil {
		return view{}, err
	}
	return codesView(codes, "/account?told=own"), nil
}

// ownPasskeyChallenge is for the script of the page that adds a passkey.
func (c *Console) ownPasskeyChallenge(r *request) (view, error) {
	raw, err := c.SignIn.BeginPasskey(r.ctx, r.token(sessionCookie))
	return view{raw: raw}, noChallenge(err)
}
