package directory

import (
	"context"
	"database/sql"
	"fmt"
)

// DeleteDevice removes a deactivated Mac with its accounts, their secrets and
// what is known of their PINs. Events of it stay in the system log. Errors:
// ErrNotFound, ErrState for a Mac that is not deactivated.
func DeleteDevice(ctx context.Context, tx *sql.Tx, id string) (Device, error) {
	d, err := DeviceByID(ctx, tx, id)
	if err != nil {
		return Device{}, err
	}
	if d.Status != Deactivated {
		return Device{}, fmt.Errorf("delete device %q, which is %s: deactivate it first: %w", d.Label(), d.Status, ErrState)
	}
	const ofIt = ` WHERE account_id IN (SELECT id FROM os_accounts WHERE device_id = $1)`
	for _, query := range []string{`DELETE FROM account_names` + ofIt, `DELETE FROM recovery_pins` + ofIt, `DELETE FROM recovery_secrets` + ofIt, `DELETE FROM os_accounts WHERE device_id = $1`,
		`DELETE FROM commands WHERE device_id = $1`, `DELETE FROM device_events WHERE device_id = $1`, `DELETE FROM devices WHERE id = $1`} {
		if _, err := tx.ExecContext(ctx, query, d.ID); err != nil {
			return Device{}, fmt.Errorf("delete device %q: %w", d.Label(), err)
		}
	}
	return d, nil
}
