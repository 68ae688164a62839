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
	Suspended      bool
	Since, Used    time.Time
}

// orgFactors are the rows of the page.
func orgFactors(found []factor.Factor) (rows []orgFactor) {
	for _, f := range found {
		kind := map[string]string{factor.KindTOTP: "Authenticator app", factor.KindPush: "Push to a phone", factor.KindKey: "Security key"}[f.Kind]
		if f.Kind == factor.KindPush && !f.Passkey {
			kind = "Push, answered on the server's machine"
		}
		rows = append(rows, orgFactor{ID: f.ID, Kind: kind, Name: f.Name, Confirmed: f.Confirmed, Suspended: !f.SuspendedAt.IsZero(), Since: f.CreatedAt, Used: f.UsedAt})
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

func (c *Console) removeFactor(r *request) (view, error) {
	user := r.PathValue("userId")
	return redirect("/people/" + url.PathEscape(user) + "?told=removed"), c.Desk.RemoveFactor(r.ctx, user, r.PathValue("factorId"))
}

func (c *Console) unblockPushes(r *request) (view, error) {
	user := r.PathValue("userId")
	return redirect("/people/" + url.PathEscape(user) + "?told=unblocked"), c.Desk.UnblockPushes(r.ctx, user)
}
