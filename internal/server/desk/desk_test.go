package desk_test

import (
	"database/sql"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/desk"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/recovery"
	"github.com/latchkey-mfa/latchkey/internal/server/store/storetest"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

func TestSettingsAreAnEventWithOldAndNew(t *testing.T) {
	o := newOrg(t)
	o.mac(nil)
	saved, err := o.SaveSettings(as(access.SuperAdmin), func(s *desk.Settings) { s.Recovery, s.EndWindowOnEnrol = false, true })
	if want := (wire.Settings{EndWindowOnEnrol: true, NumberMatching: true}); err != nil || saved.Settings != want {
		t.Fatalf("%+v %v, want %+v", saved, err, want)
	}
	all := o.events()
	detail := all[len(all)-1].Detail
	if len(detail) != 2 || detail["recovery"] != "true -> false" || detail["endWindowOnEnrol"] != "false -> true" {
		t.Errorf("the event says %v", detail)
	}
	var secrets int
	o.update(func(tx *sql.Tx) error { return tx.QueryRow(`SELECT count(*) FROM recovery_secrets`).Scan(&secrets) })
	if secrets != 0 {
		t.Errorf("%d secrets are left that may not be used", secrets)
	}
}

// What was typed wrongly is told by field, and nothing is done.
func TestInvalidValues(t *testing.T) {
	o := newOrg(t)
	m, ctx := o.mac(nil), as(access.SuperAdmin)
	state, long := o.state(), strings.Repeat("x", 501)
	user := func(u directory.User) error { _, err := o.CreateUser(ctx, u); return err }
	issue := func(r recovery.Request) error {
		r.DeviceID, r.AccountID = m.device, m.account
		_, err := o.Issue(ctx, r)
		return err
	}
	challenge := func(kind, serial string) error { _, _, err := o.CreateChallenge(ctx, kind, serial); return err }
	_, stepped := o.ChangeDevice(ctx, m.device, "explode")
	_, aged := o.ChangeUser(ctx, m.login, "explode")
	_, linked := o.SetPrelink(ctx, m.device, m.account, "a\x00b")
	_, _, none := o.ConfirmMany(ctx, nil, nil)
	_, _, many := o.ConfirmMany(ctx, make([]string, desk.MaxBulk), []string{m.serial})
	for want, err := range map[string]error{
		"operation: \"explode\"": stepped, "operation: \"explode\", want activate": aged, "login: only printable": linked,
		"ids and serialNumbers: 0, want 1 to 1000": none, "ids and serialNumbers: 1001": many,
		"login: missing": user(directory.User{Login: "  "}), "login: no blanks": user(directory.User{Login: "a/b"}),
		"email: at most 200": user(directory.User{Login: "a", Email: long}), "firstName: ": user(directory.User{Login: "a", FirstName: long}),
		"lastName: ": user(directory.User{Login: "a", LastName: long}), "reason: at most 500": issue(recovery.Request{Reason: long}),
		"ticket: at most 100": issue(recovery.Request{Ticket: long}), "deviceCode: ": issue(recovery.Request{DeviceCode: long}),
		"kind: \"magic\"": challenge("magic", ""), "serialNumber: a static": challenge(pki.Static, "C"), "serialNumber: at most": challenge(pki.Dynamic, long),
	} {
		var bad *desk.InvalidError
		if !errors.As(err, &bad) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if o.state() != state {
		t.Error("something was done")
	}
}

// An event that cannot be written takes back what it tells of.
func TestNothingWithoutItsEvent(t *testing.T) {
	for _, op := range writes() {
		t.Run(op.method, func(t *testing.T) {
			o := newOrg(t)
			m := o.filled()
			o.update(func(tx *sql.Tx) error { return storetest.Refuses(tx, "events", "the disk is full") })
			state := o.state()
			if err := op.do(as(access.SuperAdmin), o, m); err == nil || !strings.Contains(err.Error(), "the disk is full") {
				t.Errorf("%v", err)
			}
			if o.state() != state {
				t.Error("it was done all the same")
			}
		})
	}
}

func TestConfirmManyTellsWhatItPassedOver(t *testing.T) {
	o := newOrg(t)
	m, ctx := o.mac(nil), as(access.OrgAdmin)
	settled := o.mac(func(d *directory.Device, _ *wire.Account) { d.Claim = "" })
	confirmed, passed, err := o.ConfirmMany(ctx, []string{settled.device, "devzzz"}, []string{m.serial, "C99"})
	if err != nil || !slices.Equal(confirmed, []string{m.device}) || !slices.Equal(passed, []string{"C99", settled.device, "devzzz"}) {
		t.Errorf("%v %v %v", confirmed, passed, err)
	}
}

func TestOneMacWithItsPeople(t *testing.T) {
	o := newOrg(t)
	m, ctx := o.mac(nil), as(access.ReadOnlyAdmin)
	found, err := o.Device(ctx, m.device)
	if err != nil || found.Serial != m.serial || len(found.Accounts) != 1 || !found.Accounts[0].Recovery.Registered {
		t.Errorf("%+v %v", found, err)
	}
	owners, err := o.DeviceUsers(ctx, m.device)
	if err != nil || len(owners) != 1 || owners[0].Login != m.login || !owners[0].Since.Equal(o.now) {
		t.Errorf("%+v %v", owners, err)
	}
	if _, err := o.Account(ctx, m.device, "osazzz"); !errors.Is(err, directory.ErrNotFound) {
		t.Error(err)
	}
}
