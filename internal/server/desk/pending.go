package desk

import (
	"context"
	"database/sql"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
)

// Pending is an order that a Mac has not heard, or not said that it obeyed.
type Pending struct {
	Kind    string            // one of wire's commands
	Account directory.Account // the zero one where it is for the whole Mac
	Since   time.Time
}

// Pending are the commands that wait for a Mac's next check-in, the oldest
// first. Errors: directory.ErrNotFound.
func (k *Desk) Pending(ctx context.Context, deviceID string) (out []Pending, err error) {
	err = k.view(ctx, access.DevicesRead, func(tx *sql.Tx) error {
		d, err := directory.DeviceByID(ctx, tx, deviceID)
		if err != nil {
			return err
		}
		accounts, err := directory.Accounts(ctx, tx, d.ID)
		if err != nil {
			return err
		}
		byGUID := map[string]directory.Account{}
		for _, a := range accounts {
			byGUID[a.GUID] = a
		}
		waiting, err := directory.Pending(ctx, tx, d.ID)
		for _, w := range waiting {
			out = append(out, Pending{Kind: w.Kind, Account: byGUID[w.GUID], Since: w.Since})
		}
		return err
	})
	return out, err
}
