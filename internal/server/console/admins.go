package console

import (
	"database/sql"
	"net/url"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/signin"
)

// adminRow is an administrator in the list.
type adminRow struct {
	signin.Admin
	Me    bool
	Scope string // the groups, or nothing for the whole org
}

func (c *Console) admins(r *request) (view, error) {
	var list []signin.Admin
	err := c.Desk.DB.View(r.ctx, func(tx *sql.Tx) (err error) {
		list, err = c.SignIn.Admins(r.ctx, tx)
		return err
	})
	if err != nil {
		return view{}, err
	}
	rows := make([]adminRow, 0, len(list))
	for _, a := range list {
		rows = append(rows, adminRow{a, a.ID == r.session.Admin.ID, strings.Join(a.Grant.Groups, ", ")})
	}
	made, err := c.Desk.CustomRoles(r.ctx)
	if err != nil {
		return view{}, err
	}
	roles := roleColumns(made)
	return view{name: "admins", title: "Administrators", section: "administrators", data: map[string]any{"Admins": rows, "Roles": roles, "Matrix": matrix(roles),
		"Custom": roleCards(made), "Boxes": boxes(usual()), "CanManage": r.may(access.AdminsManage)}}, nil
}

// addAdmin makes an account and shows its set-up code, once.
func (c *Console) addAdmin(r *request) (view, error) {
	var made signin.Admin
	var code signin.Secret
	err := c.Desk.DB.Update(r.ctx, func(tx *sql.Tx) (err error) {
		made, code, err = c.SignIn.Create(r.ctx, tx, signin.NewAdmin{Login: r.PostFormValue("login"), Name: r.PostFormValue("name"), Role: access.Role(r.PostFormValue("role")),
			Groups: names(r.PostFormValue("groups"))}, r.session.By())
		return err
	})
	if err != nil {
		return view{}, err
	}
	return c.codeView(made, code), nil
}

func (c *Console) codeView(a signin.Admin, code signin.Secret) view {
	return view{name: "set-up-code", title: "Set-up code", section: "administrators", narrow: true,
		data: map[string]any{"Login": a.Login, "Code": code.Text(), "URL": c.PublicURL + "/set-up"}}
}

// changeAdmin is a button in the list.
func (c *Console) changeAdmin(r *request) (view, error) {
	id, by := r.PathValue("adminId"), r.session.By()
	if id == r.session.Admin.ID {
		// One's own role and state are a colleague's to change: nobody locks
		// themselves out by a slip.
		return view{}, &problem{409, "Not possible", "Your own account is changed by another super admin."}
	}
	var code signin.Secret
	var a signin.Admin
	err := c.Desk.DB.Update(r.ctx, func(tx *sql.Tx) (err error) {
		if a, err = c.SignIn.AdminByID(r.ctx, tx, id); err != nil {
			return err
		}
		switch r.PathValue("operation") {
		case "suspend":
			return c.SignIn.Suspend(r.ctx, tx, id, by)
		case "unsuspend":
			return c.SignIn.Unsuspend(r.ctx, tx, id, by)
		case "role":
			return c.SignIn.SetRole(r.ctx, tx, id, access.Role(r.PostFormValue("role")), by)
		case "scope":
			return c.SignIn.SetScope(r.ctx, tx, id, names(r.PostFormValue("groups")), by)
		case "set-up-code":
			code, err = c.SignIn.NewSetUpCode(r.ctx, tx, id, by)
			return err
		}
		return errNoPage()
	})
	if err != nil {
		return view{}, err
	}
	if !code.IsZero() {
		return c.codeView(a, code), nil
	}
	return redirect("/administrators?told=saved"), nil
}

// sessionRow is an open session.
type sessionRow struct {
	signin.Session
	Address, Browser string
	Here             bool
}

// own is what an administrator sees of their own account.
func (c *Console) own(r *request) (view, error) {
	var list []signin.Session
	err := c.Desk.DB.View(r.ctx, func(tx *sql.Tx) (err error) {
		list, err = c.SignIn.Sessions(r.ctx, tx, r.session.Admin.ID)
		return err
	})
	if err != nil {
		return view{}, err
	}
	rows := make([]sessionRow, 0, len(list))
	for _, s := range list {
		rows = append(rows, sessionRow{s, s.Client.IPAddress, cut(s.Client.UserAgent, 120), s.ID == r.session.ID})
	}
	return view{name: "own", title: "Your account", section: "account", data: map[string]any{"Admin": r.session.Admin, "Sessions": rows,
		"Scope": strings.Join(r.session.Admin.Grant.Groups, ", ")}}, nil
}

// endSession ends one of the caller's own sessions.
func (c *Console) endSession(r *request) (view, error) {
	err := c.Desk.DB.Update(r.ctx, func(tx *sql.Tx) error {
		return c.SignIn.Revoke(r.ctx, tx, r.session.Admin.ID, r.PathValue("id"), r.session.By())
	})
	if err != nil {
		return view{}, err
	}
	return redirect("/account?" + url.Values{"told": {"ended"}}.Encode()), nil
}

// freshChallenge is for the script of a page that asks to authenticate again.
func (c *Console) freshChallenge(r *request) (view, error) {
	raw, err := c.SignIn.PasskeyChallenge(r.ctx, r.token(sessionCookie))
	return view{raw: raw}, noChallenge(err)
}
