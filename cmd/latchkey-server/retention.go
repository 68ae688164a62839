package main

import (
	"context"
	"database/sql"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
)

// retainEvery is how often old events are looked for.
const retainEvery = time.Hour

// retain removes the events that are older than the org keeps them, until ctx
// ends. A failure is told and tried again: it ends no server.
func retain(ctx context.Context, d *data, log *zap.Logger) error {
	ticks := time.NewTicker(retainEvery)
	defer ticks.Stop()
	for {
		if err := d.purge(ctx); err != nil && ctx.Err() == nil {
			log.Error("old events were not removed", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
	}
}

// purge removes what is old now, a few thousand in each transaction.
func (d *data) purge(ctx context.Context) error {
	for {
		removed := 0
		err := d.db.Update(ctx, func(tx *sql.Tx) error {
			rules, err := directory.Rules(ctx, tx)
			if err != nil || rules.EventDays == 0 {
				return err
			}
			removed, err = d.log.Purge(ctx, tx, d.now().AddDate(0, 0, -rules.EventDays))
			return err
		})
		if err != nil || removed == 0 {
			return err
		}
	}
}
