package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
)

// ErrNoToken is a token that is unknown, malformed, expired or revoked. Which
// of these is not said, to whoever tries some.
var ErrNoToken = errors.New("the API token is not valid")

// ErrUnknown is a token id that does not exist.
var ErrUnknown = errors.New("there is no token with that id")

// prefix makes a leaked token findable by secret scanners.
const prefix = "lks_"

// Caller is whose token a request came with.
type Caller struct {
	TokenID string
	Name    string // of the token: what it is for
	Login   string // of the administrator that it belongs to
	Role    Role
	Grant
}

// Token is a stored token, without what is secret of it.
type Token struct {
	Caller
	CreatedAt time.Time
	ExpiresAt time.Time // zero is never
	RevokedAt time.Time // zero is not revoked
}

// Create stores a new token and returns the one text that opens it. It is not
// kept and cannot be shown again. Errors: ErrValue for a role or a group that is
// not there, or the database's.
func Create(ctx context.Context, tx *sql.Tx, c Caller, now, expires time.Time) (text, id string, err error) {
	if c.Role, err = NamedRole(ctx, tx, string(c.Role)); err != nil {
		return "", "", err
	}
	id = store.NewID("tok")
	if err := SetScope(ctx, tx, id, c.Role, c.Groups); err != nil {
		return "", "", err
	}
	secret := rand.Text()
	_, err = tx.ExecContext(ctx, `INSERT INTO tokens (id, hash, name, login, role, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		id, digest(secret), c.Name, c.Login, string(c.Role), store.Micros(now), store.Micros(expires))
	if err != nil {
		return "", "", fmt.Errorf("store the token: %w", err)
	}
	return prefix + id + "_" + secret, id, nil
}

// Find is whose token text is. The error is ErrNoToken, or the database's.
func Find(ctx context.Context, tx *sql.Tx, text string, now time.Time) (Caller, error) {
	id, secret, ok := split(text)
	if !ok {
		return Caller{}, ErrNoToken
	}
	t, hash, err := scanToken(tx.QueryRowContext(ctx, `SELECT `+tokenColumns+` FROM tokens WHERE id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return Caller{}, ErrNoToken
	}
	if err != nil {
		return Caller{}, fmt.Errorf("read a token: %w", err)
	}
	same := subtle.ConstantTimeCompare([]byte(digest(secret)), []byte(hash)) == 1
	if !same || !t.RevokedAt.IsZero() || (!t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt)) {
		return Caller{}, ErrNoToken
	}
	t.Grant, err = GrantOf(ctx, tx, t.Role, t.TokenID)
	return t.Caller, err
}

func split(text string) (id, secret string, ok bool) {
	rest, ok := strings.CutPrefix(text, prefix)
	if !ok || len(text) > 128 {
		return "", "", false
	}
	return strings.Cut(rest, "_")
}

// digest needs no slow hash: the secret has 130 random bits.
func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

const tokenColumns = `id, name, login, role, created_at, expires_at, revoked_at, hash`

func scanToken(s store.Scanner) (t Token, hash string, err error) {
	var created, expires, revoked sql.NullInt64
	err = s.Scan(&t.TokenID, &t.Name, &t.Login, &t.Role, &created, &expires, &revoked, &hash)
	t.CreatedAt, t.ExpiresAt, t.RevokedAt = store.Time(created), store.Time(expires), store.Time(revoked)
	return t, hash, err
}

// List is all tokens, the newest first.
func List(ctx context.Context, tx *sql.Tx) ([]Token, error) {
	one := func(s store.Scanner) (Token, error) { t, _, err := scanToken(s); return t, err }
	found, err := store.All(ctx, tx, one, `SELECT `+tokenColumns+` FROM tokens ORDER BY created_at DESC, id`)
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	for i := range found {
		if found[i].Grant, err = GrantOf(ctx, tx, found[i].Role, found[i].TokenID); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// Revoke ends a token. The error is ErrUnknown, or the database's. A second
// revocation keeps the time of the first.
func Revoke(ctx context.Context, tx *sql.Tx, id string, now time.Time) error {
	done, err := tx.ExecContext(ctx, `UPDATE tokens SET revoked_at = COALESCE(revoked_at, $2) WHERE id = $1`, id, store.Micros(now))
	if err != nil {
		return fmt.Errorf("revoke token %s: %w", id, err)
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return errors.Join(ErrUnknown, err)
	}
	return nil
}
