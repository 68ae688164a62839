package desk

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/credential"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/factor"
	"github.com/latchkey-mfa/latchkey/internal/server/recovery"
)

// UserFactors is what a user has at the org itself: factors, and whether pushes
// are stopped.
type UserFactors struct {
	Factors     []factor.Factor
	Stop        factor.Stop
	Invitations []factor.Invitation // of the last month, the newest first
}

// NewApp is the key of an authenticator app that waits for its first code: it is
// for the person with the phone alone.
type NewApp struct {
	ID, URI, Key string
}

// by is the caller as the one who changes a factor.
func by(ctx context.Context) factor.By {
	from := originOf(ctx)
	return factor.By{Actor: recovery.AdminActor(access.CallerOf(ctx)), Client: from.Client, Request: from.RequestID}
}

// factorError tells a person what they can put right.
func factorError(err error) error {
	switch {
	case errors.Is(err, factor.ErrNotACode):
		return invalid("code", "a code has six digits")
	case errors.Is(err, factor.ErrRefused):
		return invalid("code", "it is not the one that the app shows now")
	case errors.Is(err, factor.ErrName):
		return invalid("name", "1 to 64 printable characters")
	case errors.Is(err, factor.ErrKind):
		return invalid("kind", "want push, for a phone, or webauthn, for a security key")
	case errors.Is(err, factor.ErrTooMany), errors.Is(err, credential.ErrNoParty):
		return fmt.Errorf("%w: %w", err, directory.ErrState)
	}
	return err
}

// onUser runs do in a transaction that writes, for one user.
func (k *Desk) onUser(ctx context.Context, p access.Permission, idOrLogin string, do func(tx *sql.Tx, u directory.User) error) error {
	return k.update(ctx, p, func(tx *sql.Tx) error {
		u, err := directory.FindUser(ctx, tx, idOrLogin)
		if err != nil {
			return err
		}
		return factorError(do(tx, u))
	})
}

// UserFactors are those of one user. Errors: directory.ErrNotFound.
func (k *Desk) UserFactors(ctx context.Context, idOrLogin string) (out UserFactors, err error) {
	err = k.view(ctx, access.UsersRead, func(tx *sql.Tx) error {
		u, err := directory.FindUser(ctx, tx, idOrLogin)
		if err != nil {
			return err
		}
		if out.Factors, err = k.Factors.List(ctx, tx, u.ID); err != nil {
			return err
		}
		if out.Stop, err = k.Factors.StopOf(ctx, tx, u.ID); err != nil {
			return err
		}
		out.Invitations, err = k.Factors.Invitations(ctx, tx, u.ID)
		return err
	})
	return out, err
}

// EnrolApp makes the key of an authenticator app, which is of no use before
// ConfirmApp. Whoever can do this can sign in as the user, up to the Mac's
// password: it is not for a help desk. Errors: *InvalidError,
// directory.ErrNotFound, directory.ErrState for who has too many factors.
func (k *Desk) EnrolApp(ctx context.Context, idOrLogin, name string) (out NewApp, err error) {
	err = k.onUser(ctx, access.UsersManage, idOrLogin, func(tx *sql.Tx, u directory.User) error {
		f, key, err := k.Factors.EnrolTOTP(ctx, tx, u, name)
		out = NewApp{ID: f.ID, URI: factor.URI(key, u), Key: key.Text()}
		return err
	})
	return out, err
}

// PendingApp is the key of an app that is not confirmed yet. Errors:
// directory.ErrNotFound, directory.ErrState.
func (k *Desk) PendingApp(ctx context.Context, idOrLogin, id string) (out NewApp, err error) {
	err = k.view(ctx, access.UsersManage, func(tx *sql.Tx) error {
		u, err := directory.FindUser(ctx, tx, idOrLogin)
		if err != nil {
			return err
		}
		key, err := k.Factors.PendingTOTP(ctx, tx, u, id)
		out = NewApp{ID: id, URI: factor.URI(key, u), Key: key.Text()}
		return err
	})
	return out, err
}

// ConfirmApp puts an app into force with a code of it. Errors: *InvalidError,
// directory.ErrNotFound, directory.ErrState.
func (k *Desk) ConfirmApp(ctx context.Context, idOrLogin, id, code string) error {
	return k.onUser(ctx, access.UsersManage, idOrLogin, func(tx *sql.Tx, u directory.User) error {
		return k.Factors.ConfirmTOTP(ctx, tx, u, id, code, by(ctx))
	})
}

// RemoveFactor ends one factor of a user. Errors: directory.ErrNotFound.
func (k *Desk) RemoveFactor(ctx context.Context, idOrLogin, id string) error {
	return k.onUser(ctx, access.FactorsReset, idOrLogin, func(tx *sql.Tx, u directory.User) error {
		return k.Factors.Remove(ctx, tx, u, id, by(ctx))
	})
}

// Invite lets the user set up a phone or a security key, once, within a day. The
// code is for them alone: whoever can do this can sign in as the user, up to the
// Mac's password, and it is not for a help desk. Errors: *InvalidError,
// directory.ErrNotFound, directory.ErrState for who may not sign in, who has too
// many, and a server without a name.
func (k *Desk) Invite(ctx context.Context, idOrLogin, kind string) (i factor.Invitation, code string, err error) {
	err = k.onUser(ctx, access.UsersManage, idOrLogin, func(tx *sql.Tx, u directory.User) error {
		i, code, err = k.Factors.Invite(ctx, tx, u, kind, by(ctx))
		return err
	})
	return i, code, err
}

// RevokeInvitation takes one back. Errors: directory.ErrNotFound,
// directory.ErrState where something was set up with it.
func (k *Desk) RevokeInvitation(ctx context.Context, idOrLogin, id string) error {
	return k.onUser(ctx, access.FactorsReset, idOrLogin, func(tx *sql.Tx, u directory.User) error {
		return k.Factors.RevokeInvitation(ctx, tx, u, id, by(ctx))
	})
}

// UnblockPushes lets pushes to a user go again. Errors: directory.ErrNotFound,
// directory.ErrState where they are not stopped.
func (k *Desk) UnblockPushes(ctx context.Context, idOrLogin string) error {
	return k.onUser(ctx, access.FactorsReset, idOrLogin, func(tx *sql.Tx, u directory.User) error {
		return k.Factors.Unblock(ctx, tx, u, by(ctx))
	})
}
