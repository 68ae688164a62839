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
	"slices"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
)

// ErrNoToken is a token that is unknown, malformed, expired, revoked, or of an
// administrator who is suspended. Which of these is not said, to whoever tries
// some.
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
	// Scopes are what the token is narrowed to: a request needs the permission
	// from the role and the scope of the same name. None: all that the role may.
	Scopes []Permission
	Grant
}

// Token is a stored token, without what is secret of it.
type Token struct {
	Caller
	CreatedAt time.Time
	ExpiresAt time.Time // zero is never
	RevokedAt time.Time // zero is not revoked
	UsedAt    time.Time // by about a minute; zero is never
}

// How long a token is good for.
const (
	UsualLife = 90 * 24 * time.Hour  // where nothing is said
	MaxLife   = 366 * 24 * time.Hour // where "for ever" is not said
)

// usedEvery is how exactly it is known when a token was used last.
const usedEvery = time.Minute

// ReadScopes are the scopes with these names, each once, in their order. The
// error is ErrValue and says which there are.
func ReadScopes(names []string) (out []Permission, err error) {
	for _, name := range names {
		if p := Permission(strings.TrimSpace(name)); !slices.Contains(Permissions(), p) {
			return nil, fmt.Errorf("scope %q: want some of %v: %w", cutName(name), Permissions(), ErrValue)
		}
	}
	for _, p := range Permissions() {
		if slices.ContainsFunc(names, func(name string) bool { return strings.TrimSpace(name) == string(p) }) {
			out = append(out, p)
		}
	}
	return out, nil
}

func cutName(name string) string { return strings.ToValidUTF8(name[:min(len(name), 60)], "") }

// Create stores a new token and returns the one text that opens it. It is not
// kept and cannot be shown again. Errors: ErrValue for a role, a scope or a
// group that is not there, or the database's.
func Create(ctx context.Context, tx *sql.Tx, c Caller, now, expires time.Time) (text, id string, err error) {
	if c.Role, err = NamedRole(ctx, tx, string(c.Role)); err != nil {
		return "", "", err
	}
	names := make([]string, 0, len(c.Scopes))
	for _, p := range c.Scopes {
		names = append(names, string(p))
	}
	scopes, err := ReadScopes(names)
	if err != nil {
		return "", "", err
	}
	id = store.NewID("tok")
	if err := SetScope(ctx, tx, id, c.Role, c.Groups); err != nil {
		return "", "", err
	}
	secret := rand.Text()
	_, err = tx.ExecContext(ctx, `INSERT INTO tokens (id, hash, name, login, role, created_at, expires_at, scopes) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		id, digest(secret), c.Name, c.Login, string(c.Role), store.Micros(now), store.Micros(expires), words(scopes))
	if err != nil {
		return "", "", fmt.Errorf("store the token: %w", err)
	}
	return prefix + id + "_" + secret, id, nil
}

// Find is whose token text is, and whether it is time to note that it was used.
// The error is ErrNoToken, or the database's.
func Find(ctx context.Context, tx *sql.Tx, text string, now time.Time) (c Caller, unnoted bool, err error) {
	t, err := find(ctx, tx, text, now)
	// A clock that went back must not make it look unused.
	return t.Caller, err == nil && now.Sub(t.UsedAt) >= usedEvery, err
}

// Note keeps that a token was used now.
func Note(ctx context.Context, tx *sql.Tx, id string, now time.Time) error {
	if _, err := tx.ExecContext(ctx, `UPDATE tokens SET used_at = $2 WHERE id = $1 AND (used_at IS NULL OR used_at < $2)`, id, store.Micros(now)); err != nil {
		return fmt.Errorf("note the use of token %s: %w", id, err)
	}
	return nil
}

func find(ctx context.Context, tx *sql.Tx, text string, now time.Time) (Token, error) {
	id, secret, ok := split(text)
	if !ok {
		return Token{}, ErrNoToken
	}
	t, hash, err := scanToken(tx.QueryRowContext(ctx, `SELECT `+tokenColumns+` FROM tokens WHERE id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return Token{}, ErrNoToken
	}
	if err != nil {
		return Token{}, fmt.Errorf("read a token: %w", err)
	}
	same := subtle.ConstantTimeCompare([]byte(digest(secret)), []byte(hash)) == 1
	if !same || !t.RevokedAt.IsZero() || (!t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt)) {
		return Token{}, ErrNoToken
	}
	var suspended bool
	err = tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM admins WHERE login_key = $1 AND status = 'SUSPENDED')`, store.Fold(t.Login)).Scan(&suspended)
	if err != nil {
		return Token{}, fmt.Errorf("read whose the token is: %w", err)
	}
	if suspended {
		// Who is kept out is kept out at every door.
		return Token{}, ErrNoToken
	}
	t.Grant, err = GrantOf(ctx, tx, t.Role, t.TokenID)
	return t, err
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

const tokenColumns = `id, name, login, role, created_at, expires_at, revoked_at, used_at, scopes, hash`

func scanToken(s store.Scanner) (t Token, hash string, err error) {
	var created, expires, revoked, used sql.NullInt64
	var scopes string
	err = s.Scan(&t.TokenID, &t.Name, &t.Login, &t.Role, &created, &expires, &revoked, &used, &scopes, &hash)
	t.CreatedAt, t.ExpiresAt, t.RevokedAt, t.UsedAt = store.Time(created), store.Time(expires), store.Time(revoked), store.Time(used)
	for _, word := range strings.Fields(scopes) {
		// Also one that is none: without it the token would be for everything.
		t.Scopes = append(t.Scopes, Permission(word))
	}
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

// RevokeOf ends all tokens that are good and belong to a login, and returns
// their ids.
func RevokeOf(ctx context.Context, tx *sql.Tx, login string, now time.Time) (ended []string, err error) {
	all, err := List(ctx, tx)
	if err != nil {
		return nil, err
	}
	for _, t := range all {
		if store.Fold(t.Login) != store.Fold(login) || !t.RevokedAt.IsZero() {
			continue
		}
		if err := Revoke(ctx, tx, t.TokenID, now); err != nil {
			return nil, err
		}
		ended = append(ended, t.TokenID)
	}
	return ended, nil
}
