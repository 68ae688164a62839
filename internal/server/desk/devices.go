package desk

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/scim"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// MaxBulk is how many Macs one request confirms.
const MaxBulk = 1000

// Mac is a device with the accounts on it.
type Mac struct {
	directory.Device
	Accounts []Account
}

// Owner is a user to whom an account on a Mac belongs, or may belong.
type Owner struct {
	directory.User
	Since time.Time // when the account was first reported
}

// Devices are the Macs where q stands in what they, their accounts or their
// users are called, by id. An empty q is all of them.
func (k *Desk) Devices(ctx context.Context, q string, p directory.Page) (found []directory.Device, err error) {
	err = k.view(ctx, access.DevicesRead, func(tx *sql.Tx) error {
		found, err = directory.Devices(ctx, tx, q, p)
		return err
	})
	return found, err
}

// SearchDevices are the Macs that a search picks, by id. Errors:
// *scim.RefusedError.
func (k *Desk) SearchDevices(ctx context.Context, search scim.Expression, p directory.Page) (found []directory.Device, err error) {
	err = k.view(ctx, access.DevicesRead, func(tx *sql.Tx) error {
		found, err = directory.SearchDevices(ctx, tx, search, p)
		return err
	})
	return found, err
}

// Suggest are up to limit Macs whose serial number or name begins with q, or
// the name, login or e-mail of one of their users, by serial number: for a list
// that changes with each key. What is found within a name, Devices finds.
func (k *Desk) Suggest(ctx context.Context, q string, limit int) (out []Mac, err error) {
	err = k.view(ctx, access.DevicesRead, func(tx *sql.Tx) error {
		found, err := directory.DevicesByPrefix(ctx, tx, q, limit)
		if err != nil {
			return err
		}
		out, err = k.macs(ctx, tx, found)
		return err
	})
	return out, err
}

// Macs are the devices that Devices finds, with their accounts.
func (k *Desk) Macs(ctx context.Context, q string, p directory.Page) (out []Mac, err error) {
	err = k.view(ctx, access.DevicesRead, func(tx *sql.Tx) error {
		found, err := directory.Devices(ctx, tx, q, p)
		if err != nil {
			return err
		}
		out, err = k.macs(ctx, tx, found)
		return err
	})
	return out, err
}

// macs reads the accounts of devices that the caller may see, all together.
func (k *Desk) macs(ctx context.Context, tx *sql.Tx, found []directory.Device) ([]Mac, error) {
	out := make([]Mac, 0, len(found))
	if len(found) == 0 {
		return out, nil
	}
	ids := make([]string, 0, len(found))
	for _, d := range found {
		ids = append(ids, d.ID)
	}
	accounts, err := directory.AccountsOf(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	var known []string
	for _, id := range ids {
		known = append(known, directory.IDs(accounts[id])...)
	}
	states, err := k.Book.States(ctx, tx, known)
	if err != nil {
		return nil, err
	}
	for _, d := range found {
		m := Mac{Device: d}
		for _, a := range accounts[d.ID] {
			m.Accounts = append(m.Accounts, Account{Account: a, LastSeen: a.LastSeen(d), Recovery: states[a.ID]})
		}
		out = append(out, m)
	}
	return out, nil
}

// manyMacs is from how many Macs on they are not all looked through while
// somebody types.
const manyMacs = 5000

// Inside are up to limit Macs that Devices finds, where there are few enough to
// look through all of them for each key that is typed; looked reports that.
func (k *Desk) Inside(ctx context.Context, q string, limit int) (out []Mac, looked bool, err error) {
	err = k.view(ctx, access.DevicesRead, func(tx *sql.Tx) error {
		many, err := directory.MoreThan(ctx, tx, manyMacs)
		if err != nil || many {
			return err
		}
		looked = true
		found, err := directory.Devices(ctx, tx, q, directory.Page{Limit: limit})
		if err != nil {
			return err
		}
		out, err = k.macs(ctx, tx, found)
		return err
	})
	return out, looked, err
}

// Device is one Mac. Errors: directory.ErrNotFound.
func (k *Desk) Device(ctx context.Context, id string) (m Mac, err error) {
	err = k.view(ctx, access.DevicesRead, func(tx *sql.Tx) error {
		if m.Device, err = directory.DeviceByID(ctx, tx, id); err != nil {
			return err
		}
		m.Accounts, err = k.accounts(ctx, tx, m.Device)
		return err
	})
	return m, err
}

// DeviceUsers are the users to whom the Mac's accounts may belong, each once, as
// far as the caller sees them.
// Errors: directory.ErrNotFound.
func (k *Desk) DeviceUsers(ctx context.Context, id string) (found []Owner, err error) {
	err = k.view(ctx, access.DevicesRead, func(tx *sql.Tx) error {
		found, err = owners(ctx, tx, id)
		return err
	})
	return found, err
}

// Owners are the users of many Macs, by the id of the Mac, as DeviceUsers has
// them. Errors: directory.ErrNotFound.
func (k *Desk) Owners(ctx context.Context, ids []string) (found map[string][]Owner, err error) {
	found = map[string][]Owner{}
	err = k.view(ctx, access.DevicesRead, func(tx *sql.Tx) error {
		for _, id := range ids {
			if found[id], err = owners(ctx, tx, id); err != nil {
				return err
			}
		}
		return nil
	})
	return found, err
}

func owners(ctx context.Context, tx *sql.Tx, id string) (out []Owner, err error) {
	d, err := directory.DeviceByID(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	accounts, err := directory.Accounts(ctx, tx, d.ID)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, a := range accounts {
		users, err := directory.Owners(ctx, tx, a)
		if err != nil {
			return nil, err
		}
		for _, u := range users {
			// Whom the caller may not see is not told beside those whom they may.
			if _, err := directory.FindUser(ctx, tx, u.ID); errors.Is(err, directory.ErrNotFound) {
				continue
			} else if err != nil {
				return nil, err
			}
			if !seen[u.ID] {
				out = append(out, Owner{User: u, Since: a.CreatedAt})
			}
			seen[u.ID] = true
		}
	}
	return out, nil
}

// ChangeDevice moves a Mac through its life. Errors: *InvalidError where there
// is no such step, directory.ErrNotFound, directory.ErrState.
func (k *Desk) ChangeDevice(ctx context.Context, id string, op directory.Lifecycle) (directory.Device, error) {
	kinds := map[directory.Lifecycle]string{directory.Activate: systemlog.DeviceActivate, directory.Deactivate: systemlog.DeviceDeactivate,
		directory.Suspend: systemlog.DeviceSuspend, directory.Unsuspend: systemlog.DeviceUnsuspend}
	return k.device(ctx, kinds[op], string(op), func(tx *sql.Tx) (directory.Device, error) {
		if kinds[op] == "" {
			return directory.Device{}, invalid("operation", "%q, want activate, deactivate, suspend or unsuspend", op)
		}
		return directory.ChangeDevice(ctx, tx, id, op, k.Now())
	})
}

// Confirm binds the certificate that waits to the Mac: the one with the
// fingerprint, or whichever it is for "". Errors: directory.ErrNotFound,
// directory.ErrState where none, or another one, waits.
func (k *Desk) Confirm(ctx context.Context, id, fingerprint string) (directory.Device, error) {
	return k.device(ctx, systemlog.DeviceConfirm, "confirm", func(tx *sql.Tx) (directory.Device, error) {
		return directory.Confirm(ctx, tx, id, fingerprint, k.Now())
	})
}

// Reject drops the certificate that waits and revokes it: it would come back at
// the next check-in otherwise. Errors: directory.ErrNotFound,
// directory.ErrState where none waits.
func (k *Desk) Reject(ctx context.Context, id string) (directory.Device, error) {
	return k.device(ctx, systemlog.DeviceReject, "reject", func(tx *sql.Tx) (directory.Device, error) {
		before, err := directory.DeviceByID(ctx, tx, id)
		if err != nil {
			return before, err
		}
		d, err := directory.Reject(ctx, tx, id, k.Now())
		if err != nil {
			return d, err
		}
		return d, pki.RevokeCertificate(ctx, tx, before.Claim, k.Now())
	})
}

// device is one change of a Mac, with its event.
func (k *Desk) device(ctx context.Context, kind, op string, change func(tx *sql.Tx) (directory.Device, error)) (d directory.Device, err error) {
	err = k.update(ctx, access.DevicesManage, func(tx *sql.Tx) error {
		if d, err = change(tx); err != nil {
			return err
		}
		return k.event(ctx, tx, systemlog.Event{Type: kind, Message: "Device: " + op, Targets: []systemlog.Target{deviceTarget(d)}})
	})
	return d, err
}

func deviceTarget(d directory.Device) systemlog.Target {
	return systemlog.Target{ID: d.ID, Type: "Device", AlternateID: d.Serial, DisplayName: d.Label()}
}

// ConfirmMany confirms the Macs with the given ids and serial numbers, as from
// a list of one's own: 1 to MaxBulk of them. Those where nothing waits are
// passed over, and change nothing. Errors: *InvalidError.
func (k *Desk) ConfirmMany(ctx context.Context, ids, serials []string) (confirmed, passed []string, err error) {
	confirmed, passed = []string{}, []string{}
	err = k.update(ctx, access.DevicesManage, func(tx *sql.Tx) error {
		if n := len(ids) + len(serials); n == 0 || n > MaxBulk {
			return invalid("ids and serialNumbers", "%d, want 1 to %d", n, MaxBulk)
		}
		named, unknown, err := bySerial(ctx, tx, serials)
		if err != nil {
			return err
		}
		passed = unknown
		for _, id := range append(append([]string{}, ids...), named...) {
			d, err := directory.Confirm(ctx, tx, id, "", k.Now())
			if errors.Is(err, directory.ErrState) || errors.Is(err, directory.ErrNotFound) {
				passed = append(passed, id)
				continue
			}
			if err == nil {
				err = k.event(ctx, tx, systemlog.Event{Type: systemlog.DeviceConfirm, Message: "Device: confirm", Targets: []systemlog.Target{deviceTarget(d)}})
			}
			if err != nil {
				return err
			}
			confirmed = append(confirmed, id)
		}
		return nil
	})
	return confirmed, passed, err
}

// bySerial are the ids of the Macs with the serial numbers, and those that no
// Mac has.
func bySerial(ctx context.Context, tx *sql.Tx, serials []string) (ids, unknown []string, err error) {
	unknown = []string{}
	for _, serial := range serials {
		devices, err := directory.DevicesBySerial(ctx, tx, serial)
		if err != nil {
			return nil, nil, err
		}
		if len(devices) == 0 {
			unknown = append(unknown, serial)
		}
		for _, d := range devices {
			ids = append(ids, d.ID)
		}
	}
	return ids, unknown, nil
}
