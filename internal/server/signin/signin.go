package signin

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

// drift is how many steps a phone's clock may be off, on either side.
const drift = 1

// Pending is a session that is not one yet: the set-up code or the password was
// right, and the rest is to come. Its token opens that, and nothing else.
type Pending struct {
	Token         Secret // only of a new one
	Login, Name   string
	SetUp         bool // it may set up, and not sign in
	PasswordSet   bool // what is done of the set-up
	TOTP, Passkey bool // which second factors there are
	RecoveryCodes bool // some are left
	EndsAt        time.Time
}

func pending(x Session, r record, setUp bool) Pending {
	return Pending{Token: x.Token, Login: r.Login, Name: r.Name, SetUp: setUp, PasswordSet: r.password != "", TOTP: r.HasTOTP, Passkey: len(r.Passkeys) > 0,
		RecoveryCodes: r.RecoveryCodesLeft > 0, EndsAt: x.EndsAt}
}

// FindPending is what a half session's token can go on with, after a reload.
// The error is ErrNoSession, or the database's.
func (s *Service) FindPending(ctx context.Context, token string) (Pending, error) {
	var p Pending
	err := s.db.View(ctx, func(tx *sql.Tx) error {
		h, err := s.load(ctx, tx, token, settingUp, half)
		p = pending(h.Session, h.admin, h.stage == settingUp)
		return err
	})
	if err != nil {
		return Pending{}, err
	}
	return p, nil
}

// Begin takes login and password. What comes of it needs a second factor within
// ten minutes. Errors: ErrRefused, *ThrottledError, the context's, or the
// database's.
func (s *Service) Begin(ctx context.Context, login, password string, client systemlog.Client) (Pending, error) {
	t, err := s.openLogin(ctx, stepPassword, login, client)
	if err != nil {
		return Pending{}, err
	}
	right, err := s.right(ctx, t.admin, password)
	if err != nil {
		return Pending{}, err
	}
	var p Pending
	err = s.settle(ctx, t, func(tx *sql.Tx) error {
		r, err := s.proof(ctx, tx, t, Active)
		if err != nil {
			return err
		}
		// A password that was changed meanwhile was not the one compared with.
		if !right || r.password != t.admin.password {
			return refuse(reasonWrong)
		}
		x, err := s.start(ctx, tx, r.Admin, half, client)
		p = pending(x, r, false)
		return err
	})
	if err != nil {
		return Pending{}, err
	}
	return p, nil
}

// right reports whether the password is r's, at the same cost for nobody's.
func (s *Service) right(ctx context.Context, r record, password string) (bool, error) {
	right, err := s.hasher.Fits(ctx, r.password, password)
	if err != nil {
		return false, fmt.Errorf("compare a password: %w", err)
	}
	return right, nil
}

// WithTOTP ends the sign-in with an app's code; the half session's token is
// void, and the session's is another. Errors: ErrNotACode (no try), ErrRefused,
// ErrNoSession, *ThrottledError, or the database's.
func (s *Service) WithTOTP(ctx context.Context, token, code string, client systemlog.Client) (Session, error) {
	return s.second(ctx, stepTOTP, token, half, client, s.byTOTP(ctx, code))
}

// WithRecoveryCode ends the sign-in with a recovery code, which is used up.
// Errors: as of WithTOTP.
func (s *Service) WithRecoveryCode(ctx context.Context, token, code string, client systemlog.Client) (Session, error) {
	return s.second(ctx, stepRecovery, token, half, client, s.byRecoveryCode(ctx, code))
}

// WithPasskey ends the sign-in with what the browser made of PasskeyChallenge's
// options. Errors: ErrRefused, ErrNoSession, ErrNoPasskeys, *ThrottledError, or
// the database's.
func (s *Service) WithPasskey(ctx context.Context, token string, response []byte, client systemlog.Client) (Session, error) {
	return s.second(ctx, stepPasskey, token, half, client, s.byPasskey(ctx, response))
}

// ReauthenticateTOTP makes a session fresh again with an app's code. Its token
// stays. Errors: as of WithTOTP.
func (s *Service) ReauthenticateTOTP(ctx context.Context, token, code string, client systemlog.Client) (Session, error) {
	return s.second(ctx, stepTOTP, token, full, client, s.byTOTP(ctx, code))
}

// ReauthenticatePasskey makes a session fresh again with the answer to
// PasskeyChallenge. Its token stays. Errors: as of WithPasskey.
func (s *Service) ReauthenticatePasskey(ctx context.Context, token string, response []byte, client systemlog.Client) (Session, error) {
	return s.second(ctx, stepPasskey, token, full, client, s.byPasskey(ctx, response))
}

// factor is a second factor that somebody shows.
type factor struct {
	malformed error                     // what was shown cannot be one: no try
	use       func(*sql.Tx, held) error // compares and uses it up; the error is a refusal, or the database's
}

// second takes a second factor, and goes on from the session's stage.
func (s *Service) second(ctx context.Context, step, token string, from stage, client systemlog.Client, f factor) (Session, error) {
	if f.malformed != nil {
		return Session{}, f.malformed
	}
	t, err := s.openToken(ctx, step, token, client, from)
	if err != nil {
		return Session{}, err
	}
	var x Session
	err = s.settle(ctx, t, func(tx *sql.Tx) error {
		h, err := s.stillHeld(ctx, tx, t, token)
		if err != nil {
			return err
		}
		if err := f.use(tx, h); err != nil {
			return err
		}
		h.Client = client
		if err := s.tellShown(ctx, tx, h, step); err != nil {
			return err
		}
		if from == full {
			x, err = s.renew(ctx, tx, h)
		} else {
			x, err = s.finish(ctx, tx, h)
		}
		return err
	})
	if err != nil {
		return Session{}, err
	}
	return x, nil
}

// tellShown writes that a second factor was right.
func (s *Service) tellShown(ctx context.Context, tx *sql.Tx, h held, step string) error {
	e := systemlog.Event{Type: systemlog.AuthViaMFA, Message: "Administrator showed a second factor", Detail: map[string]string{"factor": step}}
	if step == stepRecovery {
		// A recovery code is for who has lost the rest, or for who has found the sheet.
		e.Severity, e.Detail["left"] = systemlog.Warn, strconv.Itoa(h.Admin.RecoveryCodesLeft-1)
	}
	return s.tell(ctx, tx, h.By(), h.Admin, e)
}

// renew makes a session fresh.
func (s *Service) renew(ctx context.Context, tx *sql.Tx, h held) (Session, error) {
	now := s.now()
	if _, err := tx.ExecContext(ctx, `UPDATE admin_sessions SET authenticated_at = $2, seen_at = $2 WHERE id = $1`, h.ID, store.Micros(now)); err != nil {
		return Session{}, fmt.Errorf("renew session %s: %w", h.ID, err)
	}
	h.AuthenticatedAt, h.SeenAt = now, now
	return h.Session, s.pardon(ctx, tx, h.Admin.Login)
}

// finish turns a session that is not whole into one that is.
func (s *Service) finish(ctx context.Context, tx *sql.Tx, h held) (Session, error) {
	if err := end(ctx, tx, h.Admin.ID, h.ID); err != nil {
		return Session{}, err
	}
	// A secret that was shown in an earlier session may have been seen by others.
	if _, err := tx.ExecContext(ctx, `UPDATE admins SET signed_in_at = $2, totp_pending = '' WHERE id = $1`, h.Admin.ID, store.Micros(s.now())); err != nil {
		return Session{}, fmt.Errorf("note the sign-in of administrator %q: %w", h.Admin.Login, err)
	}
	if err := s.pardon(ctx, tx, h.Admin.Login); err != nil {
		return Session{}, err
	}
	r, err := adminByID(ctx, tx, h.Admin.ID)
	if err != nil {
		return Session{}, err
	}
	x, err := s.start(ctx, tx, r.Admin, full, h.Client)
	if err != nil {
		return Session{}, err
	}
	return x, s.tell(ctx, tx, x.By(), r.Admin, systemlog.Event{Type: systemlog.SessionStart, Message: "Administrator signed in", Detail: map[string]string{"session": x.ID}})
}

// byTOTP is the code of an app. Its step is stored with what comes of it, and
// neither it nor an earlier one is taken again.
func (s *Service) byTOTP(ctx context.Context, typed string) factor {
	code, err := totp.ParseCode(typed)
	if err != nil {
		return factor{malformed: ErrNotACode}
	}
	return factor{use: func(tx *sql.Tx, h held) error {
		step, ok, err := s.match(h.admin, h.admin.totp, code, h.admin.totpStep)
		if err != nil {
			return err
		}
		if !ok {
			return refuse(reasonWrong)
		}
		if _, err := tx.ExecContext(ctx, `UPDATE admins SET totp_step = $2 WHERE id = $1`, h.Admin.ID, int64(step)); err != nil {
			return fmt.Errorf("store the step of a code: %w", err)
		}
		return nil
	}}
}

// match looks for the code's step with a sealed key; none for no key.
func (s *Service) match(r record, sealed, code string, after uint64) (step uint64, ok bool, err error) {
	if sealed == "" {
		return 0, false, nil
	}
	k, err := s.openTOTP(r, sealed)
	if err != nil {
		return 0, false, err
	}
	step, ok = k.Match(code, s.now(), drift, after)
	return step, ok, nil
}

// openTOTP opens an app's key. One that was moved to another administrator does
// not open.
func (s *Service) openTOTP(r record, sealed string) (totp.Key, error) {
	secret, err := s.vault.Open(vault.ForAdmins, sealed, "totp", r.ID)
	if err != nil {
		return totp.Key{}, fmt.Errorf("open the app's key of administrator %q: %w", r.Login, err)
	}
	return totp.KeyFrom(secret)
}
