package adminapi

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

func (s *Server) listUsers(c call) (answer, error) {
	var found []directory.User
	q := c.URL.Query()
	p, err := page(q, directory.MaxPage)
	err = errors.Join(err, only(q, "q", "limit", "after"))
	if denied := access.Require(c.ctx, access.UsersRead); denied != nil || err != nil {
		return answer{}, errors.Join(denied, err)
	}
	err = s.DB.View(c.ctx, func(tx *sql.Tx) error {
		found, err = directory.Users(c.ctx, tx, cut(q.Get("q"), maxQuery), p)
		return err
	})
	out := ok(bodies(found, s.userBody))
	if len(found) == p.Limit {
		out.header = s.next(c, found[len(found)-1].ID)
	}
	return out, err
}

func (s *Server) createUser(c call) (answer, error) {
	var in struct {
		Profile userProfile `json:"profile"`
	}
	var u directory.User
	err := s.update(c, access.UsersManage, func(tx *sql.Tx) error {
		err := decode(c.Body, &in)
		if err == nil {
			u, err = newUser(in.Profile)
		}
		if err == nil {
			u, err = directory.CreateUser(c.ctx, tx, u, s.Now())
		}
		if err != nil {
			return err
		}
		return s.event(c, tx, systemlog.Event{Type: systemlog.UserCreate, Message: "Create user", Targets: []systemlog.Target{userTarget(u)}})
	})
	return ok(s.userBody(u)), err
}

func newUser(p userProfile) (u directory.User, err error) {
	if u.Login, err = text("profile.login", p.Login, maxName, true); err != nil {
		return u, err
	}
	if strings.ContainsAny(u.Login, " \t/") {
		return u, invalid("profile.login: no blanks or slashes are allowed")
	}
	if u.Email, err = text("profile.email", p.Email, maxName, false); err != nil {
		return u, err
	}
	if u.FirstName, err = text("profile.firstName", p.FirstName, maxName, false); err != nil {
		return u, err
	}
	u.LastName, err = text("profile.lastName", p.LastName, maxName, false)
	return u, err
}

func userTarget(u directory.User) systemlog.Target {
	return systemlog.Target{ID: u.ID, Type: "User", AlternateID: u.Login, DisplayName: u.Name()}
}

func (s *Server) getUser(c call) (answer, error) {
	var u directory.User
	err := s.view(c, access.UsersRead, func(tx *sql.Tx) (err error) {
		u, err = directory.FindUser(c.ctx, tx, c.PathValue("userId"))
		return err
	})
	return ok(s.userBody(u)), err
}

// userDevices is Okta's list of the devices of a user.
func (s *Server) userDevices(c call) (answer, error) {
	type entry struct {
		Created  any        `json:"created"`
		Device   deviceBody `json:"device"`
		DeviceID string     `json:"deviceUserId"`
	}
	out := []entry{}
	err := s.view(c, access.UsersRead, func(tx *sql.Tx) error {
		u, err := directory.FindUser(c.ctx, tx, c.PathValue("userId"))
		if err != nil {
			return err
		}
		devices, err := directory.DevicesOfUser(c.ctx, tx, u.Login)
		for _, d := range devices {
			out = append(out, entry{Created: d.CreatedAt, Device: s.deviceBody(d), DeviceID: d.ID})
		}
		return err
	})
	return ok(out), err
}

func (s *Server) changeUser(c call) (answer, error) {
	op := c.PathValue("operation")
	kinds := map[string]string{"activate": systemlog.UserActivate, "deactivate": systemlog.UserDeactivate,
		"suspend": systemlog.UserSuspend, "unsuspend": systemlog.UserUnsuspend}
	err := s.update(c, access.UsersManage, func(tx *sql.Tx) error {
		kind, known := kinds[op]
		if !known {
			return invalid(fmt.Sprintf("%q: want activate, deactivate, suspend, unsuspend or reset_factors", op))
		}
		u, err := directory.ChangeUser(c.ctx, tx, c.PathValue("userId"), directory.Lifecycle(op), s.Now())
		if err != nil {
			return err
		}
		return s.event(c, tx, systemlog.Event{Type: kind, Message: "User: " + op, Targets: []systemlog.Target{userTarget(u)}})
	})
	return ok(map[string]string{}), err
}

// resetFactors tells every Mac of the user to drop the user's factors at its
// next check-in.
func (s *Server) resetFactors(c call) (answer, error) {
	err := s.update(c, access.FactorsReset, func(tx *sql.Tx) error {
		u, err := directory.FindUser(c.ctx, tx, c.PathValue("userId"))
		if err != nil {
			return err
		}
		accounts, err := directory.AccountsOfUser(c.ctx, tx, u.Login)
		if err != nil {
			return err
		}
		targets := []systemlog.Target{userTarget(u)}
		for _, a := range accounts {
			if err := directory.Order(c.ctx, tx, a.DeviceID, wire.CommandResetFactors, a.GUID, s.Now()); err != nil {
				return err
			}
			targets = append(targets, accountTarget(a))
		}
		return s.event(c, tx, systemlog.Event{Type: systemlog.ResetFactors, Severity: systemlog.Warn, Message: "Reset all factors for user", Targets: targets})
	})
	return ok(map[string]string{}), err
}
