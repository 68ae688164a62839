package directory

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// The names of the settings in the database.
const (
	recoveryOn       = "recovery"
	endWindowOnEnrol = "end_window_on_enrol"
	numberMatching   = "number_matching"
)

// Settings are the org's. An org that never changed one has recovery and
// number matching on, and lets a window go on after an enrolment.
func Settings(ctx context.Context, tx *sql.Tx) (wire.Settings, error) {
	type row struct{ name, value string }
	rows, err := store.All(ctx, tx, func(s store.Scanner) (r row, err error) { err = s.Scan(&r.name, &r.value); return r, err },
		`SELECT name, value FROM org WHERE name IN ($1, $2, $3)`, recoveryOn, endWindowOnEnrol, numberMatching)
	if err != nil {
		return wire.Settings{}, fmt.Errorf("read the settings: %w", err)
	}
	s := wire.Settings{Recovery: true, NumberMatching: true}
	fields := map[string]*bool{recoveryOn: &s.Recovery, endWindowOnEnrol: &s.EndWindowOnEnrol, numberMatching: &s.NumberMatching}
	for _, r := range rows {
		if *fields[r.name], err = strconv.ParseBool(r.value); err != nil {
			return wire.Settings{}, fmt.Errorf("setting %s is %q, want true or false", r.name, r.value)
		}
	}
	return s, nil
}

// SaveSettings replaces the org's settings.
func SaveSettings(ctx context.Context, tx *sql.Tx, s wire.Settings) error {
	for name, value := range map[string]bool{recoveryOn: s.Recovery, endWindowOnEnrol: s.EndWindowOnEnrol, numberMatching: s.NumberMatching} {
		if err := Remember(ctx, tx, name, strconv.FormatBool(value)); err != nil {
			return err
		}
	}
	return nil
}

// Remember keeps one fact about the org under a name.
func Remember(ctx context.Context, tx *sql.Tx, name, value string) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO org (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
	if err != nil {
		return fmt.Errorf("store %s: %w", name, err)
	}
	return nil
}

// Recall is what Remember kept. The error is ErrNotFound, or the database's.
func Recall(ctx context.Context, tx *sql.Tx, name string) (value string, err error) {
	err = tx.QueryRowContext(ctx, `SELECT value FROM org WHERE name = $1`, name).Scan(&value)
	return value, found("fact", name, err)
}
