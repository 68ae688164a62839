package directory

import (
	"context"
	"database/sql"
	"errors"
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
	keyVerification  = "key_user_verification"
	webPush          = "web_push"
)

// Authenticators are the org's settings of phones and security keys, of which
// Macs do not hear. An org that never changed one has both off.
type Authenticators struct {
	KeyVerification bool // a security key must verify the person, by PIN or biometrics
	WebPush         bool // phones are told of a push by the push service of their browser
}

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

// AuthenticatorSettings are those of phones and security keys.
func AuthenticatorSettings(ctx context.Context, tx *sql.Tx) (a Authenticators, err error) {
	for name, into := range map[string]*bool{keyVerification: &a.KeyVerification, webPush: &a.WebPush} {
		value, err := Recall(ctx, tx, name)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return a, err
		}
		if *into, err = strconv.ParseBool(value); err != nil {
			return a, fmt.Errorf("setting %s is %q, want true or false", name, value)
		}
	}
	return a, nil
}

// SaveAuthenticatorSettings replaces them.
func SaveAuthenticatorSettings(ctx context.Context, tx *sql.Tx, a Authenticators) error {
	return errors.Join(Remember(ctx, tx, keyVerification, strconv.FormatBool(a.KeyVerification)), Remember(ctx, tx, webPush, strconv.FormatBool(a.WebPush)))
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
