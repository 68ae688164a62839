package recovery_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"crypto/rand"

	"go.uber.org/goleak"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/recovery"
	"github.com/latchkey-mfa/latchkey/internal/server/servertest"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
)

func TestMain(m *testing.M) {
	pki.UseAES()
	goleak.VerifyTestMain(m)
}

// desk is an org with one bound Mac, one account and its registered secret.
type desk struct {
	*servertest.Org
	device  directory.Device
	account directory.Account
	secret  recoverypin.Secret
}

func newDesk(t testing.TB) *desk {
	d := &desk{Org: servertest.New(t)}
	d.device, d.account = d.mac("C02A", "amy")
	d.secret = d.register(d.account, 1)
	return d
}

func (d *desk) mac(serial, name string) (m directory.Device, a directory.Account) {
	d.T.Helper()
	d.Update(func(tx *sql.Tx) (err error) {
		m, err = directory.CreateDevice(context.Background(), tx, directory.Device{UDID: "u-" + serial, Serial: serial, Name: serial, Trust: directory.Bound, Certificate: "aa"}, d.Now())
		if err != nil {
			return err
		}
		saved, err := directory.SaveReported(context.Background(), tx, directory.Report{DeviceID: m.ID, Accounts: []wire.Account{{GUID: "G-" + name, UID: 501, Name: name}}, Now: d.Now()})
		if err != nil {
			return err
		}
		a = saved.Changed[0]
		return nil
	})
	return m, a
}

func newSecret(t testing.TB) recoverypin.Secret {
	k, err := recoverypin.NewSecret(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (d *desk) register(a directory.Account, generation uint64) recoverypin.Secret {
	d.T.Helper()
	k := newSecret(d.T)
	d.Update(func(tx *sql.Tx) error {
		m, err := directory.DeviceByID(context.Background(), tx, a.DeviceID)
		if err != nil {
			return err
		}
		_, err = d.Book.Register(context.Background(), tx, m, a, wire.SecretUpload{GUID: a.GUID, Generation: generation, Key: k[:]})
		return err
	})
	return k
}

// issue asks for a PIN as a help desk admin.
func (d *desk) issue(edit ...func(*recovery.Request)) (recovery.Issued, error) {
	return d.issueAs(access.HelpDeskAdmin, "sam@example.com", edit...)
}

func (d *desk) issueAs(role access.Role, login string, edit ...func(*recovery.Request)) (recovery.Issued, error) {
	r := recovery.Request{DeviceID: d.device.ID, AccountID: d.account.ID, Reason: "lost phone", Ticket: "INC-1"}
	for _, e := range edit {
		e(&r)
	}
	return d.Book.Issue(d.As(role, login), r)
}

func (d *desk) edit(change func(*directory.Device)) {
	d.T.Helper()
	d.Update(func(tx *sql.Tx) error {
		m, err := directory.DeviceByID(context.Background(), tx, d.device.ID)
		if err != nil {
			return err
		}
		change(&m)
		return directory.SaveDevice(context.Background(), tx, &m, d.Now())
	})
}

func TestIssue(t *testing.T) {
	d := newDesk(t)
	out, err := d.issue()
	if err != nil {
		t.Fatal(err)
	}
	if out.PIN != recoverypin.Timed(d.secret, d.Now()).Digits() || !out.IssuedAt.Equal(d.Now()) || !out.ShownUntil.Equal(d.Now().Add(2*time.Minute)) ||
		out.Method != "time" || out.DurationMinutes != 60 || len(out.Warnings) != 0 {
		t.Fatalf("issued for %v until %v by %s, %d minutes, %v", out.IssuedAt, out.ShownUntil, out.Method, out.DurationMinutes, out.Warnings)
	}
	events := d.Events(systemlog.PINGenerate)
	if len(events) != 1 || events[0].Actor.AlternateID != "sam@example.com" || events[0].Outcome.Result != systemlog.Success || events[0].Detail["ticket"] != "INC-1" {
		t.Fatalf("events %+v", events)
	}
	coded, err := d.issue(func(r *recovery.Request) { r.DeviceCode = "6393-4920" })
	code, _ := recoverypin.ParseDeviceCode("63934920")
	if err != nil || coded.PIN != recoverypin.ForDeviceCode(d.secret, code).Digits() || coded.Method != "device_code" {
		t.Fatalf("by device code: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	user := func(d *desk, login string, c directory.Lifecycle) {
		d.Update(func(tx *sql.Tx) error {
			_, err := directory.CreateUser(context.Background(), tx, directory.User{Login: login}, d.Now())
			if err == nil {
				_, err = directory.ChangeUser(context.Background(), tx, login, c, d.Now())
			}
			return err
		})
	}
	link := func(d *desk, login string) {
		d.Update(func(tx *sql.Tx) error {
			_, err := directory.SaveReported(context.Background(), tx, directory.Report{DeviceID: d.device.ID, Known: []directory.Account{d.account}, Accounts: []wire.Account{{GUID: d.account.GUID, Name: "amy", Linked: login}}, Now: d.Now()})
			return err
		})
	}
	for name, c := range map[string]struct {
		before func(d *desk)
		ask    func(d *desk) (recovery.Issued, error)
		want   recovery.Code
	}{
		"a read-only admin":      {nil, func(d *desk) (recovery.Issued, error) { return d.issueAs(access.ReadOnlyAdmin, "x@example.com") }, recovery.NotPermitted},
		"no role":                {nil, func(d *desk) (recovery.Issued, error) { return d.issueAs("", "x@example.com") }, recovery.NotPermitted},
		"oneself, linked":        {func(d *desk) { link(d, "sam@example.com") }, nil, recovery.OwnAccount},
		"oneself, in other case": {func(d *desk) { link(d, "SAM@example.com") }, nil, recovery.OwnAccount},
		"oneself, by name":       {nil, func(d *desk) (recovery.Issued, error) { return d.issueAs(access.SuperAdmin, "amy@example.com") }, recovery.OwnAccount},
		"no reason":              {nil, func(d *desk) (recovery.Issued, error) { return d.issue(func(r *recovery.Request) { r.Reason = "" }) }, recovery.NoReason},
		"recovery is off": {func(d *desk) {
			d.Update(func(tx *sql.Tx) error { return directory.SaveSettings(context.Background(), tx, wire.Settings{}) })
		}, nil, recovery.RecoveryOff},
		"a suspended Mac":          {func(d *desk) { d.edit(func(m *directory.Device) { m.Status = directory.Suspended }) }, nil, recovery.DeviceInactive},
		"a deactivated Mac":        {func(d *desk) { d.edit(func(m *directory.Device) { m.Status = directory.Deactivated }) }, nil, recovery.DeviceInactive},
		"an unverified Mac":        {func(d *desk) { d.edit(func(m *directory.Device) { m.Trust = directory.Unverified }) }, nil, recovery.DeviceUnconfirmed},
		"a re-enrolled Mac":        {func(d *desk) { d.edit(func(m *directory.Device) { m.Trust = directory.Reenrolled }) }, nil, recovery.DeviceUnconfirmed},
		"a suspended user":         {func(d *desk) { link(d, "amy@example.com"); user(d, "Amy@example.com", directory.Suspend) }, nil, recovery.UserInactive},
		"a deactivated user":       {func(d *desk) { link(d, "amy@example.com"); user(d, "amy@example.com", directory.Deactivate) }, nil, recovery.UserInactive},
		"a suspended user by name": {func(d *desk) { user(d, "amy@example.com", directory.Suspend) }, nil, recovery.UserInactive},
		"no secret":                {func(d *desk) { d.Update(func(tx *sql.Tx) error { return d.Book.Erase(context.Background(), tx) }) }, nil, recovery.NoSecret},
		"a secret of 31 days":      {func(d *desk) { d.Pass(30*24*time.Hour + time.Second) }, nil, recovery.SecretTooOld},
		"by the Mac's policy": {func(d *desk) {
			d.edit(func(m *directory.Device) {
				m.Effective = json.RawMessage(`{"DeviceRecoveryValidityInDays":{"value":2}}`)
			})
			d.Pass(49 * time.Hour)
		}, nil, recovery.SecretTooOld},
		"a mistyped device code": {nil, func(d *desk) (recovery.Issued, error) {
			return d.issue(func(r *recovery.Request) { r.DeviceCode = "63934921" })
		}, recovery.BadDeviceCode},
		"no device code": {nil, func(d *desk) (recovery.Issued, error) {
			return d.issue(func(r *recovery.Request) { r.DeviceCode = "639349" })
		}, recovery.BadDeviceCode},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			if c.before != nil {
				c.before(d)
			}
			ask := c.ask
			if ask == nil {
				ask = func(d *desk) (recovery.Issued, error) { return d.issue() }
			}
			out, err := ask(d)
			var refusal *recovery.Refusal
			if !errors.As(err, &refusal) || refusal.Code != c.want || out.PIN != "" {
				t.Fatalf("got %v, want %s", err, c.want)
			}
			events := d.Events(systemlog.PINGenerate)
			if len(events) != 1 || events[0].Outcome.Result != systemlog.Denied || events[0].Outcome.Reason != string(c.want) {
				t.Fatalf("the attempt is logged as %+v", events)
			}
		})
	}
}

func TestSecretJustYoungEnough(t *testing.T) {
	d := newDesk(t)
	d.Pass(30 * 24 * time.Hour)
	if _, err := d.issue(); err != nil {
		t.Fatal(err)
	}
}

// Every timed PIN has a second of its own, however many are asked for at once,
// and none is more than half a minute ahead of the clock.
func TestSecondsAreNeverSharedNorFarAhead(t *testing.T) {
	d := newDesk(t)
	var mu sync.Mutex
	var wg sync.WaitGroup
	seen, refused := map[int64]bool{}, 0
	for range 40 {
		wg.Go(func() {
			out, err := d.issue()
			mu.Lock()
			defer mu.Unlock()
			var refusal *recovery.Refusal
			switch {
			case errors.As(err, &refusal) && refusal.Code == recovery.TooManyPINs:
				refused++
			case err != nil:
				t.Error(err)
			case seen[out.IssuedAt.Unix()] || out.IssuedAt.Sub(d.Now()) > recovery.MaxAhead:
				t.Errorf("second %v is shared or too far ahead", out.IssuedAt)
			}
			seen[out.IssuedAt.Unix()] = true
		})
	}
	wg.Wait()
	if refused != 40-31 {
		t.Fatalf("%d of 40 refused, want 9: now and 30 s ahead are 31", refused)
	}
	if _, err := d.issue(func(r *recovery.Request) { r.DeviceCode = "63934920" }); err != nil {
		t.Fatalf("a device-code PIN is refused too: %v", err)
	}
	d.Pass(time.Second)
	if _, err := d.issue(); err != nil {
		t.Fatalf("a second later: %v", err)
	}
}

func TestCapOfAccounts(t *testing.T) {
	d := newDesk(t)
	d.Book.AccountsPerHour = 2
	for i := range 3 {
		m, a := d.mac(fmt.Sprintf("C%d", i), fmt.Sprintf("user%d", i))
		d.register(a, 1)
		_, err := d.issue(func(r *recovery.Request) { r.DeviceID, r.AccountID = m.ID, a.ID })
		var refusal *recovery.Refusal
		if hit := errors.As(err, &refusal) && refusal.Code == recovery.TooManyAccounts; hit != (i == 2) {
			t.Fatalf("account %d: %v", i, err)
		}
		if i == 1 {
			if _, err := d.issue(func(r *recovery.Request) { r.DeviceID, r.AccountID = m.ID, a.ID }); err != nil {
				t.Fatalf("the same account again: %v", err)
			}
		}
	}
	if _, err := d.issueAs(access.HelpDeskAdmin, "kim@example.com"); err != nil {
		t.Fatalf("a colleague: %v", err)
	}
	d.Pass(time.Hour)
	if _, err := d.issue(); err != nil {
		t.Fatalf("an hour later: %v", err)
	}
}
