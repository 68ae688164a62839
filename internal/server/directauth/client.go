package directauth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
)

// What a caller of this package decides on.
var (
	ErrName     = errors.New("a client's name has 1 to 64 printable characters")
	ErrNoClient = errors.New("there is no client with that id")
)

// secretPrefix makes a leaked secret findable by secret scanners.
const secretPrefix = "lkc_"

// touchEvery is how exactly it is known when a client was last used.
const touchEvery = time.Hour

// Client is what may ask for tokens, without its secret.
type Client struct {
	ID        string
	Name      string
	CreatedAt time.Time
	UsedAt    time.Time // to the hour; zero is never
	RevokedAt time.Time // zero is not
}

const clientColumns = `id, name, secret_digest, created_at, used_at, revoked_at`

func scanClient(s store.Scanner) (c Client, secret string, err error) {
	var created, used, revoked sql.NullInt64
	err = s.Scan(&c.ID, &c.Name, &secret, &created, &used, &revoked)
	c.CreatedAt, c.UsedAt, c.RevokedAt = store.Time(created), store.Time(used), store.Time(revoked)
	return c, secret, err
}

func secretDigest(v *vault.Vault, id, secret string) string {
	return v.Digest(vault.ForClients, id, secret)
}

// CreateClient stores a new client and returns its secret, which is not kept and
// cannot be shown again. Errors: ErrName, or the database's.
func CreateClient(ctx context.Context, tx *sql.Tx, v *vault.Vault, name string, now time.Time) (c Client, secret string, err error) {
	name = strings.TrimSpace(name)
	if name == "" || utf8.RuneCountInString(name) > 64 || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return c, "", ErrName
	}
	c = Client{ID: store.NewID("cli"), Name: name, CreatedAt: now}
	secret = secretPrefix + rand.Text()
	_, err = tx.ExecContext(ctx, `INSERT INTO clients (id, name, secret_digest, created_at) VALUES ($1, $2, $3, $4)`,
		c.ID, c.Name, secretDigest(v, c.ID, secret), store.Micros(now))
	if err != nil {
		return c, "", fmt.Errorf("store client %q: %w", name, err)
	}
	return c, secret, nil
}

// Clients are all, the oldest first.
func Clients(ctx context.Context, tx *sql.Tx) ([]Client, error) {
	one := func(s store.Scanner) (Client, error) { c, _, err := scanClient(s); return c, err }
	found, err := store.All(ctx, tx, one, `SELECT `+clientColumns+` FROM clients ORDER BY created_at, id`)
	if err != nil {
		return nil, fmt.Errorf("list clients: %w", err)
	}
	return found, nil
}

// RevokeClient ends a client. A second revocation keeps the time of the first.
// Errors: ErrNoClient, or the database's.
func RevokeClient(ctx context.Context, tx *sql.Tx, id string, now time.Time) (Client, error) {
	if _, err := tx.ExecContext(ctx, `UPDATE clients SET revoked_at = COALESCE(revoked_at, $2) WHERE id = $1`, id, store.Micros(now)); err != nil {
		return Client{}, fmt.Errorf("revoke client %q: %w", id, err)
	}
	c, _, err := scanClient(tx.QueryRowContext(ctx, `SELECT `+clientColumns+` FROM clients WHERE id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return c, ErrNoClient
	}
	return c, err
}

// credentials are the id and the secret of a request, of the header or of the
// body, not of both.
func credentials(r *http.Request, f form) (id, secret string, err error) {
	basic := r.Header.Get("Authorization") != ""
	switch {
	case f["client_assertion"] != "" || f["client_assertion_type"] != "":
		return "", "", invalidClient("The client authentication method isn't supported. Use a client secret.")
	case basic && f["client_secret"] != "":
		return "", "", refusal(http.StatusBadRequest, "invalid_request", "Can't supply multiple client credentials. Use one of the following: credentials in the Authorization header, credentials in the post body, or a `client_assertion` in the post body.")
	case basic:
		return basicCredentials(r, f)
	case f["client_id"] == "" || f["client_secret"] == "":
		return "", "", invalidClient("No client credentials found")
	}
	return f["client_id"], f["client_secret"], nil
}

// basicCredentials are those of the header, which are form-encoded within it
// (RFC 6749 §2.3.1).
func basicCredentials(r *http.Request, f form) (id, secret string, err error) {
	user, pass, ok := r.BasicAuth()
	id, err1 := url.QueryUnescape(user)
	secret, err2 := url.QueryUnescape(pass)
	if !ok || err1 != nil || err2 != nil || id == "" || len(id) > maxValue || len(secret) > maxValue {
		return "", "", invalidClient("No client credentials found")
	}
	if f["client_id"] != "" && f["client_id"] != id {
		return "", "", invalidClient("Invalid value for the `client_id` parameter")
	}
	return id, secret, nil
}

// authenticate is the client that makes the request. One that is not there, is
// revoked, or has another secret gets the same answer after the same work.
func (s *Server) authenticate(r *http.Request, f form) (Client, error) {
	id, secret, err := credentials(r, f)
	if err != nil {
		return Client{}, err
	}
	var c Client
	var kept string
	err = s.DB.View(r.Context(), func(tx *sql.Tx) error {
		c, kept, err = scanClient(tx.QueryRowContext(r.Context(), `SELECT `+clientColumns+` FROM clients WHERE id = $1`, id))
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil {
		return Client{}, fmt.Errorf("read a client: %w", err)
	}
	same := hmac.Equal([]byte(secretDigest(s.Vault, id, secret)), []byte(kept))
	if !same || c.ID == "" || !c.RevokedAt.IsZero() {
		return Client{}, invalidClient("The client secret supplied for a confidential client is invalid.")
	}
	return c, s.touch(r.Context(), c)
}

func (s *Server) touch(ctx context.Context, c Client) error {
	if s.Now().Sub(c.UsedAt) < touchEvery {
		return nil
	}
	return s.DB.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE clients SET used_at = $2 WHERE id = $1`, c.ID, store.Micros(s.Now()))
		return err
	})
}
