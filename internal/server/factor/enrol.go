package factor

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

// Kinds of factors, as they are stored and told.
const (
	KindTOTP     = "totp"
	KindPush     = "push"
	KindKey      = "webauthn" // a security key
	kindPassword = "password"
)

const (
	issuer     = "Latchkey" // how an app names where its codes are for
	drift      = 1          // steps that a phone's clock may be off, on either side
	maxFactors = 10         // of a user
	maxName    = 64
)

// Factor is one that a user has, without what is secret of it.
type Factor struct {
	ID        string
	Kind      string
	Name      string
	Confirmed bool // false: an app whose first code was not typed yet, which is of no use
	CreatedAt time.Time
	UsedAt    time.Time // zero is never
	// Passkey: it has a WebAuthn credential, as a security key always has, and a
	// phone that was set up on the authenticator's page.
	Passkey bool
	// SuspendedAt is when the counter of its credential went back, so that
	// somebody may have a copy: it opens nothing any more. Zero is never.
	SuspendedAt time.Time
}

// Usable: it is set up, and not suspended.
func (f Factor) Usable() bool { return f.Confirmed && f.SuspendedAt.IsZero() }

// held is a stored factor.
type held struct {
	Factor
	sealed     string
	step       uint64
	credential string // its id in base64url; "" of none
}

const factorColumns = `id, kind, name, sealed, confirmed, step, created_at, used_at, credential, suspended_at`

func scanFactor(s store.Scanner) (h held, err error) {
	var created, used, suspended sql.NullInt64
	var step int64
	err = s.Scan(&h.ID, &h.Kind, &h.Name, &h.sealed, &h.Confirmed, &step, &created, &used, &h.credential, &suspended)
	h.CreatedAt, h.UsedAt, h.step = store.Time(created), store.Time(used), uint64(step)
	h.SuspendedAt, h.Passkey = store.Time(suspended), h.credential != ""
	return h, err
}

func (b *Book) held(ctx context.Context, tx *sql.Tx, userID string) ([]held, error) {
	found, err := store.All(ctx, tx, scanFactor, `SELECT `+factorColumns+` FROM user_factors WHERE user_id = $1 ORDER BY created_at, id`, userID)
	if err != nil {
		return nil, fmt.Errorf("read the factors of user %s: %w", userID, err)
	}
	return found, nil
}

// has reports whether there is a factor of the kind that can be used.
func has(factors []held, kind string) bool {
	for _, h := range factors {
		if h.Kind == kind && h.Usable() {
			return true
		}
	}
	return false
}

// kinds are those of factors that can be used.
func kinds(factors []held) (found []string) {
	for _, kind := range []string{KindTOTP, KindPush, KindKey} {
		if has(factors, kind) {
			found = append(found, kind)
		}
	}
	return found
}

// List are the factors of a user, the oldest first.
func (b *Book) List(ctx context.Context, tx *sql.Tx, userID string) ([]Factor, error) {
	found, err := b.held(ctx, tx, userID)
	out := make([]Factor, 0, len(found))
	for _, h := range found {
		out = append(out, h.Factor)
	}
	return out, err
}

// EnrolTOTP makes a key for an app. It is of no use until Confirm, and takes the
// place of one that was not confirmed. Errors: ErrTooMany, ErrName, or the
// database's.
func (b *Book) EnrolTOTP(ctx context.Context, tx *sql.Tx, u directory.User, name string) (Factor, totp.Key, error) {
	_, err := tx.ExecContext(ctx, `DELETE FROM user_factors WHERE user_id = $1 AND kind = $2 AND confirmed = $3`, u.ID, KindTOTP, false)
	if err != nil {
		return Factor{}, totp.Key{}, fmt.Errorf("drop the unconfirmed app of user %q: %w", u.Login, err)
	}
	k, err := totp.NewKey(rand.Reader)
	if err != nil {
		return Factor{}, totp.Key{}, err
	}
	h := held{Factor: Factor{ID: store.NewID("ufa"), Kind: KindTOTP, Name: name}}
	if h.sealed, err = b.Vault.Seal(vault.ForFactors, k.Secret(), KindTOTP, u.ID, h.ID); err != nil {
		return Factor{}, totp.Key{}, fmt.Errorf("seal an app's key: %w", err)
	}
	f, err := b.add(ctx, tx, u, h)
	return f, k, err
}

// URI is the key for an app to scan.
func URI(k totp.Key, u directory.User) string { return k.URI(issuer, u.Login) }

// PendingTOTP is the key of an app that waits for its first code. The error is
// ErrNotFound, ErrState for one that was confirmed, or the database's.
func (b *Book) PendingTOTP(ctx context.Context, tx *sql.Tx, u directory.User, id string) (totp.Key, error) {
	h, err := b.one(ctx, tx, u, id)
	if err != nil {
		return totp.Key{}, err
	}
	if h.Kind != KindTOTP || h.Confirmed {
		return totp.Key{}, fmt.Errorf("factor %s is set up already: %w", id, ErrState)
	}
	return b.key(u.ID, h)
}

func (b *Book) key(userID string, h held) (totp.Key, error) {
	secret, err := b.Vault.Open(vault.ForFactors, h.sealed, KindTOTP, userID, h.ID)
	if err != nil {
		return totp.Key{}, fmt.Errorf("open the key of factor %s: %w", h.ID, err)
	}
	return totp.KeyFrom(secret)
}

// ConfirmTOTP puts an app into force with a code of it. A wrong one is not
// counted: whoever enrols has been shown the key. Errors: ErrNotFound, ErrState,
// ErrNotACode, ErrRefused, or the database's.
func (b *Book) ConfirmTOTP(ctx context.Context, tx *sql.Tx, u directory.User, id, typed string, by By) error {
	k, err := b.PendingTOTP(ctx, tx, u, id)
	if err != nil {
		return err
	}
	code, err := totp.ParseCode(typed)
	if err != nil {
		return ErrNotACode
	}
	step, ok := k.Match(code, b.Now(), drift, 0)
	if !ok {
		return ErrRefused
	}
	return b.inForce(ctx, tx, u, id, step, by, "confirmed")
}

// TrustTOTP puts an app into force without a code of it, where whoever enrols
// cannot type one. Errors: as of ConfirmTOTP.
func (b *Book) TrustTOTP(ctx context.Context, tx *sql.Tx, u directory.User, id string, by By) error {
	if _, err := b.PendingTOTP(ctx, tx, u, id); err != nil {
		return err
	}
	return b.inForce(ctx, tx, u, id, 0, by, "unconfirmed")
}

func (b *Book) inForce(ctx context.Context, tx *sql.Tx, u directory.User, id string, step uint64, by By, how string) error {
	_, err := tx.ExecContext(ctx, `UPDATE user_factors SET confirmed = $2, step = $3 WHERE id = $1`, id, true, int64(step))
	if err != nil {
		return fmt.Errorf("confirm factor %s: %w", id, err)
	}
	return b.tellFactor(ctx, tx, u, by, systemlog.FactorActivate, "A user's factor was set up", Factor{ID: id, Kind: KindTOTP}, how)
}

// EnrolPhone makes a phone that pushes are sent to. Errors: ErrTooMany, ErrName,
// or the database's.
func (b *Book) EnrolPhone(ctx context.Context, tx *sql.Tx, u directory.User, name string, by By) (Factor, error) {
	f, err := b.add(ctx, tx, u, held{Factor: Factor{ID: store.NewID("ufa"), Kind: KindPush, Name: name, Confirmed: true}})
	if err != nil {
		return f, err
	}
	return f, b.tellFactor(ctx, tx, u, by, systemlog.FactorActivate, "A user's factor was set up", f, "confirmed")
}

func (b *Book) add(ctx context.Context, tx *sql.Tx, u directory.User, h held) (Factor, error) {
	h.Name, h.CreatedAt = strings.TrimSpace(h.Name), b.Now()
	if h.Name == "" || utf8.RuneCountInString(h.Name) > maxName || !utf8.ValidString(h.Name) || strings.ContainsFunc(h.Name, unicode.IsControl) {
		return Factor{}, ErrName
	}
	there, err := b.held(ctx, tx, u.ID)
	if err == nil && len(there) >= maxFactors {
		err = fmt.Errorf("user %q has %d: %w", u.Login, len(there), ErrTooMany)
	}
	if err != nil {
		return Factor{}, err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO user_factors (id, user_id, kind, name, sealed, confirmed, step, created_at, credential) VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8)`,
		h.ID, u.ID, h.Kind, h.Name, h.sealed, h.Confirmed, store.Micros(h.CreatedAt), h.credential)
	if err != nil {
		return Factor{}, fmt.Errorf("store a factor of user %q: %w", u.Login, err)
	}
	return h.Factor, nil
}

func (b *Book) one(ctx context.Context, tx *sql.Tx, u directory.User, id string) (held, error) {
	h, err := scanFactor(tx.QueryRowContext(ctx, `SELECT `+factorColumns+` FROM user_factors WHERE user_id = $1 AND id = $2`, u.ID, id))
	if errors.Is(err, sql.ErrNoRows) {
		return h, fmt.Errorf("factor %q of user %q: %w", id, u.Login, ErrNotFound)
	}
	if err != nil {
		return h, fmt.Errorf("read a factor of user %q: %w", u.Login, err)
	}
	return h, nil
}

// Remove ends one factor. Errors: ErrNotFound, or the database's.
func (b *Book) Remove(ctx context.Context, tx *sql.Tx, u directory.User, id string, by By) error {
	h, err := b.one(ctx, tx, u, id)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM user_factors WHERE id = $1`, h.ID); err != nil {
		return fmt.Errorf("remove factor %s: %w", h.ID, err)
	}
	// What was begun with the factors that there were is void.
	if err := b.voidOpen(ctx, tx, u); err != nil {
		return err
	}
	return b.tellFactor(ctx, tx, u, by, systemlog.FactorDeactivate, "A user's factor was removed", h.Factor, "")
}

// RemoveAll ends every factor, and the invitations to set one up. The password stays: alone it opens nothing.
func (b *Book) RemoveAll(ctx context.Context, tx *sql.Tx, u directory.User, by By) error {
	all, err := b.held(ctx, tx, u.ID)
	if err != nil {
		return err
	}
	for _, h := range all {
		if err := b.Remove(ctx, tx, u, h.ID, by); err != nil {
			return err
		}
	}
	if err := b.revokeAll(ctx, tx, u, by); err != nil {
		return err
	}
	return b.voidOpen(ctx, tx, u)
}

// voidOpen ends the pushes and the tokens of a user that are not used yet.
func (b *Book) voidOpen(ctx context.Context, tx *sql.Tx, u directory.User) error {
	_, err := tx.ExecContext(ctx, `UPDATE pushes SET state = $2 WHERE user_id = $1 AND state IN ($3, $4)`, u.ID, string(Voided), string(Waiting), string(Approved))
	if err == nil {
		_, err = tx.ExecContext(ctx, `DELETE FROM mfa_tokens WHERE user_id = $1`, u.ID)
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, `DELETE FROM key_challenges WHERE user_id = $1`, u.ID)
	}
	if err != nil {
		return fmt.Errorf("end what user %q has begun: %w", u.Login, err)
	}
	return nil
}

func (b *Book) tellFactor(ctx context.Context, tx *sql.Tx, u directory.User, by By, kind, message string, f Factor, how string) error {
	detail := map[string]string{"factor": f.Kind, "id": f.ID}
	if how != "" {
		detail["set_up"] = how
	}
	return b.tellChange(ctx, tx, u, by, systemlog.Event{Type: kind, Severity: systemlog.Warn, Message: message, Detail: detail})
}
