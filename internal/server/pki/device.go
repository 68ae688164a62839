package pki

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
)

// RevokeOfDevice revokes every certificate that a Mac has checked in with, so
// that one which was deleted does not come back by itself.
func RevokeOfDevice(ctx context.Context, tx *sql.Tx, deviceID string, now time.Time) error {
	_, err := tx.ExecContext(ctx, `UPDATE certificates SET revoked_at = COALESCE(revoked_at, $2) WHERE device_id = $1`, deviceID, store.Micros(now))
	if err != nil {
		return fmt.Errorf("revoke the certificates of device %s: %w", deviceID, err)
	}
	return nil
}
