package tlscert

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/acme/autocert"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
)

// Database runs transactions.
type Database interface {
	Update(ctx context.Context, do func(tx *sql.Tx) error) error
	View(ctx context.Context, do func(tx *sql.Tx) error) error
}

// Cache keeps what the ACME client has in the database, sealed.
type Cache struct {
	DB    Database
	Vault *vault.Vault
	Now   func() time.Time
}

var _ autocert.Cache = (*Cache)(nil)

// Get implements autocert.Cache.
func (c *Cache) Get(ctx context.Context, name string) ([]byte, error) {
	var sealed string
	err := c.DB.View(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT sealed FROM acme_cache WHERE name = $1`, name).Scan(&sealed)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, autocert.ErrCacheMiss
	}
	if err != nil {
		return nil, fmt.Errorf("read %q of the ACME client: %w", name, err)
	}
	return c.Vault.Open(vault.ForACME, sealed, name)
}

// Put implements autocert.Cache.
func (c *Cache) Put(ctx context.Context, name string, data []byte) error {
	sealed, err := c.Vault.Seal(vault.ForACME, data, name)
	if err != nil {
		return fmt.Errorf("seal %q of the ACME client: %w", name, err)
	}
	return c.change(ctx, "keep", name, `INSERT INTO acme_cache (name, sealed, updated_at) VALUES ($1, $2, $3)
		ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed, updated_at = excluded.updated_at`, name, sealed, store.Micros(c.Now()))
}

// Delete implements autocert.Cache.
func (c *Cache) Delete(ctx context.Context, name string) error {
	return c.change(ctx, "drop", name, `DELETE FROM acme_cache WHERE name = $1`, name)
}

func (c *Cache) change(ctx context.Context, what, name, query string, args ...any) error {
	err := c.DB.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	})
	if err != nil {
		return fmt.Errorf("%s %q of the ACME client: %w", what, name, err)
	}
	return nil
}
