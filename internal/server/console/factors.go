package console

import (
	"errors"
	"net/url"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/desk"
	"github.com/latchkey-mfa/latchkey/internal/server/factor"
)

// orgFactor is a factor at the org on the page of a person.
type orgFactor struct {
	ID, Kind, Name string
	Confirmed      bool
	Passkey        bool // or a phone that is played on the server's machine
	Suspended      bool
	Since, Used    time.Time
}

// orgFactors are the rows of the page.
func orgFactors(found []factor.Factor) (rows []orgFactor) {
	for _, f := range found {
		kind := map[string]string{factor.KindTOTP: "Authenticator app", factor.KindPush: "Push to a phone", factor.KindKey: "Security key"}[f.Kind]
		rows = append(rows, orgFactor{ID: f.ID, Kind: kind, Name: f.Name, Confirmed: f.Confirmed, Passkey: f.Passkey || f.Kind != factor.KindPush, Suspended: !f.SuspendedAt.IsZero(), Since: f.CreatedAt, Used: f.UsedAt})
	}
	return rows
}

// stopped says why no push reaches the person; "" is that one does.
func (c *Console) stopped(s factor.Stop) string {
	switch {
	case s.Blocked():
		return "Pushes are blocked since " + s.BlockedAt.UTC().Format("2 Jan 2006 15:04") + " (UTC): the person said of one that it was not they who signed in. Find out who asked before you lift it."
	case s.PausedUntil.After(c.Now()):
		return "Pushes are stopped until " + s.PausedUntil.UTC().Format("15:04") + " (UTC): too many were unanswered or refused."
	}
	return ""
}

// enrolApp begins with a new app.
func (c *Console) enrolApp(r *request) (view, error) {
	user := r.PathValue("userId")
	app, err := c.Desk.EnrolApp(r.ctx, user, "Authenticator app")
	if err != nil {
		return view{}, err
	}
	return redirect("/people/" + url.PathEscape(user) + "/factors/" + url.PathEscape(app.ID)), nil
}

// appPage shows the key of an app that waits for its first code.
func (c *Console) appPage(r *request) (view, error) { return c.appView(r, "") }

func (c *Console) appView(r *request, wrong string) (view, error) {
	u, err := c.Desk.User(r.ctx, r.PathValue("userId"))
	if err != nil {
		return view{}, errors.Join(access.Require(r.ctx, access.UsersManage), err)
	}
	app, err := c.Desk.PendingApp(r.ctx, u.ID, r.PathValue("factorId"))
	if err != nil {
		return view{}, err
	}
	picture, err := drawQR(app.URI)
	if err != nil {
		return view{}, err
	}
	return view{name: "app", title: "Authenticator app", section: "people", narrow: true, wrong: wrong, data: map[string]any{"User": u, "ID": app.ID, "QR": picture, "Key": app.Key}}, nil
}

// confirmApp takes the code that is typed back.
func (c *Console) confirmApp(r *request) (view, error) {
	user := r.PathValue("userId")
	err := c.Desk.ConfirmApp(r.ctx, user, r.PathValue("factorId"), r.PostFormValue("code"))
	var bad *desk.InvalidError
	if errors.As(err, &bad) {
		return c.appView(r, "That is not a code that the app shows now. Is the phone's clock right?")
	}
	return redirect("/people/" + url.PathEscape(user) + "?told=factor"), err
}

// invited is an invitation on the page of a person.
type invited struct {
	ID, Kind, State, By string
	Open                bool // it can be taken back
	Made, Until         time.Time
}

// invitations are the rows of the page.
func invitations(found []factor.Invitation) (rows []invited) {
	for _, i := range found {
		rows = append(rows, invited{ID: i.ID, Kind: invitedTo(i.Kind), By: i.MadeBy, Made: i.CreatedAt, Until: i.ExpiresAt,
			State: map[factor.InvitationState]string{factor.InvitationOpen: "open", factor.InvitationUsed: "opened, nothing set up yet", factor.InvitationDone: "used",
				factor.InvitationRevoked: "revoked", factor.InvitationExpired: "expired"}[i.State],
			Open: i.State == factor.InvitationOpen || i.State == factor.InvitationUsed})
	}
	return rows
}

func invitedTo(kind string) string {
	return map[string]string{factor.KindPush: "phone", factor.KindKey: "security key"}[kind]
}

// invite makes an invitation and shows it, once: no address leads to it.
func (c *Console) invite(r *request) (view, error) {
	u, err := c.Desk.User(r.ctx, r.PathValue("userId"))
	if err != nil {
		return view{}, errors.Join(access.Require(r.ctx, access.UsersManage), err)
	}
	i, code, err := c.Desk.Invite(r.ctx, u.ID, r.PostFormValue("kind"))
	if err != nil {
		return view{}, err
	}
	link := factor.InvitationURL(c.PublicURL, code)
	picture, err := drawQR(link)
	if err != nil {
		return view{}, err
	}
	return view{name: "invitation", title: "Invitation", section: "people", narrow: true,
		data: map[string]any{"User": u, "Kind": invitedTo(i.Kind), "Phone": i.Kind == factor.KindPush, "QR": picture, "Link": link, "Until": i.ExpiresAt}}, nil
}

func (c *Console) revokeInvitation(r *request) (view, error) {
	user := r.PathValue("userId")
	return redirect("/people/" + url.PathEscape(user) + "?told=revoked"), c.Desk.RevokeInvitation(r.ctx, user, r.PathValue("invitationId"))
}

func (c *Console) removeFactor(r *request) (view, error) {
	user := r.PathValue("userId")
	return redirect("/people/" + url.PathEscape(user) + "?told=removed"), c.Desk.RemoveFactor(r.ctx, user, r.PathValue("factorId"))
}

func (c *Console) unblockPushes(r *request) (view, error) {
	user := r.PathValue("userId")
	return redirect("/people/" + url.PathEscape(user) + "?told=unblocked"), c.Desk.UnblockPushes(r.ctx, user)
}
