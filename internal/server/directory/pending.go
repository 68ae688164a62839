package directory

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
)

// Ordered is a command that a Mac has not acknowledged.
type Ordered struct {
	Kind  string // one of wire's commands
	GUID  string // of the account; "" is the Mac itself
	Since time.Time
}

// Pending are the commands that wait for a Mac, the oldest first: those of
// Waiting, with the times of their orders.
func Pending(ctx context.Context, tx *sql.Tx, deviceID string) ([]Ordered, error) {
	one := func(s store.Scanner) (o Ordered, err error) {
		var created sql.NullInt64
		err = s.Scan(&o.Kind, &o.GUID, &created)
		o.Since = store.Time(created)
		return o, err
	}
	found, err := store.All(ctx, tx, one, `SELECT kind, guid, created_at FROM commands
		WHERE device_id = $1 AND acked_at IS NULL ORDER BY created_at, id LIMIT 1000`, deviceID)
	if err != nil {
		return nil, fmt.Errorf("list what waits for device %s: %w", deviceID, err)
	}
	return found, nil
}
