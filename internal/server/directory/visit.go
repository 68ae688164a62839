package directory

import (
	"context"
	"database/sql"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
)

// SaysTheSame reports whether a check-in has left d as it was before, but for
// what each one changes: when it was, its number, its request and its answer.
func (d Device) SaysTheSame(before Device) bool {
	return reflect.DeepEqual(d.unvisited(), before.unvisited())
}

// unvisited is d without what each check-in changes.
func (d Device) unvisited() Device {
	d.SeenAt, d.UpdatedAt, d.LastSeq, d.LastRequest, d.LastAnswer = time.Time{}, time.Time{}, 0, "", ""
	// However none is written.
	if len(d.PolicyErrors) == 0 {
		d.PolicyErrors = nil
	}
	if len(d.Effective) == 0 {
		d.Effective = nil
	}
	return d
}

// SaveVisits writes what each check-in changes, of Macs that say the same as
// before. All of them go with one statement: what PostgreSQL does once for a
// statement on this table costs more than a row.
func SaveVisits(ctx context.Context, tx *sql.Tx, devices []Device, now time.Time) error {
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
