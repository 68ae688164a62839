package desk

import (
	"context"
	"database/sql"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// DeleteDevice removes a deactivated Mac and all that is kept of it but its
// events, and revokes its certificates. Errors: directory.ErrNotFound,
// directory.ErrState for one that is not deactivated.
func (k *Desk) DeleteDevice(ctx context.Context, id string) error {
	_, err := k.device(ctx, systemlog.DeviceDelete, "delete", func(tx *sql.Tx) (directory.Device, error) {
		d, err := directory.DeleteDevice(ctx, tx, id)
		if err != nil {
			return d, err
		}
		return d, pki.RevokeOfDevice(ctx, tx, d.ID, k.Now())
	})
	return err
}
