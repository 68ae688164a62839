package recovery

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
)

// AccountsPerHour is how many distinct accounts an administrator may issue
// PINs for within an hour, unless Book says otherwise.
const AccountsPerHour = 60

// Database runs transactions.
type Database interface {
	Update(ctx context.Context, do func(tx *sql.Tx) error) error
	View(ctx context.Context, do func(tx *sql.Tx) error) error
}

// Journal takes the events.
type Journal interface {
	Append(ctx context.Context, tx *sql.Tx, e systemlog.Event) error
}

// Book is the record of secrets and PINs.
type Book struct {
	DB    Database
	Vault *vault.Vault
	Log   Journal
	Now   func() time.Time
	// AccountsPerHour is the cap for one administrator; 0 is the package's.
	AccountsPerHour int
}

// secret is a row of recovery_secrets.
type secret struct {
	generation  uint64
	keyID       string
	sealed      string
	proven      bool
	confirmedAt time.Time
}

// place is where a sealed secret belongs: moved to another account, or back to
// an earlier generation, it does not open.
func place(a directory.Account, generation uint64) []string {
	return []string{a.DeviceID, a.ID, strconv.FormatUint(generation, 10)}
}

func (b *Book) load(ctx context.Context, tx *sql.Tx, a directory.Account) (s secret, err error) {
	var confirmed sql.NullInt64
	err = tx.QueryRowContext(ctx, `SELECT generation, key_id, sealed, proven, confirmed_at FROM recovery_secrets WHERE account_id = $1`, a.ID).
		Scan(&s.generation, &s.keyID, &s.sealed, &s.proven, &confirmed)
	s.confirmedAt = store.Time(confirmed)
	return s, err
}

func (b *Book) open(a directory.Account, s secret) (recoverypin.Secret, error) {
	plain, err := b.Vault.Open(vault.ForRecovery, s.sealed, place(a, s.generation)...)
	if err != nil || len(plain) != recoverypin.SecretSize {
		return recoverypin.Secret{}, errSealed(a, err)
	}
	return recoverypin.Secret(plain), nil
}

// State is what the help desk may know of an account's secret.
type State struct {
	Registered  bool
	Generation  uint64
	KeyID       string
	Proven      bool
	ConfirmedAt time.Time
}

// StateOf is what is registered for the account.
func (b *Book) StateOf(ctx context.Context, tx *sql.Tx, a directory.Account) (State, error) {
	s, err := b.load(ctx, tx, a)
	if noRow(err) {
		return State{}, nil
	}
	if err != nil {
		return State{}, errRead(a, err)
	}
	return State{Registered: true, Generation: s.generation, KeyID: s.keyID, Proven: s.proven, ConfirmedAt: s.confirmedAt}, nil
}

// States are what is registered for accounts, by their ids.
func (b *Book) States(ctx context.Context, tx *sql.Tx, accounts []string) (map[string]State, error) {
	type row struct {
		account string
		State
	}
	out := make(map[string]State, len(accounts))
	for some := range slices.Chunk(accounts, 512) {
		list, args := store.Among(nil, some)
		found, err := store.All(ctx, tx, func(s store.Scanner) (r row, err error) {
			var confirmed sql.NullInt64
			err = s.Scan(&r.account, &r.Generation, &r.KeyID, &r.Proven, &confirmed)
			r.Registered, r.ConfirmedAt = true, store.Time(confirmed)
			return r, err
		}, `SELECT account_id, generation, key_id, proven, confirmed_at FROM recovery_secrets WHERE account_id IN (`+list+`)`, args...)
		if err != nil {
			return nil, fmt.Errorf("read recovery secrets: %w", err)
		}
		for _, r := range found {
			out[r.account] = r.State
		}
	}
	return out, nil
}

// Erase forgets every secret, when recovery is turned off.
func (b *Book) Erase(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM recovery_secrets`)
	return err
}

// targets are the Mac and the account as an event names them.
func targets(d directory.Device, a directory.Account) []systemlog.Target {
	return []systemlog.Target{
		{ID: d.ID, Type: "Device", AlternateID: d.Serial, DisplayName: d.Label()},
		{ID: a.ID, Type: "OSAccount", AlternateID: a.Name, DisplayName: a.FullName},
	}
}

// DeviceActor is a Mac as the one who did something.
func DeviceActor(d directory.Device) systemlog.Actor {
	return systemlog.Actor{ID: d.ID, Type: "Device", AlternateID: d.Serial, DisplayName: d.Label()}
}

// Answer is the result of one upload as the wire carries it.
type Answer = wire.SecretResult
