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

// MaxAhead is how far the second of a timed PIN may be ahead of the clock,
// after many were issued at once (recovery-pin-v1, "On the server").
const MaxAhead = 30 * time.Second

// Request asks for a PIN. The caller is the one in the context's guard.
type Request struct {
	DeviceID, AccountID        string
	Reason, Ticket, DeviceCode string
	Client                     systemlog.Client
	RequestID                  string
}

// Issued is a PIN with what the help desk must know beside it. It prints as a
// placeholder, as the PIN within does.
type Issued struct {
	wire.IssuedPIN
	Warnings []string `json:"warnings,omitempty"`
}

// Issue makes a PIN, or returns a *Refusal. Either is an event in the system
// log, committed before the answer. Other errors: directory.ErrNotFound where
// there is no such Mac or account, or the database's.
func (b *Book) Issue(ctx context.Context, r Request) (Issued, error) {
	var out Issued
	var refused *Refusal
	var hidden error
	err := b.DB.Update(ctx, func(tx *sql.Tx) error {
		if _, hidden = directory.DeviceByID(ctx, tx, r.DeviceID); hidden != nil && !errors.Is(hidden, directory.ErrNotFound) {
			return hidden
		}
		i, err := b.attempt(ctx, tx, r)
		if err != nil {
			return cmp.Or(hidden, err)
		}
		out, err = i.run(ctx)
		if errors.As(err, &refused) {
			return b.Log.Append(ctx, tx, i.event(out, refused))
		}
		return err
	})
	if err == nil && hidden != nil {
		return Issued{}, hidden // as of a Mac that there is not
	}
	if err == nil && refused != nil {
		return Issued{}, refused
	}
	if err != nil {
		return Issued{}, err
	}
	return out, nil
}

// attempt finds what the request is about, also where the caller is scoped to
// others and is not to know of it: the log is.
func (b *Book) attempt(ctx context.Context, tx *sql.Tx, r Request) (*issue, error) {
	everywhere, _ := access.With(ctx, access.Caller{})
	d, err := directory.DeviceByID(everywhere, tx, r.DeviceID)
	if err != nil {
		return nil, err
	}
	a, err := directory.AccountByID(everywhere, tx, d.ID, r.AccountID)
	if err != nil {
		return nil, err
	}
	return &issue{Book: b, tx: tx, Request: r, device: d, account: a, caller: access.CallerOf(ctx), now: b.Now()}, nil
}

// Ready says whether the caller could be issued a PIN now: nil, a *Refusal, or
// another error as of Issue. It issues none, and is no event.
func (b *Book) Ready(ctx context.Context, deviceID, accountID string) error {
	return b.DB.View(ctx, func(tx *sql.Tx) error {
		d, err := directory.DeviceByID(ctx, tx, deviceID)
		if err != nil {
			return err
		}
		a, err := directory.AccountByID(ctx, tx, d.ID, accountID)
		if err != nil {
			return err
		}
		// A reason will be given; it is not what is asked about.
		i := issue{Book: b, tx: tx, Request: Request{Reason: "-"}, device: d, account: a, caller: access.CallerOf(ctx), now: b.Now()}
		if _, err := i.admit(ctx); err != nil {
			return err
		}
		_, err = i.secret(ctx)
		return err
	})
}

// issue is one attempt to issue a PIN.
type issue struct {
	*Book
	Request
	tx      *sql.Tx
	device  directory.Device
	account directory.Account
	caller  access.Caller
	now     time.Time
}

func (i *issue) run(ctx context.Context) (Issued, error) {
	code, err := i.admit(ctx)
	if err != nil {
		return Issued{}, err
	}
	held, err := i.secret(ctx)
	if err != nil {
		return Issued{}, err
	}
	key, err := i.open(i.account, held)
	if err != nil {
		return Issued{}, err
	}
	t, err := i.second(ctx, !code.IsZero())
	if err != nil {
		return Issued{}, err
	}
	out := i.issued(key, t, code)
	if err := i.store(ctx, out, held.generation, code); err != nil {
		return Issued{}, err
	}
	if !held.proven {
		out.Warnings = append(out.Warnings, "This Mac replaced its recovery secret without proving that it held the one before. Make sure that it is the Mac you think it is.")
	}
	return out, i.Log.Append(ctx, i.tx, i.event(out, nil))
}

// admit holds the rules that need no secret, the caller's first: who may not
// ask learns nothing else.
func (i *issue) admit(ctx context.Context) (recoverypin.DeviceCode, error) {
	none := recoverypin.DeviceCode{}
	if err := access.Require(ctx, access.PINGenerate); err != nil {
		return none, refuse(NotPermitted, "your role may not generate recovery PINs")
	}
	in, err := directory.InScope(ctx, i.tx, i.account)
	if err != nil {
		return none, err
	}
	if !in {
		return none, refuse(OutOfScope, "the account belongs to nobody in the groups that you are there for")
	}
	// Nobody helps themselves past their own second factor, unless the org says so.
	rules, err := directory.Rules(ctx, i.tx)
	if err != nil {
		return none, err
	}
	if i.account.Belongs(i.caller.Login) && !rules.AllowOwn {
		return none, refuse(OwnAccount, "you cannot generate a recovery PIN for your own account; ask a colleague")
	}
	if i.Reason == "" {
		return none, refuse(NoReason, "say why the PIN is needed: the reason is recorded")
	}
	for _, rule := range []func(context.Context) error{i.settings, i.mac, i.owners, i.cap} {
		if err := rule(ctx); err != nil {
			return none, err
		}
	}
	return i.deviceCode()
}

func (i *issue) settings(ctx context.Context) error {
	s, err := directory.Settings(ctx, i.tx)
	if err == nil && !s.Recovery {
		return refuse(RecoveryOff, "recovery PINs are turned off for this org")
	}
	return err
}

func (i *issue) mac(context.Context) error {
	if i.device.Status != directory.Active {
		return refuse(DeviceInactive, "the device is %s", i.device.Status)
	}
	// Without a certificate that somebody vouched for, the secret could be one
	// that an impostor registered.
	if i.device.Trust != directory.Bound {
		return refuse(DeviceUnconfirmed, "the device is %s: confirm first that its certificate is its own", i.device.Trust)
	}
	return nil
}

func (i *issue) owners(ctx context.Context) error {
	users, err := directory.Owners(ctx, i.tx, i.account)
	if err != nil {
		return fmt.Errorf("find the user of account %s: %w", i.account.ID, err)
	}
	for _, u := range users {
		if u.Status != directory.Active {
			return refuse(UserInactive, "the user %s is %s", u.Login, u.Status)
		}
	}
	return nil
}

// Cap is for how many distinct accounts an administrator may generate PINs in
// an hour, where the org has no number of its own.
func (b *Book) Cap() int { return cmp.Or(b.AccountsPerHour, AccountsPerHour) }

// cap bounds what a stolen session of an administrator is worth.
func (i *issue) cap(ctx context.Context) error {
	rules, err := directory.Rules(ctx, i.tx)
	if err != nil {
		return err
	}
	limit := cmp.Or(rules.AccountsPerHour, i.Cap())
	var others int
	err = i.tx.QueryRowContext(ctx, `SELECT count(DISTINCT account_id) FROM recovery_pins WHERE issued_by = $1 AND created_at > $2 AND account_id <> $3`,
		store.Fold(i.caller.Login), store.Micros(i.now.Add(-time.Hour)), i.account.ID).Scan(&others)
	if err == nil && others >= limit {
		return refuse(TooManyAccounts, "you generated PINs for %d accounts within the last hour, the most that is allowed; wait, or ask a colleague", others)
	}
	return err
}

func (i *issue) deviceCode() (recoverypin.DeviceCode, error) {
	if i.DeviceCode == "" {
		return recoverypin.DeviceCode{}, nil
	}
	code, err := recoverypin.ParseDeviceCode(i.DeviceCode)
	switch {
	case errors.Is(err, recoverypin.ErrMistyped):
		return code, refuse(BadDeviceCode, "the device code has a wrong digit or two swapped; have it read again")
	case err != nil:
		return code, refuse(BadDeviceCode, "the device code has eight digits; have it read again")
	}
	return code, nil
}

func (i *issue) secret(ctx context.Context) (secret, error) {
	held, err := i.load(ctx, i.tx, i.account)
	if noRow(err) {
		return secret{}, refuse(NoSecret, "the device has not registered this account for recovery; it does so when it next reaches the server")
	}
	if err != nil {
		return secret{}, errRead(i.account, err)
	}
	validity := limitsOf(i.device.Effective).validity
	if age := i.now.Sub(held.confirmedAt); age > validity {
		return secret{}, refuse(SecretTooOld, "the device confirmed its recovery secret %d days ago, and %s allows %d; the device must reach the server first",
			int(age.Hours()/24), validityKey, int(validity.Hours()/24))
	}
	return held, nil
}

// second assigns t: max(now, last issued for this secret + 1), in the database
// (recovery-pin-v1). A device-code PIN is not made from t, and takes none away.
func (i *issue) second(ctx context.Context, byCode bool) (time.Time, error) {
	now := i.now.Unix()
	if byCode {
		return time.Unix(now, 0).UTC(), nil
	}
	var t int64
	err := i.tx.QueryRowContext(ctx, `UPDATE recovery_secrets
		SET last_issued_s = CASE WHEN last_issued_s + 1 > $2 THEN last_issued_s + 1 ELSE $2 END
		WHERE account_id = $1 AND last_issued_s + 1 <= $3 RETURNING last_issued_s`,
		i.account.ID, now, now+int64(MaxAhead/time.Second)).Scan(&t)
	if noRow(err) {
		return time.Time{}, refuse(TooManyPINs, "too many PINs were generated for this account at once; wait a minute, or ask for the device code on its screen")
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("assign the second of a PIN for account %s: %w", i.account.ID, err)
	}
	return time.Unix(t, 0).UTC(), nil
}

func (i *issue) issued(key recoverypin.Secret, t time.Time, code recoverypin.DeviceCode) Issued {
	method, pin := recoverypin.ByTime, recoverypin.Timed(key, t)
	if !code.IsZero() {
		method, pin = recoverypin.ByDeviceCode, recoverypin.ForDeviceCode(key, code)
	}
	return Issued{IssuedPIN: wire.IssuedPIN{ID: store.NewID("pin"), PIN: pin.Digits(), IssuedAt: t, ShownUntil: t.Add(recoverypin.Shown),
		Method: method.String(), DurationMinutes: limitsOf(i.device.Effective).durationMinutes}}
}

func (i *issue) store(ctx context.Context, out Issued, generation uint64, code recoverypin.DeviceCode) error {
	shown := ""
	if !code.IsZero() {
		shown = code.Digits()
	}
	_, err := i.tx.ExecContext(ctx, `INSERT INTO recovery_pins (id, account_id, generation, method, issued_s, device_code, duration_minutes,
			issued_by, issued_by_name, reason, ticket, created_at, voided_by_name)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, '')`,
		out.ID, i.account.ID, generation, out.Method, out.IssuedAt.Unix(), shown, out.DurationMinutes,
		store.Fold(i.caller.Login), i.caller.Login, i.Reason, i.Ticket, store.Micros(i.now))
	if err != nil {
		return fmt.Errorf("record a PIN for account %s: %w", i.account.ID, err)
	}
	return nil
}

// event tells of the attempt, never the PIN.
func (i *issue) event(out Issued, r *Refusal) systemlog.Event {
	e := systemlog.Event{Type: systemlog.PINGenerate, Message: "Device recovery PIN generated by admin", Client: i.Client, Request: i.RequestID,
		Actor: AdminActor(i.caller), Targets: targets(i.device, i.account), Severity: systemlog.Warn,
		Detail: map[string]string{"reason": i.Reason, "ticket": i.Ticket}}
	if r != nil {
		e.Message = "Device recovery PIN refused"
		e.Outcome = systemlog.Outcome{Result: systemlog.Denied, Reason: string(r.Code)}
		return e
	}
	e.Targets = append(e.Targets, systemlog.Target{ID: out.ID, Type: "RecoveryPIN", AlternateID: out.Method, DisplayName: out.Method})
	e.Detail["method"], e.Detail["issuedAt"] = out.Method, strconv.FormatInt(out.IssuedAt.Unix(), 10)
	return e
}

// AdminActor is an administrator as the one who did something.
func AdminActor(c access.Caller) systemlog.Actor {
	return systemlog.Actor{ID: c.TokenID, Type: "User", AlternateID: c.Login, DisplayName: c.Name}
}
