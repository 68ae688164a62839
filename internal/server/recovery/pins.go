package recovery

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
)

// PIN is what is kept of a PIN: everything but its digits.
type PIN struct {
	ID              string
	Generation      uint64
	Method          string
	IssuedAt        time.Time
	ShownUntil      time.Time
	DurationMinutes int
	IssuedBy        string
	Reason          string
	Ticket          string
	UsedAt          time.Time // zero until the Mac reports the activation
	VoidedAt        time.Time
	VoidedBy        string
}

const pinColumns = `id, generation, method, issued_s, duration_minutes, issued_by_name, reason, ticket, used_at, voided_at, voided_by_name`

func scanPIN(s store.Scanner) (p PIN, err error) {
	var issued int64
	var used, voided sql.NullInt64
	err = s.Scan(&p.ID, &p.Generation, &p.Method, &issued, &p.DurationMinutes, &p.IssuedBy, &p.Reason, &p.Ticket, &used, &voided, &p.VoidedBy)
	p.IssuedAt = time.Unix(issued, 0).UTC()
	p.ShownUntil, p.UsedAt, p.VoidedAt = p.IssuedAt.Add(recoverypin.Shown), store.Time(used), store.Time(voided)
	return p, err
}

// List is the account's PINs, the newest first, up to 200.
func (b *Book) List(ctx context.Context, tx *sql.Tx, accountID string) ([]PIN, error) {
	pins, err := store.All(ctx, tx, scanPIN, `SELECT `+pinColumns+` FROM recovery_pins WHERE account_id = $1
		ORDER BY created_at DESC, issued_s DESC LIMIT 200`, accountID)
	if err != nil {
		return nil, fmt.Errorf("list the PINs of account %s: %w", accountID, err)
	}
	return pins, nil
}

// Void marks a PIN and tells the Mac, at its next check-in, to end the window
// that it may have opened. A second time changes nothing. Errors:
// directory.ErrNotFound, *access.DeniedError.
func (b *Book) Void(ctx context.Context, tx *sql.Tx, d directory.Device, a directory.Account, pinID string, client systemlog.Client) error {
	if err := access.Require(ctx, access.PINGenerate); err != nil {
		return err
	}
	caller := access.CallerOf(ctx)
	if in, err := directory.InScope(ctx, tx, a); err != nil || !in {
		return cmp.Or(err, error(&access.DeniedError{Caller: caller, Needs: access.PINGenerate}))
	}
	done, err := tx.ExecContext(ctx, `UPDATE recovery_pins SET voided_at = $3, voided_by_name = $4 WHERE id = $1 AND account_id = $2 AND voided_at IS NULL`,
		pinID, a.ID, store.Micros(b.Now()), caller.Login)
	if err != nil {
		return fmt.Errorf("void PIN %s: %w", pinID, err)
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, b.exists(ctx, tx, a, pinID))
	}
	if err := directory.Order(ctx, tx, d.ID, wire.CommandEndWindow, a.GUID, b.Now()); err != nil {
		return err
	}
	target := systemlog.Target{ID: pinID, Type: "RecoveryPIN"}
	return b.Log.Append(ctx, tx, systemlog.Event{Type: systemlog.PINVoid, Message: "Device recovery PIN voided by admin", Client: client,
		Actor: AdminActor(caller), Targets: append(targets(d, a), target)})
}

func (b *Book) exists(ctx context.Context, tx *sql.Tx, a directory.Account, pinID string) error {
	var n int
	err := tx.QueryRowContext(ctx, `SELECT count(*) FROM recovery_pins WHERE id = $1 AND account_id = $2`, pinID, a.ID).Scan(&n)
	if err == nil && n == 0 {
		return fmt.Errorf("PIN %q: %w", pinID, directory.ErrNotFound)
	}
	return err
}

// Activation is what a Mac reports of a PIN that was used for the first time.
type Activation struct {
	Method     string    // as recoverypin.Method prints
	IssuedAt   time.Time // of a timed PIN
	DeviceCode string    // of the other; "" takes the latest unused one
	At         time.Time
}

// ActivationFrom reads the detail of an activation event: "method",
// "issued_at" (RFC 3339, or seconds since the Unix epoch) and "device_code".
// What is missing makes an activation that matches no issue.
func ActivationFrom(detail map[string]string, at time.Time) Activation {
	v := Activation{Method: detail["method"], DeviceCode: detail["device_code"], At: at}
	if s, err := strconv.ParseInt(detail["issued_at"], 10, 64); err == nil {
		v.IssuedAt = time.Unix(s, 0)
	} else if t, err := time.Parse(time.RFC3339Nano, detail["issued_at"]); err == nil {
		v.IssuedAt = t
	}
	return v
}

// Activated finds the issue of a PIN that was used and marks it. One that
// nobody issued was guessed or made from a stolen secret: that is a critical
// event, and the Mac must rotate. So is a second activation of the same PIN,
// which a Mac's own rules exclude.
func (b *Book) Activated(ctx context.Context, tx *sql.Tx, d directory.Device, a directory.Account, v Activation) error {
	id, err := b.issueOf(ctx, tx, a, v)
	if noRow(err) {
		return b.unmatched(ctx, tx, d, a, v)
	}
	if err != nil {
		return fmt.Errorf("find the issue of a PIN used on account %s: %w", a.ID, err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE recovery_pins SET used_at = $2 WHERE id = $1`, id, store.Micros(v.At)); err != nil {
		return fmt.Errorf("mark PIN %s as used: %w", id, err)
	}
	return nil
}

func (b *Book) issueOf(ctx context.Context, tx *sql.Tx, a directory.Account, v Activation) (id string, err error) {
	where, args := ``, []any{a.ID, v.Method}
	switch {
	case v.Method == recoverypin.ByTime.String():
		where, args = `AND issued_s = $3`, append(args, v.IssuedAt.Unix())
	case v.DeviceCode != "":
		where, args = `AND device_code = $3`, append(args, v.DeviceCode)
	}
	err = tx.QueryRowContext(ctx, `SELECT id FROM recovery_pins WHERE account_id = $1 AND method = $2 AND used_at IS NULL `+where+`
		ORDER BY created_at DESC LIMIT 1`, args...).Scan(&id)
	return id, err
}

func (b *Book) unmatched(ctx context.Context, tx *sql.Tx, d directory.Device, a directory.Account, v Activation) error {
	if err := directory.Order(ctx, tx, d.ID, wire.CommandRotate, a.GUID, b.Now()); err != nil {
		return err
	}
	detail := map[string]string{"method": v.Method}
	if !v.IssuedAt.IsZero() {
		detail["issuedAt"] = strconv.FormatInt(v.IssuedAt.Unix(), 10)
	}
	return b.Log.Append(ctx, tx, systemlog.Event{Type: systemlog.PINUnmatched, Severity: systemlog.Error, Actor: DeviceActor(d), Targets: targets(d, a),
		Message: "A recovery PIN was used that this server did not issue", Detail: detail,
		Outcome: systemlog.Outcome{Result: systemlog.Failure, Reason: "no matching issue; the secret is rotated"}})
}
