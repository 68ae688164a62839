package directory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// Order puts a command in the way of a Mac. One of the same kind for the same
// account that still waits is enough: a second is not made. What takes
// something away (a reset, the end of a window) says up to when: a factor that
// was set up, or a window that was opened, after the order stays. A remote disarm
// is OrderDisarm's.
func Order(ctx context.Context, tx *sql.Tx, deviceID, kind, guid string, now time.Time) error {
	if kind == wire.CommandDisarm {
		// Refused: without an end it would be one for ever.
		return fmt.Errorf("order %s from device %s: it needs an end", kind, deviceID)
	}
	if kind == wire.CommandResetFactors || kind == wire.CommandEndWindow {
		_, err := tx.ExecContext(ctx, `INSERT INTO commands (id, device_id, kind, guid, until, created_at) VALUES ($1, $2, $3, $4, $5, $6)`,
			store.NewID("cmd"), deviceID, kind, guid, store.Micros(now), store.Micros(now))
		if err != nil {
			return fmt.Errorf("order %s from device %s: %w", kind, deviceID, err)
		}
		return nil
	}
	var waits int
	err := tx.QueryRowContext(ctx, `SELECT count(*) FROM commands WHERE device_id = $1 AND kind = $2 AND guid = $3 AND acked_at IS NULL`,
		deviceID, kind, guid).Scan(&waits)
	if err == nil && waits == 0 {
		_, err = tx.ExecContext(ctx, `INSERT INTO commands (id, device_id, kind, guid, created_at) VALUES ($1, $2, $3, $4, $5)`,
			store.NewID("cmd"), deviceID, kind, guid, store.Micros(now))
	}
	if err != nil {
		return fmt.Errorf("order %s from device %s: %w", kind, deviceID, err)
	}
	return nil
}

// OrderAll orders the same of every account of a Mac.
func OrderAll(ctx context.Context, tx *sql.Tx, deviceID, kind string, now time.Time) error {
	accounts, err := Accounts(ctx, tx, deviceID)
	if err != nil {
		return err
	}
	for _, a := range accounts {
		err = errors.Join(err, Order(ctx, tx, deviceID, kind, a.GUID, now))
	}
	return err
}

// maxWaiting is how many commands a Mac is told of at once.
const maxWaiting = 1000

// Waiting are the commands that Macs have not acknowledged, by device, the oldest
// first.
func Waiting(ctx context.Context, tx *sql.Tx, devices []string) (map[string][]wire.Command, error) {
	type row struct {
		device string
		wire.Command
	}
	one := func(s store.Scanner) (r row, err error) {
		var until sql.NullInt64
		err = s.Scan(&r.device, &r.ID, &r.Kind, &r.GUID, &until)
		if at := store.Time(until); !at.IsZero() {
			r.Until = &at
		}
		return r, err
	}
	list, args := store.Among(nil, devices)
	rows, err := store.All(ctx, tx, one, `SELECT device_id, id, kind, guid, until FROM commands
		WHERE device_id IN (`+list+`) AND acked_at IS NULL ORDER BY created_at, id`, args...)
	if err != nil {
		return nil, fmt.Errorf("list commands: %w", err)
	}
	out := map[string][]wire.Command{}
	for _, r := range rows {
		if len(out[r.device]) < maxWaiting {
			out[r.device] = append(out[r.device], r.Command)
		}
	}
	return out, nil
}

// Acknowledge ends commands of a Mac. Ids that are not its own, or done
// already, change nothing.
func Acknowledge(ctx context.Context, tx *sql.Tx, deviceID string, ids []string, now time.Time) error {
	for _, id := range ids {
		_, err := tx.ExecContext(ctx, `UPDATE commands SET acked_at = $3 WHERE id = $1 AND device_id = $2 AND acked_at IS NULL`,
			id, deviceID, store.Micros(now))
		if err != nil {
			return fmt.Errorf("acknowledge command %s: %w", id, err)
		}
	}
	return nil
}
