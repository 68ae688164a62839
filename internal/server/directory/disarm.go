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

// DisarmLife is when a remote disarm ends by itself, from its order on, whenever
// the Mac hears of it (design §11).
const DisarmLife = 24 * time.Hour

// DisarmState is how far a remote disarm has come, as the API says it.
type DisarmState string

// The states of a remote disarm.
const (
	DisarmNone    DisarmState = "none"    // there is none
	DisarmWaiting DisarmState = "waiting" // the Mac has not said that it obeyed
	DisarmInForce DisarmState = "inForce" // it has
	DisarmEnding  DisarmState = "ending"  // it is to end, and the Mac has not said that it obeyed
	DisarmOver    DisarmState = "over"    // it has ended, or the Mac did not hear of it in time
)

// Disarm is the last remote disarm of a Mac.
type Disarm struct {
	State     DisarmState
	OrderedAt time.Time // or when its end was ordered
	Until     time.Time // when it ends, or has ended
	HeardAt   time.Time // when the Mac said that it obeyed; zero: it has not
}

// Stands reports whether the Mac is open because of it, or will be.
func (d Disarm) Stands() bool { return d.State == DisarmWaiting || d.State == DisarmInForce }

// DisarmOf is the last remote disarm of a Mac, as it stands now.
func DisarmOf(ctx context.Context, tx *sql.Tx, deviceID string, now time.Time) (d Disarm, err error) {
	var ordered, until, heard sql.NullInt64
	err = tx.QueryRowContext(ctx, `SELECT created_at, until, acked_at FROM commands WHERE device_id = $1 AND kind = $2`, deviceID, wire.CommandDisarm).Scan(&ordered, &until, &heard)
	if errors.Is(err, sql.ErrNoRows) {
		return Disarm{State: DisarmNone}, nil
	}
	if err != nil {
		return d, fmt.Errorf("read the remote disarm of device %s: %w", deviceID, err)
	}
	d = Disarm{OrderedAt: store.Time(ordered), Until: store.Time(until), HeardAt: store.Time(heard)}
	ends := !d.Until.After(d.OrderedAt) // what EndDisarm has ordered
	switch {
	case ends && d.HeardAt.IsZero():
		d.State = DisarmEnding
	case ends, !now.Before(d.Until):
		d.State = DisarmOver
	case d.HeardAt.IsZero():
		d.State = DisarmWaiting
	default:
		d.State = DisarmInForce
	}
	return d, nil
}

// OrderDisarm has a Mac let people in with the password alone, from its next
// check-in until the time that is returned. Errors: ErrNotFound; ErrState for a
// Mac that is not answered when it checks in, or that has such an order already.
func OrderDisarm(ctx context.Context, tx *sql.Tx, deviceID string, now time.Time) (d Device, until time.Time, err error) {
	if d, err = DeviceByID(ctx, tx, deviceID); err != nil {
		return d, until, err
	}
	// An order that the Mac cannot hear of would take effect at a time that nobody
	// thought of.
	if d.Status != Active {
		return d, until, fmt.Errorf("%s is %s, and is refused when it checks in, so that it would not hear of a disarm: %w", d.Label(), d.Status, ErrState)
	}
	if d.Certificate == "" {
		return d, until, fmt.Errorf("%s waits to be confirmed, and is refused when it checks in, so that it would not hear of a disarm: %w", d.Label(), ErrState)
	}
	last, err := DisarmOf(ctx, tx, d.ID, now)
	if err != nil {
		return d, until, err
	}
	if last.Stands() {
		return d, until, fmt.Errorf("%s is to be disarmed until %s already: end that first: %w", d.Label(), last.Until.UTC().Format(time.RFC3339), ErrState)
	}
	until = now.Add(DisarmLife)
	return d, until, replaceDisarm(ctx, tx, d.ID, now, until)
}

// EndDisarm ends a remote disarm at the Mac's next check-in, before its time.
// Errors: ErrNotFound; ErrState where there is none to end.
func EndDisarm(ctx context.Context, tx *sql.Tx, deviceID string, now time.Time) (Device, error) {
	d, err := DeviceByID(ctx, tx, deviceID)
	if err != nil {
		return d, err
	}
	last, err := DisarmOf(ctx, tx, d.ID, now)
	if err != nil {
		return d, err
	}
	if !last.Stands() {
		return d, fmt.Errorf("%s has no remote disarm that could be ended: %w", d.Label(), ErrState)
	}
	// Also where the Mac has not said that it obeyed: it may have, and its word be
	// on the way.
	return d, replaceDisarm(ctx, tx, d.ID, now, now)
}

// replaceDisarm leaves one such order for a Mac. The earlier ones are events of
// the log.
func replaceDisarm(ctx context.Context, tx *sql.Tx, deviceID string, now, until time.Time) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM commands WHERE device_id = $1 AND kind = $2`, deviceID, wire.CommandDisarm)
	if err == nil {
		_, err = tx.ExecContext(ctx, `INSERT INTO commands (id, device_id, kind, guid, until, created_at) VALUES ($1, $2, $3, '', $4, $5)`,
			store.NewID("cmd"), deviceID, wire.CommandDisarm, store.Micros(until), store.Micros(now))
	}
	if err != nil {
		return fmt.Errorf("order %s from device %s: %w", wire.CommandDisarm, deviceID, err)
	}
	return nil
}
