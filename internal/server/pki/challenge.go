package pki

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
)

// ChallengeLife is how long a dynamic challenge is good.
const ChallengeLife = 24 * time.Hour

// ErrChallenge is a challenge that is unknown, used, expired or revoked. Which
// of these is not told to whoever tries some.
var ErrChallenge = errors.New("the SCEP challenge is not valid")

// The kinds of challenge.
const (
	Dynamic = "dynamic" // one certificate, within 24 hours
	Static  = "static"  // a fleet, until revoked
)

// Challenge is a challenge without its text.
type Challenge struct {
	ID        string
	Kind      string
	Serial    string // the one serial number it is good for; "" is any
	CreatedBy string
	CreatedAt time.Time
	ExpiresAt time.Time // zero is never
	UsedAt    time.Time
	RevokedAt time.Time
}

// Challenges makes and redeems challenges.
type Challenges struct{ key []byte }

// NewChallenges hashes challenges with a key of the vault.
func NewChallenges(v *vault.Vault) *Challenges {
	return &Challenges{key: v.Key(vault.ForChallenge)}
}

func (c *Challenges) hash(text string) string {
	mac := hmac.New(sha256.New, c.key)
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

// Create makes a challenge and returns its text, which is not kept.
func (c *Challenges) Create(ctx context.Context, tx *sql.Tx, kind, serial, by string, now time.Time) (Challenge, string, error) {
	if kind != Dynamic && kind != Static {
		return Challenge{}, "", fmt.Errorf("challenge of kind %q: want %q or %q", kind, Dynamic, Static)
	}
	if kind == Static && serial != "" {
		return Challenge{}, "", fmt.Errorf("a static challenge serves a fleet and cannot name the serial number %q", serial)
	}
	made := Challenge{ID: store.NewID("chl"), Kind: kind, Serial: serial, CreatedBy: by, CreatedAt: now}
	if kind == Dynamic {
		made.ExpiresAt = now.Add(ChallengeLife)
	}
	text := rand.Text()
	_, err := tx.ExecContext(ctx, `INSERT INTO scep_challenges (id, hash, kind, serial, serial_key, created_by, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, made.ID, c.hash(text), kind, serial, store.Fold(serial), by, store.Micros(now), store.Micros(made.ExpiresAt))
	if err != nil {
		return Challenge{}, "", fmt.Errorf("store a challenge: %w", err)
	}
	return made, text, nil
}

const challengeColumns = `id, kind, serial, created_by, created_at, expires_at, used_at, revoked_at`

func scanChallenge(s store.Scanner) (c Challenge, err error) {
	var created, expires, used, revoked sql.NullInt64
	err = s.Scan(&c.ID, &c.Kind, &c.Serial, &c.CreatedBy, &created, &expires, &used, &revoked)
	c.CreatedAt, c.ExpiresAt, c.UsedAt, c.RevokedAt = store.Time(created), store.Time(expires), store.Time(used), store.Time(revoked)
	return c, err
}

// List is the challenges, the newest first, up to 200.
func (c *Challenges) List(ctx context.Context, tx *sql.Tx) ([]Challenge, error) {
	found, err := store.All(ctx, tx, scanChallenge, `SELECT `+challengeColumns+` FROM scep_challenges ORDER BY created_at DESC, id LIMIT 200`)
	if err != nil {
		return nil, fmt.Errorf("list challenges: %w", err)
	}
	return found, nil
}

// ErrUnknownChallenge is an id that does not exist.
var ErrUnknownChallenge = errors.New("there is no challenge with that id")

// Revoke ends a challenge. Certificates that it brought stay.
func (c *Challenges) Revoke(ctx context.Context, tx *sql.Tx, id string, now time.Time) error {
	done, err := tx.ExecContext(ctx, `UPDATE scep_challenges SET revoked_at = COALESCE(revoked_at, $2) WHERE id = $1`, id, store.Micros(now))
	if err != nil {
		return fmt.Errorf("revoke challenge %s: %w", id, err)
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return errors.Join(ErrUnknownChallenge, err)
	}
	return nil
}

// redeem takes a challenge. A dynamic one is good once: two requests at the
// same time cannot both have it, since the database lets one write.
func (c *Challenges) redeem(ctx context.Context, tx *sql.Tx, text string, now time.Time) (Challenge, error) {
	// The lookup is by keyed hash, so its timing tells nothing of the text.
	found, err := scanChallenge(tx.QueryRowContext(ctx, `SELECT `+challengeColumns+` FROM scep_challenges WHERE hash = $1`, c.hash(text)))
	if errors.Is(err, sql.ErrNoRows) {
		return Challenge{}, ErrChallenge
	}
	if err != nil {
		return Challenge{}, fmt.Errorf("read a challenge: %w", err)
	}
	expired := !found.ExpiresAt.IsZero() && !now.Before(found.ExpiresAt)
	if expired || !found.RevokedAt.IsZero() || found.Kind == Dynamic && !found.UsedAt.IsZero() {
		return Challenge{}, ErrChallenge
	}
	if _, err := tx.ExecContext(ctx, `UPDATE scep_challenges SET used_at = $2 WHERE id = $1`, found.ID, store.Micros(now)); err != nil {
		return Challenge{}, fmt.Errorf("redeem challenge %s: %w", found.ID, err)
	}
	return found, nil
}
