package recovery

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
)

// Register takes a secret that a Mac made. Only a higher generation replaces
// the one before; the same one again gets the same answer, so that a lost
// answer does no harm. u.Key must have recoverypin.SecretSize bytes.
//
// ErrPINOut leaves the upload without an answer: somebody may be typing a PIN of
// the secret before, which the Mac would drop with the answer. It holds both
// until the next check-in.
func (b *Book) Register(ctx context.Context, tx *sql.Tx, d directory.Device, a directory.Account, u wire.SecretUpload) (Answer, error) {
	if len(u.Key) != recoverypin.SecretSize {
		return Answer{}, fmt.Errorf("register a secret of account %s: %d bytes, want %d", a.ID, len(u.Key), recoverypin.SecretSize)
	}
	next := recoverypin.Secret(u.Key)
	held, err := b.load(ctx, tx, a)
	if noRow(err) {
		// The first secret has nothing to be proved with: the Mac's certificate
		// vouches for it.
		return b.take(ctx, tx, d, a, u, next, true)
	}
	if err != nil {
		return Answer{}, errRead(a, err)
	}
	current, err := b.open(a, held)
	if err != nil {
		return Answer{}, err
	}
	switch {
	case u.Generation > held.generation:
		return b.replace(ctx, tx, d, a, u, next, current, held.generation)
	case u.Generation == held.generation && subtle.ConstantTimeCompare(current[:], next[:]) == 1:
		return answer(u, held.proven), nil
	}
	// Refused: an older generation, or another key under the same number, could
	// only come from a restored copy of the Mac's store.
	return Answer{GUID: u.GUID, Generation: held.generation, Result: wire.SecretStale}, nil
}

// ErrPINOut says that a PIN of the account was read out and may be typed yet.
var ErrPINOut = errors.New("a PIN of the secret before may be typed yet")

// replace takes the next secret in place of the current one. A Mac that cannot
// prove that it has the current one has no use for its PINs.
func (b *Book) replace(ctx context.Context, tx *sql.Tx, d directory.Device, a directory.Account, u wire.SecretUpload, next, current recoverypin.Secret, generation uint64) (Answer, error) {
	proven := current.ProvesRotation(next, u.Proof)
	if proven {
		out, err := b.pinOut(ctx, tx, a, generation)
		if err != nil {
			return Answer{}, err
		}
		if out {
			return Answer{}, ErrPINOut
		}
	}
	return b.take(ctx, tx, d, a, u, next, proven)
}

// pinOut reports whether a PIN of that generation was issued, has not been
// reported as used, and would be good on a Mac whose clock is behind by the
// skew that is allowed.
func (b *Book) pinOut(ctx context.Context, tx *sql.Tx, a directory.Account, generation uint64) (bool, error) {
	now := b.Now()
	var n int
	err := tx.QueryRowContext(ctx, `SELECT count(*) FROM recovery_pins WHERE account_id = $1 AND generation = $2 AND used_at IS NULL AND voided_at IS NULL
			AND (method = $3 AND issued_s > $4 OR method = $5 AND created_at > $6)`,
		a.ID, generation, recoverypin.ByTime.String(), now.Add(-recoverypin.Shown-2*recoverypin.Skew).Unix(),
		recoverypin.ByDeviceCode.String(), store.Micros(now.Add(-recoverypin.CodeLife))).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("look for PINs of account %s that are out: %w", a.ID, err)
	}
	return n > 0, nil
}

func answer(u wire.SecretUpload, proven bool) Answer {
	result := wire.SecretConfirmed
	if !proven {
		result = wire.SecretUnproven
	}
	return Answer{GUID: u.GUID, Generation: u.Generation, Result: result}
}

// take stores next as the account's secret.
func (b *Book) take(ctx context.Context, tx *sql.Tx, d directory.Device, a directory.Account, u wire.SecretUpload, next recoverypin.Secret, proven bool) (Answer, error) {
	sealed, err := b.Vault.Seal(vault.ForRecovery, next[:], place(a, u.Generation)...)
	if err != nil {
		return Answer{}, fmt.Errorf("seal the recovery secret of account %s: %w", a.ID, err)
	}
	id := next.KeyID()
	_, err = tx.ExecContext(ctx, `INSERT INTO recovery_secrets (account_id, generation, key_id, sealed, proven, confirmed_at, last_issued_s)
		VALUES ($1, $2, $3, $4, $5, $6, 0)
		ON CONFLICT (account_id) DO UPDATE SET generation = excluded.generation, key_id = excluded.key_id, sealed = excluded.sealed,
			proven = excluded.proven, confirmed_at = excluded.confirmed_at, last_issued_s = 0`,
		a.ID, u.Generation, hex.EncodeToString(id[:]), sealed, proven, store.Micros(b.Now()))
	if err != nil {
		return Answer{}, fmt.Errorf("store the recovery secret of account %s: %w", a.ID, err)
	}
	return answer(u, proven), b.Log.Append(ctx, tx, rotated(d, a, u, proven))
}

func rotated(d directory.Device, a directory.Account, u wire.SecretUpload, proven bool) systemlog.Event {
	e := systemlog.Event{Type: systemlog.PINRotateSecret, Message: "Device rotates recovery PIN secret", Actor: DeviceActor(d), Targets: targets(d, a),
		Detail: map[string]string{"generation": strconv.FormatUint(u.Generation, 10), "proven": strconv.FormatBool(proven)}}
	if !proven {
		e.Severity, e.Message = systemlog.Warn, "Device replaced its recovery PIN secret without proving that it held the one before"
	}
	return e
}
