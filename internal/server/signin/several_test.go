package signin_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/signin"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
)

// A session that began on one server goes on at another, and ends on both.
func TestASessionOnTwoServers(t *testing.T) {
	h := newHouse(t)
	p := h.join(amy, access.SuperAdmin)
	db, err := store.Open(context.Background(), h.path)
	h.must(err)
	t.Cleanup(func() { db.Close() })
	other, err := signin.New(signin.Config{DB: db, Vault: h.vault, Log: h.log, Now: func() time.Time { return h.now }, PublicURL: origin})
	h.must(err)
	token := p.session.Token.Text()
	found, err := other.Find(h.Context(), token)
	h.must(err)
	h.must(db.Update(h.Context(), func(tx *sql.Tx) error { return other.Revoke(h.Context(), tx, p.admin.ID, found.ID, cli()) }))
	_, err = h.Find(h.Context(), token)
	h.is(err, signin.ErrNoSession)
}
