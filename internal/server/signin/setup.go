package signin

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/server/password"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

// issuer is how an app names where its codes are for.
const issuer = "Latchkey"

// BeginSetUp takes the set-up code. What comes of it can set password and second
// factor, and nothing else. The code is good until that is done or it is too
// old; beginning again begins anew. Errors: ErrRefused, *ThrottledError, or the
// database's.
func (s *Service) BeginSetUp(ctx context.Context, login, code string, client systemlog.Client) (Pending, error) {
	t, err := s.openLogin(ctx, stepSetUp, login, client)
	if err != nil {
		return Pending{}, err
	}
	var p Pending
	err = s.settle(ctx, t, func(tx *sql.Tx) error {
		r, err := s.proof(ctx, tx, t, Invited)
		if err != nil {
			return err
		}
		if !s.now().Before(r.SetUpUntil) || !same(s.digest(digestSetUp, r.ID, typedSetUpCode(code)), r.setUpDigest) {
			return refuse(reasonWrong)
		}
		// What was set by whoever began before must not stay in force.
		if _, err := tx.ExecContext(ctx, `UPDATE admins SET password = '', totp_pending = '' WHERE id = $1`, r.ID); err != nil {
			return fmt.Errorf("begin the set-up of administrator %q: %w", r.Login, err)
		}
		r.password = ""
		x, err := s.start(ctx, tx, r.Admin, settingUp, client)
		p = pending(x, r, true)
		return err
	})
	if err != nil {
		return Pending{}, err
	}
	return p, nil
}

// typedSetUpCode is a set-up code without what typing or pasting adds.
func typedSetUpCode(typed string) string {
	return strings.ToUpper(strings.NewReplacer(" ", "", "-", "", "\n", "").Replace(typed[:min(len(typed), maxTyped)]))
}

// SetPassword sets the password of an account that is being set up. Errors:
// *password.UnfitError, ErrNoSession, the context's, or the database's.
func (s *Service) SetPassword(ctx context.Context, token, password string) error {
	var h held
	err := s.db.View(ctx, func(tx *sql.Tx) (err error) {
		h, err = s.load(ctx, tx, token, settingUp)
		return err
	})
	if err != nil {
		return err
	}
	stored, err := s.choose(ctx, h.Admin, password)
	if err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		if h, err = s.load(ctx, tx, token, settingUp); err != nil {
			return err
		}
		return s.storePassword(ctx, tx, h, stored)
	})
}

// choose is a password that is allowed, as it is stored.
func (s *Service) choose(ctx context.Context, a Admin, chosen string) (string, error) {
	if err := password.Check(chosen, a.Login, a.Name); err != nil {
		return "", err
	}
	return s.hasher.Hash(ctx, chosen)
}

func (s *Service) storePassword(ctx context.Context, tx *sql.Tx, h held, stored string) error {
	if _, err := tx.ExecContext(ctx, `UPDATE admins SET password = $2 WHERE id = $1`, h.Admin.ID, stored); err != nil {
		return fmt.Errorf("store the password of administrator %q: %w", h.Admin.Login, err)
	}
	return s.tell(ctx, tx, h.By(), h.Admin, systemlog.Event{Type: systemlog.PasswordUpdate, Message: "Administrator set a password", Severity: systemlog.Warn})
}

// TOTPSecret is the key for an app: as a URI to be scanned, and to be typed. It
// is the same until it is confirmed, within a session. Errors: ErrNoSession,
// ErrNotFresh (of a whole session), or the database's.
func (s *Service) TOTPSecret(ctx context.Context, token string) (uri, secret string, err error) {
	var k totp.Key
	var h held
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		if h, err = s.load(ctx, tx, token, settingUp, full); err != nil {
			return err
		}
		if err := s.fresh(h); err != nil {
			return err
		}
		if h.admin.totpPending != "" {
			k, err = s.openTOTP(h.admin, h.admin.totpPending)
			return err
		}
		k, err = s.newTOTP(ctx, tx, h.admin)
		return err
	})
	if err != nil {
		return "", "", err
	}
	return k.URI(issuer, h.Admin.Login), k.Text(), nil
}

func (s *Service) newTOTP(ctx context.Context, tx *sql.Tx, r record) (totp.Key, error) {
	k, err := totp.NewKey(rand.Reader)
	if err != nil {
		return totp.Key{}, err
	}
	sealed, err := s.vault.Seal(vault.ForAdmins, k.Secret(), "totp", r.ID)
	if err != nil {
		return totp.Key{}, fmt.Errorf("seal an app's key: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE admins SET totp_pending = $2 WHERE id = $1`, r.ID, sealed); err != nil {
		return totp.Key{}, fmt.Errorf("store an app's key: %w", err)
	}
	return k, nil
}

// fresh is ErrNotFresh for a whole session whose sign-in is too long ago, and
// ErrFederated for one that the provider began.
func (s *Service) fresh(h held) error {
	if err := h.admin.theirs("the sign-in"); err != nil {
		return err // all that needs this is about a password or factors
	}
	if h.stage == full && !s.Fresh(h.Session, FreshFor) {
		return ErrNotFresh
	}
	return nil
}

// ConfirmTOTP ends the set-up with the first code of the app: the recovery
// codes, and the first session. Errors: ErrNotACode, ErrRefused, ErrNoSession,
// ErrState before there is a password, or the database's.
func (s *Service) ConfirmTOTP(ctx context.Context, token, code string) ([]Secret, Session, error) {
	return s.setUp(ctx, token, func(tx *sql.Tx, h held) error { return s.confirm(ctx, tx, h, code) })
}

// setUp ends the set-up with a second factor that activate puts into force.
func (s *Service) setUp(ctx context.Context, token string, activate func(tx *sql.Tx, h held) error) (codes []Secret, x Session, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		h, err := s.load(ctx, tx, token, settingUp)
		if err != nil {
			return err
		}
		if h.admin.password == "" {
			return fmt.Errorf("a second factor before the password: %w", ErrState)
		}
		if err := activate(tx, h); err != nil {
			return err
		}
		codes, x, err = s.ready(ctx, tx, h)
		return err
	})
	if err != nil {
		return nil, Session{}, err
	}
	return codes, x, nil
}

// ready makes an account active that has a password and a second factor.
func (s *Service) ready(ctx context.Context, tx *sql.Tx, h held) ([]Secret, Session, error) {
	codes, err := s.replaceRecoveryCodes(ctx, tx, h.Admin.ID)
	if err != nil {
		return nil, Session{}, err
	}
	_, err = tx.ExecContext(ctx, `UPDATE admins SET status = $2, set_up_digest = '', set_up_until = NULL WHERE id = $1`, h.Admin.ID, string(Active))
	if err != nil {
		return nil, Session{}, fmt.Errorf("end the set-up of administrator %q: %w", h.Admin.Login, err)
	}
	if err := s.tell(ctx, tx, h.By(), h.Admin, systemlog.Event{Type: systemlog.UserActivate, Message: "Administrator set up their account"}); err != nil {
		return nil, Session{}, err
	}
	x, err := s.finish(ctx, tx, h)
	return codes, x, err
}

// confirm puts the pending key of an app into force. Wrong codes are not
// counted: whoever has the session has been shown the key.
func (s *Service) confirm(ctx context.Context, tx *sql.Tx, h held, typed string) error {
	code, err := totp.ParseCode(typed)
	if err != nil {
		return ErrNotACode
	}
	step, ok, err := s.match(h.admin, h.admin.totpPending, code, 0)
	if err != nil {
		return err
	}
	if !ok {
		return ErrRefused
	}
	_, err = tx.ExecContext(ctx, `UPDATE admins SET totp = totp_pending, totp_pending = '', totp_step = $2 WHERE id = $1`, h.Admin.ID, int64(step))
	if err != nil {
		return fmt.Errorf("confirm the app of administrator %q: %w", h.Admin.Login, err)
	}
	return s.tellFactor(ctx, tx, h, systemlog.FactorActivate, stepTOTP)
}

// tellFactor writes that a second factor came or went.
func (s *Service) tellFactor(ctx context.Context, tx *sql.Tx, h held, kind, which string) error {
	message := "Administrator set up a second factor"
	if kind == systemlog.FactorDeactivate {
		message = "Administrator removed a second factor"
	}
	return s.tell(ctx, tx, h.By(), h.Admin, systemlog.Event{Type: kind, Message: message, Severity: systemlog.Warn, Detail: map[string]string{"factor": which}})
}
