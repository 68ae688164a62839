package desk

import (
	"context"
	"database/sql"
	"errors"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// Prelink is a line of a list that links accounts ahead.
type Prelink struct {
	Line                int // in the list, from 1
	Serial, Name, Login string
}

// ReadPrelinks reads a list of serial number, short name and login, separated by
// commas, a line each; blank lines are passed over. The error is an
// *InvalidError that names the line.
func ReadPrelinks(list string) ([]Prelink, error) {
	lines, err := readList(list, 3, "serial number, short name and login, separated by commas")
	out := make([]Prelink, 0, len(lines))
	for _, l := range lines {
		out = append(out, Prelink{Line: l.number, Serial: l.fields[0], Name: l.fields[1], Login: l.fields[2]})
	}
	return out, err
}

// PrelinkMany links accounts ahead, all that are there; passed are those of a
// Mac or an account that is not, of which nothing was changed.
func (k *Desk) PrelinkMany(ctx context.Context, list []Prelink) (linked int, passed []Prelink, err error) {
	err = k.update(ctx, access.UsersManage, func(tx *sql.Tx) error {
		for _, p := range list {
			d, a, err := named(ctx, tx, p)
			if errors.Is(err, directory.ErrNotFound) {
				passed = append(passed, p)
				continue
			}
			if err != nil {
				return err
			}
			if a, err = directory.SetPrelink(ctx, tx, d.ID, a.ID, p.Login, k.Now()); err != nil {
				return err
			}
			linked++
			err = k.event(ctx, tx, systemlog.Event{Type: systemlog.AccountPrelink, Message: "Account pre-linked by admin",
				Targets: []systemlog.Target{deviceTarget(d), accountTarget(a)}, Detail: map[string]string{"login": p.Login}})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return linked, passed, err
}

// named is the one Mac with that serial number and its account of that name. Of
// two Macs with one number none is meant.
func named(ctx context.Context, tx *sql.Tx, p Prelink) (directory.Device, directory.Account, error) {
	devices, err := directory.DevicesBySerial(ctx, tx, p.Serial)
	if err != nil {
		return directory.Device{}, directory.Account{}, err
	}
	if len(devices) != 1 {
		return directory.Device{}, directory.Account{}, directory.ErrNotFound
	}
	accounts, err := directory.Accounts(ctx, tx, devices[0].ID)
	for _, a := range accounts {
		if store.Fold(a.Name) == store.Fold(p.Name) {
			return devices[0], a, err
		}
	}
	return directory.Device{}, directory.Account{}, errors.Join(err, directory.ErrNotFound)
}
