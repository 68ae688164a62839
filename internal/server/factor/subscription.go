package factor

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
)

// Subscription is where Web Push reaches a phone.
type Subscription struct {
	PhoneID string
	Service string // the host of the push service
	Raw     []byte // the browser's, as JSON
}

// place is what a subscription is sealed for.
func place(phoneID, service string) []string { return []string{"subscription", phoneID, service} }

// Subscribe keeps where Web Push reaches the phone that by is, in the place of
// what was kept before. The error is the database's.
func (b *Book) Subscribe(ctx context.Context, raw []byte, service string, by By) error {
	return b.DB.Update(ctx, func(tx *sql.Tx) error {
		sealed, err := b.Vault.Seal(vault.ForWebPush, raw, place(by.Phone.ID, service)...)
		if err != nil {
			return fmt.Errorf("seal a subscription: %w", err)
		}
		if err := b.saveSubscription(ctx, tx, by.Phone.ID, service+" "+sealed); err != nil {
			return err
		}
		return b.tellChange(ctx, tx, by.Phone.User, by, systemlog.Event{Type: systemlog.WebPushSubscribe, Message: "A phone takes notifications", Detail: map[string]string{"id": by.Phone.ID, "service": service}})
	})
}

func (b *Book) saveSubscription(ctx context.Context, tx *sql.Tx, phoneID, text string) error {
	if _, err := tx.ExecContext(ctx, `UPDATE phones SET subscription = $2 WHERE factor_id = $1`, phoneID, text); err != nil {
		return fmt.Errorf("store the subscription of phone %s: %w", phoneID, err)
	}
	return nil
}

// Unsubscribe forgets where Web Push reaches a phone. One that is not there, or
// has none, is no error.
func (b *Book) Unsubscribe(ctx context.Context, phoneID, reason string, by By) error {
	return b.DB.Update(ctx, func(tx *sql.Tx) error {
		found, err := b.subscriptions(ctx, tx, `factor_id`, phoneID)
		if err != nil || len(found) == 0 {
			return err
		}
		if err := b.saveSubscription(ctx, tx, phoneID, ""); err != nil {
			return err
		}
		u, err := directory.FindUser(ctx, tx, found[0].user)
		if err != nil {
			return err
		}
		return b.tellChange(ctx, tx, u, by, systemlog.Event{Type: systemlog.WebPushDrop, Severity: systemlog.Warn, Message: "A phone takes no notifications any more",
			Outcome: systemlog.Outcome{Result: systemlog.Success, Reason: reason}, Detail: map[string]string{"id": phoneID, "service": found[0].service}})
	})
}

// Subscriptions are those of the phones of a user that can be used.
func (b *Book) Subscriptions(ctx context.Context, tx *sql.Tx, userID string) (out []Subscription, err error) {
	found, err := b.subscriptions(ctx, tx, `user_id`, userID)
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		raw, err := b.Vault.Open(vault.ForWebPush, f.sealed, place(f.phone, f.service)...)
		if err != nil {
			return nil, fmt.Errorf("open the subscription of phone %s: %w", f.phone, err)
		}
		out = append(out, Subscription{PhoneID: f.phone, Service: f.service, Raw: raw})
	}
	return out, nil
}

// subscribed is a row with a subscription.
type subscribed struct{ phone, user, service, sealed string }

func (b *Book) subscriptions(ctx context.Context, tx *sql.Tx, by, id string) ([]subscribed, error) {
	query := `SELECT p.factor_id, p.user_id, p.subscription FROM phones p JOIN user_factors f ON f.id = p.factor_id
		WHERE p.subscription <> '' AND f.suspended_at IS NULL AND p.user_id = $1 ORDER BY p.factor_id`
	if by == `factor_id` {
		query = `SELECT factor_id, user_id, subscription FROM phones WHERE subscription <> '' AND factor_id = $1`
	}
	found, err := store.All(ctx, tx, func(s store.Scanner) (r subscribed, err error) {
		var text string
		err = s.Scan(&r.phone, &r.user, &text)
		r.service, r.sealed, _ = strings.Cut(text, " ")
		return r, err
	}, query, id)
	if err != nil {
		return nil, fmt.Errorf("read subscriptions: %w", err)
	}
	return found, nil
}
