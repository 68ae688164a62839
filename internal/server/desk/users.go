package desk

import (
	"context"
	"database/sql"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// Users are those whose login, e-mail or name holds q, by id.
func (k *Desk) Users(ctx context.Context, q string, p directory.Page) (found []directory.User, err error) {
	err = k.view(ctx, access.UsersRead, func(tx *sql.Tx) error {
		found, err = directory.Users(ctx, tx, q, p)
		return err
	})
	return found, err
}

// User is one user. Errors: directory.ErrNotFound.
func (k *Desk) User(ctx context.Context, idOrLogin string) (u directory.User, err error) {
	err = k.view(ctx, access.UsersRead, func(tx *sql.Tx) error {
		u, err = directory.FindUser(ctx, tx, idOrLogin)
		return err
	})
	return u, err
}

// UserDevices are the Macs with an account that is linked or pre-linked to the
// user. Errors: directory.ErrNotFound.
func (k *Desk) UserDevices(ctx context.Context, idOrLogin string) (found []directory.Device, err error) {
	err = k.view(ctx, access.UsersRead, func(tx *sql.Tx) error {
		u, err := directory.FindUser(ctx, tx, idOrLogin)
		if err != nil {
			return err
		}
		found, err = directory.DevicesOfUser(ctx, tx, u.Login)
		return err
	})
	return found, err
}

// CreateUser stores login, e-mail and names of u as a new active user. Errors:
// *InvalidError, directory.ErrExists.
func (k *Desk) CreateUser(ctx context.Context, u directory.User) (made directory.User, err error) {
	err = k.update(ctx, access.UsersManage, func(tx *sql.Tx) error {
		if made, err = newUser(u); err != nil {
			return err
		}
		if made, err = directory.CreateUser(ctx, tx, made, k.Now()); err != nil {
			return err
		}
		return k.event(ctx, tx, systemlog.Event{Type: systemlog.UserCreate, Message: "Create user", Targets: []systemlog.Target{userTarget(made)}})
	})
	return made, err
}

// newUser is what people typed of a user, checked.
func newUser(in directory.User) (u directory.User, err error) {
	if u.Login, err = text("login", in.Login, maxName, true); err != nil {
		return u, err
	}
	if strings.ContainsAny(u.Login, " \t/") {
		return u, invalid("login", "no blanks or slashes are allowed")
	}
	if u.Email, err = text("email", in.Email, maxName, false); err != nil {
		return u, err
	}
	if u.FirstName, err = text("firstName", in.FirstName, maxName, false); err != nil {
		return u, err
	}
	u.LastName, err = text("lastName", in.LastName, maxName, false)
	return u, err
}

func userTarget(u directory.User) systemlog.Target {
	return systemlog.Target{ID: u.ID, Type: "User", AlternateID: u.Login, DisplayName: u.Name()}
}

// ChangeUser moves a user through its life. Errors: *InvalidError where there
// is no such step, directory.ErrNotFound, directory.ErrState.
func (k *Desk) ChangeUser(ctx context.Context, idOrLogin string, op directory.Lifecycle) (u directory.User, err error) {
	kinds := map[directory.Lifecycle]string{directory.Activate: systemlog.UserActivate, directory.Deactivate: systemlog.UserDeactivate,
		directory.Suspend: systemlog.UserSuspend, directory.Unsuspend: systemlog.UserUnsuspend}
	err = k.update(ctx, access.UsersManage, func(tx *sql.Tx) error {
		if kinds[op] == "" {
			return invalid("operation", "%q, want activate, deactivate, suspend or unsuspend", op)
		}
		if u, err = directory.ChangeUser(ctx, tx, idOrLogin, op, k.Now()); err != nil {
			return err
		}
		return k.event(ctx, tx, systemlog.Event{Type: kinds[op], Message: "User: " + string(op), Targets: []systemlog.Target{userTarget(u)}})
	})
	return u, err
}

// ResetUserFactors removes the user's factors at the org, and tells every Mac of
// the user to drop theirs at its next check-in. Errors: directory.ErrNotFound.
func (k *Desk) ResetUserFactors(ctx context.Context, idOrLogin string) error {
	return k.update(ctx, access.FactorsReset, func(tx *sql.Tx) error {
		u, err := directory.FindUser(ctx, tx, idOrLogin)
		if err != nil {
			return err
		}
		accounts, err := directory.AccountsOfUser(ctx, tx, u.Login)
		if err != nil {
			return err
		}
		if err := k.Factors.RemoveAll(ctx, tx, u, by(ctx)); err != nil {
			return err
		}
		targets := []systemlog.Target{userTarget(u)}
		for _, a := range accounts {
			if err := directory.Order(ctx, tx, a.DeviceID, wire.CommandResetFactors, a.GUID, k.Now()); err != nil {
				return err
			}
			targets = append(targets, accountTarget(a))
		}
		return k.event(ctx, tx, systemlog.Event{Type: systemlog.ResetFactors, Severity: systemlog.Warn, Message: "Reset all factors for user", Targets: targets})
	})
}
