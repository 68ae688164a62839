package directory

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
)

// SaysTheSame reports whether a check-in has left d as it was before, but for
// what each one changes: when it was, its number, its request and its answer.
func (d *Device) SaysTheSame(before *Device) bool {
	return d.ID == before.ID && d.UDID == before.UDID && d.Serial == before.Serial && d.Name == before.Name &&
		d.Model == before.Model && d.OS == before.OS && d.Agent == before.Agent && d.Zone == before.Zone &&
		d.Status == before.Status && d.Trust == before.Trust && d.Certificate == before.Certificate && d.Claim == before.Claim &&
		d.Clock == before.Clock && d.ArmedState == before.ArmedState && d.ArmedReason == before.ArmedReason && d.KillSwitch == before.KillSwitch &&
		d.PolicyState == before.PolicyState && d.PolicySHA256 == before.PolicySHA256 &&
		slices.Equal(d.PolicyErrors, before.PolicyErrors) && bytes.Equal(d.Effective, before.Effective) &&
		d.TokenHash == before.TokenHash && d.TokenBeforeHash == before.TokenBeforeHash && d.TokenAt.Equal(before.TokenAt) && d.CreatedAt.Equal(before.CreatedAt)
}

// SaveVisits writes what each check-in changes, of Macs that say the same as
// before. All of them go with one statement: what PostgreSQL does once for a
// statement on this table costs more than a row.
func SaveVisits(ctx context.Context, tx *sql.Tx, devices []*Device, now time.Time) error {
	for some := range slices.Chunk(devices, 128) {
		rows := make([][]any, 0, len(some))
		for _, d := range some {
			rows = append(rows, []any{d.ID, d.LastSeq, d.LastRequest, d.LastAnswer})
		}
		list, args := store.Rows([]any{store.Micros(now)}, []string{"TEXT", "BIGINT", "TEXT", "TEXT"}, rows)
		//nolint:gosec // of list there are only numbers of arguments, and kinds
		query := `UPDATE devices SET seen_at = $1, updated_at = $1, last_seq = v.column2, last_request = v.column3, last_answer = v.column4
			FROM (VALUES ` + list + `) AS v WHERE devices.id = v.column1`
		if _, err := tx.ExecContext(ctx, query, args...); err != nil {
			return fmt.Errorf("note the check-ins of %d devices: %w", len(some), err)
		}
	}
	return nil
}
