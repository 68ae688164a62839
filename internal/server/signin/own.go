package signin

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/latchkey-mfa/latchkey/internal/server/password"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// change runs what a signed-in administrator does to their own account, which
// needs a fresh sign-in: an open screen must not be enough to stay for ever.
func (s *Service) change(ctx context.Context, token string, do func(tx *sql.Tx, h held) error) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		h, err := s.load(ctx, tx, token, full)
		if err != nil {
			return err
		}
		if err := s.fresh(h); err != nil {
			return err
		}
		return do(tx, h)
	})
}

// ChangePassword sets another password, ends the administrator's other sessions
// and keeps this one. A wrong current password counts as one at sign-in.
// Errors: ErrRefused, *password.UnfitError, ErrNoSession, ErrNotFresh,
// *ThrottledError, the context's, or the database's.
func (s *Service) ChangePassword(ctx context.Context, token, current, next string, client systemlog.Client) error {
	// No try where it is refused for another reason.
	if err := s.change(ctx, token, func(*sql.Tx, held) error { return nil }); err != nil {
		return err
	}
	t, err := s.openToken(ctx, stepPassword, token, client, full)
	if err != nil {
		return err
	}
	right, err := s.right(ctx, t.admin, current)
	if err != nil {
		return err
	}
	var unfit *password.UnfitError
	stored, err := s.choose(ctx, t.admin.Admin, next)
	if err != nil && !errors.As(err, &unfit) {
		return err
	}
	err = s.settle(ctx, t, func(tx *sql.Tx) error {
		h, err := s.stillHeld(ctx, tx, t, token)
		if err != nil {
			return err
		}
		// First whether it is they: rules about the new one are for nobody else.
		if !right || h.admin.password != t.admin.password {
			return refuse(reasonWrong)
		}
		if unfit != nil {
			return nil
		}
		h.Client = client
		if _, err := tx.ExecContext(ctx, `DELETE FROM admin_sessions WHERE admin_id = $1 AND id <> $2`, h.Admin.ID, h.ID); err != nil {
			return fmt.Errorf("end the other sessions of administrator %q: %w", h.Admin.Login, err)
		}
		return s.storePassword(ctx, tx, h, stored)
	})
	if err == nil && unfit != nil {
		return unfit
	}
	return err
}

// ReplaceTOTP puts the key that TOTPSecret showed in the place of the app that
// there was, or of none. Errors: ErrNotACode, ErrRefused, ErrNoSession,
// ErrNotFresh, or the database's.
func (s *Service) ReplaceTOTP(ctx context.Context, token, code string) error {
	return s.change(ctx, token, func(tx *sql.Tx, h held) error { return s.confirm(ctx, tx, h, code) })
}

// RemoveTOTP removes the app. Errors: ErrNotFound, ErrLastFactor, ErrNoSession,
// ErrNotFresh, or the database's.
func (s *Service) RemoveTOTP(ctx context.Context, token string) error {
	return s.change(ctx, token, func(tx *sql.Tx, h held) error {
		switch {
		case !h.admin.HasTOTP:
			return fmt.Errorf("an app: %w", ErrNotFound)
		case h.admin.factors() == 1:
			return ErrLastFactor
		}
		if _, err := tx.ExecContext(ctx, `UPDATE admins SET totp = '', totp_pending = '' WHERE id = $1`, h.Admin.ID); err != nil {
			return fmt.Errorf("remove the app of administrator %q: %w", h.Admin.Login, err)
		}
		return s.tellFactor(ctx, tx, h, systemlog.FactorDeactivate, stepTOTP)
	})
}

// RemovePasskey removes a passkey. Errors: as of RemoveTOTP.
func (s *Service) RemovePasskey(ctx context.Context, token, passkey string) error {
	return s.change(ctx, token, func(tx *sql.Tx, h held) error {
		done, err := tx.ExecContext(ctx, `DELETE FROM admin_passkeys WHERE id = $1 AND admin_id = $2`, passkey, h.Admin.ID)
		if err != nil {
			return fmt.Errorf("remove passkey %s: %w", passkey, err)
		}
		switch n, err := done.RowsAffected(); {
		case err != nil:
			return err
		case n == 0:
			return fmt.Errorf("passkey %q: %w", passkey, ErrNotFound)
		case h.admin.factors() == 1:
			return ErrLastFactor // and nothing of this is committed
		}
		return s.tellFactor(ctx, tx, h, systemlog.FactorDeactivate, stepPasskey)
	})
}

// NewRecoveryCodes makes ten, in the place of those that there were. Errors:
// ErrNoSession, ErrNotFresh, or the database's.
func (s *Service) NewRecoveryCodes(ctx context.Context, token string) (codes []Secret, err error) {
	err = s.change(ctx, token, func(tx *sql.Tx, h held) error {
		if codes, err = s.replaceRecoveryCodes(ctx, tx, h.Admin.ID); err != nil {
			return err
		}
		return s.tellFactor(ctx, tx, h, systemlog.FactorActivate, stepRecovery)
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}
