package factor

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/password"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// MFALife is how long after the right password a factor may follow.
const MFALife = 5 * time.Minute

// SetPassword sets the password of a user. It is computed outside of any
// transaction. Errors: *password.UnfitError, ErrNotFound, the context's, or the
// database's.
func (b *Book) SetPassword(ctx context.Context, login, chosen string, by By) error {
	var u directory.User
	find := func(tx *sql.Tx) (err error) {
		u, err = directory.FindUser(ctx, tx, login)
		return err
	}
	if err := b.DB.View(ctx, find); err != nil {
		return err
	}
	if err := password.Check(chosen, u.Login, u.Name()); err != nil {
		return err
	}
	stored, err := b.Hasher.Hash(ctx, chosen)
	if err != nil {
		return err
	}
	return b.DB.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO user_passwords (user_id, hash, updated_at) VALUES ($1, $2, $3)
			ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash, updated_at = excluded.updated_at`, u.ID, stored, store.Micros(b.Now()))
		if err != nil {
			return fmt.Errorf("store the password of user %q: %w", u.Login, err)
		}
		if err := b.voidOpen(ctx, tx, u); err != nil {
			return err
		}
		return b.tellChange(ctx, tx, u, by, systemlog.Event{Type: systemlog.PasswordUpdate, Severity: systemlog.Warn, Message: "The password of a user was set"})
	})
}

func (b *Book) stored(ctx context.Context, tx *sql.Tx, userID string) (hash string, err error) {
	err = tx.QueryRowContext(ctx, `SELECT hash FROM user_passwords WHERE user_id = $1`, userID).Scan(&hash)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the password of user %s: %w", userID, err)
	}
	return hash, nil
}

// MFA is what the right password leads to: a token, and the kinds of factors
// that may follow with it.
type MFA struct {
	Token string
	Kinds []string
}

// TryPassword takes a password. It alone is never enough. Errors: ErrRefused,
// ErrNoFactor after the right password, *WaitError, or the database's.
func (b *Book) TryPassword(ctx context.Context, s Subject, typed string, a Asker) (MFA, error) {
	t, err := b.count(ctx, s, kindPassword)
	if err != nil {
		return MFA{}, err
	}
	var before string
	err = b.DB.View(ctx, func(tx *sql.Tx) (err error) {
		before, err = b.stored(ctx, tx, s.User.ID)
		return err
	})
	if err != nil {
		return MFA{}, err
	}
	right, err := b.Hasher.Fits(ctx, before, typed)
	if err != nil {
		return MFA{}, fmt.Errorf("compare a password: %w", err)
	}
	var m MFA
	var no error
	err = b.DB.Update(ctx, func(tx *sql.Tx) (err error) {
		m, no, err = b.afterPassword(ctx, tx, s, a, t, right, before)
		return err
	})
	return m, errors.Join(err, no)
}

// afterPassword is the token, or no: why there is none.
func (b *Book) afterPassword(ctx context.Context, tx *sql.Tx, s Subject, a Asker, t tally, right bool, before string) (m MFA, no, err error) {
	u, active, err := b.active(ctx, tx, s)
	if err != nil {
		return m, nil, err
	}
	// A password that was changed meanwhile was not the one compared with.
	now, err := b.stored(ctx, tx, s.User.ID)
	if err != nil {
		return m, nil, err
	}
	if !right || !active || now != before {
		return m, ErrRefused, b.missed(ctx, tx, u, a, t, failed(kindPassword, why(u, active)))
	}
	if err := b.pardon(ctx, tx, t); err != nil {
		return m, nil, err
	}
	if err := b.tell(ctx, tx, u, a, passed(kindPassword)); err != nil {
		return m, nil, err
	}
	if m, err = b.begin(ctx, tx, u, a); err == nil && len(m.Kinds) == 0 {
		no = ErrNoFactor
	}
	return m, no, err
}

// begin makes a token, where there is a factor that can follow.
func (b *Book) begin(ctx context.Context, tx *sql.Tx, u directory.User, a Asker) (m MFA, err error) {
	factors, err := b.held(ctx, tx, u.ID)
	if err != nil {
		return m, err
	}
	if m.Kinds = kinds(factors); len(m.Kinds) == 0 {
		return m, nil
	}
	m.Token = rand.Text()
	if _, err := tx.ExecContext(ctx, `DELETE FROM mfa_tokens WHERE expires_at <= $1`, store.Micros(b.Now())); err != nil {
		return m, fmt.Errorf("drop old tokens: %w", err)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO mfa_tokens (digest, user_id, client_id, device_id, expires_at) VALUES ($1, $2, $3, $4, $5)`,
		b.digest("mfa", m.Token), u.ID, a.ClientID, a.Device.ID, store.Micros(b.Now().Add(MFALife)))
	if err != nil {
		return m, fmt.Errorf("store a token of user %q: %w", u.Login, err)
	}
	return m, nil
}

// After is whose token it is, and the kinds of factors that may follow. The
// error is ErrExpired, or the database's.
func (b *Book) After(ctx context.Context, token string, a Asker) (s Subject, may []string, err error) {
	err = b.DB.View(ctx, func(tx *sql.Tx) error {
		u, err := b.owner(ctx, tx, token, a)
		if err != nil {
			return err
		}
		s = b.subjectOf(u)
		factors, err := b.held(ctx, tx, u.ID)
		may = kinds(factors)
		return err
	})
	return s, may, err
}

// owner is the user of a token of this client and Mac.
func (b *Book) owner(ctx context.Context, tx *sql.Tx, token string, a Asker) (directory.User, error) {
	var userID string
	err := tx.QueryRowContext(ctx, `SELECT user_id FROM mfa_tokens WHERE digest = $1 AND client_id = $2 AND device_id = $3 AND expires_at > $4`,
		b.digest("mfa", token), a.ClientID, a.Device.ID, store.Micros(b.Now())).Scan(&userID)
	if errors.Is(err, sql.ErrNoRows) {
		return directory.User{}, ErrExpired
	}
	if err != nil {
		return directory.User{}, fmt.Errorf("read a token: %w", err)
	}
	return directory.FindUser(ctx, tx, userID)
}

// spend uses a token up; "" is none, and needs none.
func (b *Book) spend(ctx context.Context, tx *sql.Tx, token string, u directory.User, a Asker) error {
	if token == "" {
		return nil
	}
	owner, err := b.owner(ctx, tx, token, a)
	if err != nil {
		return err
	}
	if owner.ID != u.ID {
		return ErrExpired
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM mfa_tokens WHERE digest = $1`, b.digest("mfa", token)); err != nil {
		return fmt.Errorf("use a token up: %w", err)
	}
	return nil
}
