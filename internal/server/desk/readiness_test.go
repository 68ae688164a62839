package desk_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/desk"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/recovery"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
)

// unready is a Mac for each lack, which has that one alone.
func (o *org) unready() map[directory.Lack]mac {
	out := map[directory.Lack]mac{}
	with := func(l directory.Lack, change func(d *directory.Device, a *wire.Account)) { out[l] = o.mac(change) }
	with(directory.LacksFreshSecret, nil)
	o.now = o.now.Add(7*24*time.Hour + time.Microsecond)
	with(directory.LacksConfirmation, func(d *directory.Device, _ *wire.Account) { d.Trust = directory.Reenrolled })
	with(directory.LacksCheckIn, func(d *directory.Device, _ *wire.Account) {
		d.SeenAt, d.Agent, d.ArmedState, d.Effective = time.Time{}, "", "", nil
	})
	with(directory.LacksAgent, func(d *directory.Device, _ *wire.Account) { d.Agent = "1.1.9" })
	with(directory.LacksArming, func(d *directory.Device, _ *wire.Account) { d.ArmedState = "disarmed" })
	with(directory.LacksSecret, func(_ *directory.Device, a *wire.Account) { a.Governed = false })
	return out
}

func TestReadiness(t *testing.T) {
	o := newOrg(t)
	o.MinAgent = "1.2"
	ctx := as(access.ReadOnlyAdmin)
	macs := o.unready()
	o.mac(nil)
	o.mac(func(d *directory.Device, _ *wire.Account) { d.Agent = "1.10.0-beta" })
	o.mac(func(d *directory.Device, _ *wire.Account) {
		d.Status, d.Trust, d.ArmedState, d.Agent = directory.Suspended, directory.Unverified, "", "0.1"
	})
	got, err := o.Readiness(ctx)
	if err != nil || got.Active != 8 || got.Ready != 2 {
		t.Fatalf("%+v %v, want 8 active Macs, 2 of them ready", got, err)
	}
	for _, l := range directory.Lacks() {
		found, err := o.NotReady(ctx, l, directory.Page{Limit: 10})
		if err != nil || got.Lack[l] != 1 || len(found) != 1 || found[0].ID != macs[l].device {
			t.Errorf("%s: counted %d, found %+v %v", l, got.Lack[l], found, err)
		}
	}
	if _, err := o.NotReady(ctx, "tired", directory.Page{Limit: 10}); !errors.As(err, new(*desk.InvalidError)) {
		t.Error(err)
	}
	o.MinAgent = ""
	if got, err = o.Readiness(ctx); err != nil || got.Lack[directory.LacksAgent] != 0 || got.Ready != 3 {
		t.Errorf("%+v %v, want any version welcome", got, err)
	}
}

// lack fails unless Macs of the org have these lacks and no other.
func (o *org) lack(when string, want ...directory.Lack) {
	o.Helper()
	got, err := o.Readiness(as(access.SuperAdmin))
	if err != nil {
		o.Fatal(err)
	}
	var lacks []directory.Lack
	for _, l := range directory.Lacks() {
		if got.Lack[l] != 0 {
			lacks = append(lacks, l)
		}
	}
	if !slices.Equal(lacks, want) {
		o.Errorf("%s: lacks %v, want %v", when, lacks, want)
	}
}

// with changes what is stored of a Mac and its account.
func (o *org) with(m mac, change func(ctx context.Context, tx *sql.Tx, d directory.Device, a directory.Account) error) {
	o.Helper()
	ctx := context.Background()
	o.update(func(tx *sql.Tx) error {
		d, err := directory.DeviceByID(ctx, tx, m.device)
		if err != nil {
			return err
		}
		a, err := directory.AccountByID(ctx, tx, m.device, m.account)
		if err != nil {
			return err
		}
		return change(ctx, tx, d, a)
	})
}

func (o *org) govern(m mac, governed bool) {
	o.with(m, func(ctx context.Context, tx *sql.Tx, d directory.Device, a directory.Account) error {
		_, err := directory.SaveReported(ctx, tx, directory.Report{DeviceID: d.ID, Known: []directory.Account{a}, Accounts: []wire.Account{{GUID: a.GUID, Name: a.Name, Governed: governed}}, Now: o.now})
		return err
	})
}

// What makes a Mac ready, or takes that away, shows at once.
func TestReadinessFollows(t *testing.T) {
	o := newOrg(t)
	ctx, m := as(access.SuperAdmin), o.mac(nil)
	o.lack("as made")
	o.govern(m, false)
	o.lack("not governed", directory.LacksSecret)
	o.govern(m, true)
	o.lack("governed again")
	o.now = o.now.Add(8 * 24 * time.Hour)
	o.lack("a week on", directory.LacksFreshSecret)
	o.with(m, func(ctx context.Context, tx *sql.Tx, d directory.Device, a directory.Account) error {
		_, err := o.Book.Register(ctx, tx, d, a, wire.SecretUpload{GUID: a.GUID, Generation: 2, Key: bytes.Repeat([]byte{2}, recoverypin.SecretSize)})
		return err
	})
	o.lack("with the next secret")
	if _, err := o.SaveSettings(ctx, func(s *desk.Settings) { s.Recovery = false }); err != nil {
		t.Fatal(err)
	}
	o.lack("secrets erased", directory.LacksSecret)
	if _, err := o.ChangeDevice(ctx, m.device, directory.Deactivate); err != nil {
		t.Fatal(err)
	}
	o.lack("deactivated")
}

// A secret is too old exactly when a PIN of it would be refused, whatever a Mac
// reports as its policy.
func TestOldSecretsAreThoseThatMakeNoPINs(t *testing.T) {
	o := newOrg(t)
	m := o.mac(nil)
	o.now = o.now.Add(8 * 24 * time.Hour)
	policies := []string{"", "{}", `{"DeviceRecoveryValidityInDays":7}`, "[]", "null"}
	for _, days := range []string{`7`, `8`, `8.5`, `7.9`, `366`, `365`, `1`, `0.5`, `0`, `-7`, `"7"`, `null`, `true`, `[7]`, `{"value":7}`, `7e0`} {
		policies = append(policies, `{"DeviceRecoveryValidityInDays":{"value":`+days+`,"origin":"forced"}}`)
	}
	for _, policy := range policies {
		o.with(m, func(ctx context.Context, tx *sql.Tx, d directory.Device, _ directory.Account) error {
			d.Effective = []byte(policy)
			return directory.SaveDevice(ctx, tx, &d, o.now)
		})
		_, err := o.Issue(as(access.SuperAdmin), recovery.Request{DeviceID: m.device, AccountID: m.account, Reason: "lost phone"})
		var refusal *recovery.Refusal
		if errors.As(err, &refusal) && refusal.Code == recovery.SecretTooOld {
			o.lack(policy, directory.LacksFreshSecret)
		} else if o.lack(policy); err != nil && refusal == nil {
			t.Error(err)
		}
		o.now = o.now.Add(time.Second)
	}
}

func TestNotReadyByPages(t *testing.T) {
	o := newOrg(t)
	var want, got []string
	for range 7 {
		want = append(want, o.mac(func(d *directory.Device, _ *wire.Account) { d.ArmedState, d.Agent = "disarmed", "1" }).device)
	}
	slices.Sort(want)
	o.MinAgent = "2"
	o.now = o.now.Add(8 * 24 * time.Hour)
	for _, l := range []directory.Lack{directory.LacksArming, directory.LacksAgent, directory.LacksFreshSecret} {
		got = nil
		for p := (directory.Page{Limit: 3}); ; {
			found, err := o.NotReady(as(access.HelpDeskAdmin), l, p)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range found {
				got = append(got, d.ID)
			}
			if len(found) < p.Limit {
				break
			}
			p.After = found[len(found)-1].ID
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", l, got, want)
		}
	}
}

func TestPendingUntilTheMacObeys(t *testing.T) {
	o := newOrg(t)
	m, ctx := o.filled(), as(access.HelpDeskAdmin)
	since := o.now
	if err := o.ResetAccountFactors(ctx, m.device, m.account); err != nil {
		t.Fatal(err)
	}
	o.now = o.now.Add(time.Hour)
	if err := o.VoidPIN(ctx, m.device, m.account, m.pin); err != nil {
		t.Fatal(err)
	}
	o.update(func(tx *sql.Tx) error {
		if err := directory.Order(t.Context(), tx, m.device, wire.CommandDisarm, "", o.now); err == nil {
			t.Error("a disarm without an end is ordered")
		}
		_, _, err := directory.OrderDisarm(t.Context(), tx, m.device, o.now.Add(time.Second))
		return err
	})
	got, err := o.Pending(ctx, m.device)
	if err != nil || len(got) != 3 || got[0].Kind != wire.CommandResetFactors || got[0].Account.ID != m.account || !got[0].Since.Equal(since) ||
		got[1].Kind != wire.CommandEndWindow || !got[1].Since.Equal(o.now) {
		t.Fatalf("%+v %v", got, err)
	}
	o.update(func(tx *sql.Tx) error {
		found, err := directory.Waiting(t.Context(), tx, []string{m.device})
		waiting := found[m.device]
		if err != nil {
			return err
		}
		return directory.Acknowledge(t.Context(), tx, m.device, []string{waiting[0].ID}, o.now)
	})
	if got, err := o.Pending(ctx, m.device); err != nil || len(got) != 2 || got[0].Kind != wire.CommandEndWindow {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := o.Pending(ctx, "devzzz"); !errors.Is(err, directory.ErrNotFound) {
		t.Error(err)
	}
}

func TestSuggest(t *testing.T) {
	o := newOrg(t)
	first, second := o.mac(nil), o.mac(func(d *directory.Device, a *wire.Account) {
		d.Name, a.Name, a.FullName, a.Linked = "Zürich-2", "bob", "Bob  van Ö'Neil-Muster", "Bob@example.com"
	})
	third := o.mac(nil)
	if _, err := o.SetPrelink(as(access.SuperAdmin), third.device, third.account, first.login); err != nil {
		t.Fatal(err)
	}
	for q, want := range map[string][]string{"": {}, " ": {}, "c020001": {first.device}, "C02": {first.device, second.device, third.device}, "mac of AMY0001": {first.device},
		"zür": {second.device}, "BOB@": {second.device}, "bo": {second.device}, "amy0003": {third.device}, "mail.amy0001@EXAMPLE": {third.device},
		"van": {second.device}, "van  ö'n": {second.device}, "BOB VAN Ö": {second.device}, "muster": {}, "b van": {},
		"amy0001@": {third.device}, "020001": {}, "%": {}, "_": {}} {
		found, err := o.Suggest(as(access.ReadOnlyAdmin), q, 10)
		ids := []string{}
		for _, d := range found {
			ids = append(ids, d.ID)
		}
		if err != nil || !slices.Equal(ids, want) {
			t.Errorf("%q finds %v %v, want %v", q, ids, err, want)
		}
	}
	// A name that changed is found as it is now.
	o.with(second, func(ctx context.Context, tx *sql.Tx, d directory.Device, a directory.Account) error {
		_, err := directory.SaveReported(ctx, tx, directory.Report{DeviceID: d.ID, Known: []directory.Account{a}, Accounts: []wire.Account{{GUID: a.GUID, Name: a.Name, FullName: "Bob Example"}}, Now: o.now})
		return err
	})
	for q, want := range map[string]int{"exam": 1, "van": 0} {
		if found, err := o.Suggest(as(access.ReadOnlyAdmin), q, 10); err != nil || len(found) != want {
			t.Errorf("after the change %q finds %d, %v", q, len(found), err)
		}
	}
	if found, err := o.Suggest(as(access.ReadOnlyAdmin), "c02", 2); err != nil || len(found) != 2 {
		t.Errorf("%d found of 2 wanted, %v", len(found), err)
	}
}
