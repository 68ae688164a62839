package desk

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/recovery"
	"github.com/latchkey-mfa/latchkey/internal/server/signin"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// caller is who asks, as package signin tells of them.
func caller(ctx context.Context) signin.By {
	return signin.By{Actor: recovery.AdminActor(access.CallerOf(ctx)), Client: originOf(ctx).Client}
}

// Admins are all administrators, by login.
func (k *Desk) Admins(ctx context.Context) (found []signin.Admin, err error) {
	err = k.view(ctx, access.OrgRead, func(tx *sql.Tx) error {
		found, err = k.Accounts.Admins(ctx, tx)
		return err
	})
	return found, err
}

// Admin is one. Errors: signin.ErrNotFound.
func (k *Desk) Admin(ctx context.Context, id string) (a signin.Admin, err error) {
	err = k.view(ctx, access.OrgRead, func(tx *sql.Tx) error {
		a, err = k.Accounts.AdminByID(ctx, tx, id)
		return err
	})
	return a, err
}

// CreateAdmin makes an account, and the code that sets it up. Errors:
// signin.ErrExists, access.ErrValue.
func (k *Desk) CreateAdmin(ctx context.Context, n signin.NewAdmin) (made signin.Admin, code signin.Secret, err error) {
	err = k.update(ctx, access.AdminsManage, func(tx *sql.Tx) error {
		made, code, err = k.Accounts.Create(ctx, tx, n, caller(ctx))
		return err
	})
	return made, code, err
}

// SuspendAdmin keeps an administrator out, with their sessions and tokens.
// Errors: signin.ErrNotFound, ErrState, ErrLastSuperAdmin.
func (k *Desk) SuspendAdmin(ctx context.Context, id string) error {
	return k.admin(ctx, id, func(tx *sql.Tx) error { return k.Accounts.Suspend(ctx, tx, id, caller(ctx)) })
}

// UnsuspendAdmin lets an administrator in again. Errors: signin.ErrNotFound,
// ErrState.
func (k *Desk) UnsuspendAdmin(ctx context.Context, id string) error {
	return k.admin(ctx, id, func(tx *sql.Tx) error { return k.Accounts.Unsuspend(ctx, tx, id, caller(ctx)) })
}

// SetAdminRole gives an administrator another role. Errors: signin.ErrNotFound,
// ErrState, ErrLastSuperAdmin, access.ErrValue.
func (k *Desk) SetAdminRole(ctx context.Context, id string, role access.Role) error {
	return k.admin(ctx, id, func(tx *sql.Tx) error { return k.Accounts.SetRole(ctx, tx, id, role, caller(ctx)) })
}

// SetAdminScope limits an administrator to groups of users, by name; none is the
// whole org. Errors: signin.ErrNotFound, ErrState, access.ErrValue.
func (k *Desk) SetAdminScope(ctx context.Context, id string, groups []string) error {
	return k.admin(ctx, id, func(tx *sql.Tx) error { return k.Accounts.SetScope(ctx, tx, id, groups, caller(ctx)) })
}

// ResetAdmin begins an account anew, for one who lost everything. Errors:
// signin.ErrNotFound, ErrState.
func (k *Desk) ResetAdmin(ctx context.Context, id string) (a signin.Admin, code signin.Secret, err error) {
	err = k.admin(ctx, id, func(tx *sql.Tx) error {
		if code, err = k.Accounts.NewSetUpCode(ctx, tx, id, caller(ctx)); err != nil {
			return err
		}
		a, err = k.Accounts.AdminByID(ctx, tx, id)
		return err
	})
	return a, code, err
}

// RemoveAdmin takes the account of a suspended administrator away, and ends
// their tokens. Errors: signin.ErrNotFound, ErrState.
func (k *Desk) RemoveAdmin(ctx context.Context, id string) error {
	return k.admin(ctx, id, func(tx *sql.Tx) error {
		gone, err := k.Accounts.Remove(ctx, tx, id, caller(ctx))
		if err != nil {
			return err
		}
		ended, err := access.RevokeOf(ctx, tx, gone.Login, k.Now())
		if err != nil {
			return err
		}
		for _, token := range ended {
			if err := k.event(ctx, tx, systemlog.Event{Type: systemlog.TokenRevoke, Message: "API token revoked with its administrator", Targets: []systemlog.Target{{ID: token, Type: "Token", AlternateID: gone.Login}}}); err != nil {
				return err
			}
		}
		return nil
	})
}

// admin is one change of another's account. One's own is a colleague's to
// change: nobody locks themselves out by a slip, or gives themselves more.
func (k *Desk) admin(ctx context.Context, id string, change func(tx *sql.Tx) error) error {
	return k.update(ctx, access.AdminsManage, func(tx *sql.Tx) error {
		a, err := k.Accounts.AdminByID(ctx, tx, id)
		if err != nil {
			return err
		}
		if store.Fold(a.Login) == store.Fold(access.CallerOf(ctx).Login) {
			return fmt.Errorf("administrator %q is the caller, whose own account is changed by another super admin: %w", a.Login, signin.ErrState)
		}
		return change(tx)
	})
}
