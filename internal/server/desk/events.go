package desk

import (
	"context"
	"database/sql"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// Events are those of the system log that q picks.
func (k *Desk) Events(ctx context.Context, q systemlog.Query) (found []systemlog.Event, err error) {
	err = k.view(ctx, access.LogsRead, func(tx *sql.Tx) error {
		found, err = k.Log.Find(ctx, tx, q)
		return err
	})
	return found, err
}

// VerifyLog walks the whole chain of the system log.
func (k *Desk) VerifyLog(ctx context.Context) (v systemlog.Verdict, err error) {
	err = k.view(ctx, access.LogsRead, func(tx *sql.Tx) error {
		v, err = k.Log.Verify(ctx, tx)
		return err
	})
	return v, err
}
