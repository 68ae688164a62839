package webpush

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	push "github.com/SherClockHolmes/webpush-go"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
)

// keyFact is the name of the sealed key in the database.
const keyFact = "web_push_key"

// pair is the server's key, by which push services know it again. Both are
// base64url, as the library has them.
type pair struct {
	Private string `json:"private"`
	Public  string `json:"public"`
}

// String hides the key from logs.
func (pair) String() string { return "[web push key]" }

// GoString hides the key from %#v.
func (pair) GoString() string { return "[web push key]" }

// openKey is the key that was made once; it is made where there is none. All
// subscriptions are bound to it.
func (s *Sender) openKey(ctx context.Context) (k pair, err error) {
	err = s.DB.Update(ctx, func(tx *sql.Tx) error {
		sealed, err := directory.Recall(ctx, tx, keyFact)
		if errors.Is(err, directory.ErrNotFound) {
			k, err = s.makeKey(ctx, tx)
			return err
		}
		if err != nil {
			return err
		}
		raw, err := s.Vault.Open(vault.ForWebPush, sealed, keyFact)
		if err != nil {
			return fmt.Errorf("open the key for Web Push: %w", err)
		}
		return json.Unmarshal(raw, &k)
	})
	return k, err
}

func (s *Sender) makeKey(ctx context.Context, tx *sql.Tx) (k pair, err error) {
	if k.Private, k.Public, err = push.GenerateVAPIDKeys(); err != nil {
		return k, fmt.Errorf("make a key for Web Push: %w", err)
	}
	raw, err := json.Marshal(k)
	if err != nil {
		return k, fmt.Errorf("encode the key for Web Push: %w", err)
	}
	sealed, err := s.Vault.Seal(vault.ForWebPush, raw, keyFact)
	if err != nil {
		return k, fmt.Errorf("seal the key for Web Push: %w", err)
	}
	if err := directory.Remember(ctx, tx, keyFact, sealed); err != nil {
		return k, err
	}
	return k, s.Log.Append(ctx, tx, systemlog.Event{Type: systemlog.WebPushKey, Severity: systemlog.Warn, Message: "A key for Web Push was made", Actor: systemlog.System()})
}
