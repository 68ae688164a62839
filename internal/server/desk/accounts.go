package desk

import (
	"cmp"
	"context"
	"database/sql"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/recovery"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// Account is an account on a Mac, with what may be known of its secret.
type Account struct {
	directory.Account
	LastSeen time.Time // when its Mac last reported it
	Recovery recovery.State
}

// accounts are those of one Mac, by uid.
func (k *Desk) accounts(ctx context.Context, tx *sql.Tx, d directory.Device) ([]Account, error) {
	found, err := directory.Accounts(ctx, tx, d.ID)
	if err != nil {
		return nil, err
	}
	out := make([]Account, 0, len(found))
	for _, a := range found {
		one, err := k.known(ctx, tx, d, a)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

func (k *Desk) known(ctx context.Context, tx *sql.Tx, d directory.Device, a directory.Account) (Account, error) {
	state, err := k.Book.StateOf(ctx, tx, a)
	return Account{Account: a, LastSeen: a.LastSeen(d), Recovery: state}, err
}

// find is a Mac and an account of it.
func find(ctx context.Context, tx *sql.Tx, deviceID, accountID string) (directory.Device, directory.Account, error) {
	d, err := directory.DeviceByID(ctx, tx, deviceID)
	if err != nil {
		return d, directory.Account{}, err
	}
	a, err := directory.AccountByID(ctx, tx, d.ID, accountID)
	return d, a, err
}

// Account is one account of a Mac. Errors: directory.ErrNotFound.
func (k *Desk) Account(ctx context.Context, deviceID, accountID string) (out Account, err error) {
	err = k.view(ctx, access.DevicesRead, func(tx *sql.Tx) error {
		d, a, err := find(ctx, tx, deviceID, accountID)
		if err != nil {
			return err
		}
		out, err = k.known(ctx, tx, d, a)
		return err
	})
	return out, err
}

// SetPrelink names the org user that an account may link itself to; an empty
// login takes that back. Errors: *InvalidError, directory.ErrNotFound.
func (k *Desk) SetPrelink(ctx context.Context, deviceID, accountID, login string) (out Account, err error) {
	err = k.update(ctx, access.UsersManage, func(tx *sql.Tx) error {
		login, err := text("login", login, maxName, false)
		if err != nil {
			return err
		}
		d, a, err := find(ctx, tx, deviceID, accountID)
		if err != nil {
			return err
		}
		if a, err = directory.SetPrelink(ctx, tx, d.ID, a.ID, login, k.Now()); err != nil {
			return err
		}
		if out, err = k.known(ctx, tx, d, a); err != nil {
			return err
		}
		return k.event(ctx, tx, systemlog.Event{Type: systemlog.AccountPrelink, Message: "Account pre-linked by admin",
			Targets: []systemlog.Target{deviceTarget(d), accountTarget(a)}, Detail: map[string]string{"login": login}})
	})
	return out, err
}

func accountTarget(a directory.Account) systemlog.Target {
	return systemlog.Target{ID: a.ID, Type: "OSAccount", AlternateID: a.Name, DisplayName: a.FullName}
}

// ResetAccountFactors tells the Mac, at its next check-in, to drop the factors
// of one account, which need not be linked to anyone. Errors:
// directory.ErrNotFound.
func (k *Desk) ResetAccountFactors(ctx context.Context, deviceID, accountID string) error {
	return k.update(ctx, access.FactorsReset, func(tx *sql.Tx) error {
		d, a, err := find(ctx, tx, deviceID, accountID)
		if err != nil {
			return err
		}
		if in, err := directory.InScope(ctx, tx, a); err != nil || !in {
			return cmp.Or(err, error(&access.DeniedError{Caller: access.CallerOf(ctx), Needs: access.FactorsReset}))
		}
		if err := directory.Order(ctx, tx, d.ID, wire.CommandResetFactors, a.GUID, k.Now()); err != nil {
			return err
		}
		return k.event(ctx, tx, systemlog.Event{Type: systemlog.ResetFactors, Severity: systemlog.Warn, Message: "Reset all factors of an account",
			Targets: []systemlog.Target{deviceTarget(d), accountTarget(a)}})
	})
}

// PINs are those that were issued for an account, the newest first, without
// their digits. Errors: directory.ErrNotFound.
func (k *Desk) PINs(ctx context.Context, deviceID, accountID string) (pins []recovery.PIN, err error) {
	err = k.view(ctx, access.DevicesRead, func(tx *sql.Tx) error {
		_, a, err := find(ctx, tx, deviceID, accountID)
		if err != nil {
			return err
		}
		pins, err = k.Book.List(ctx, tx, a.ID)
		return err
	})
	return pins, err
}

// Issue makes a PIN; client and id of the request are taken from ctx. Reading
// the Mac is asked for here; the permission to generate is one of the rules of
// issue, so that its lack is an event too. Errors: *InvalidError,
// *recovery.Refusal, directory.ErrNotFound.
func (k *Desk) Issue(ctx context.Context, r recovery.Request) (recovery.Issued, error) {
	if err := access.Require(ctx, access.DevicesRead); err != nil {
		return recovery.Issued{}, err
	}
	in, err := CheckPIN(wire.PINRequest{Reason: r.Reason, Ticket: r.Ticket, DeviceCode: r.DeviceCode})
	if err != nil {
		return recovery.Issued{}, err
	}
	from := originOf(ctx)
	r.Reason, r.Ticket, r.DeviceCode, r.Client, r.RequestID = in.Reason, in.Ticket, in.DeviceCode, from.Client, from.RequestID
	return k.Book.Issue(ctx, r)
}

// VoidPIN marks a PIN and tells the Mac, at its next check-in, to end the
// window that it may have opened. Errors: directory.ErrNotFound.
func (k *Desk) VoidPIN(ctx context.Context, deviceID, accountID, pinID string) error {
	return k.update(ctx, access.PINGenerate, func(tx *sql.Tx) error {
		d, a, err := find(ctx, tx, deviceID, accountID)
		if err != nil {
			return err
		}
		return k.Book.Void(ctx, tx, d, a, pinID, originOf(ctx).Client)
	})
}
