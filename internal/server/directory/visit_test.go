package directory_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// What each check-in changes is all that may differ between two that say the
// same: whatever else there is, or comes to a Mac in a later version, is written.
func TestWhatACheckInSaysAnew(t *testing.T) {
	each := []string{"SeenAt", "UpdatedAt", "LastSeq", "LastRequest", "LastAnswer"}
	fields := reflect.TypeFor[directory.Device]()
	for i := range fields.NumField() {
		var d directory.Device
		switch f := reflect.ValueOf(&d).Elem().Field(i); f.Interface().(type) {
		case time.Time:
			f.Set(reflect.ValueOf(epoch()))
		case []wire.PolicyError:
			f.Set(reflect.ValueOf([]wire.PolicyError{{Key: "AdminEmail"}}))
		case json.RawMessage:
			f.Set(reflect.ValueOf(json.RawMessage(`{}`)))
		case uint64:
			f.SetUint(7)
		case bool:
			f.SetBool(true)
		default:
			f.SetString("x")
		}
		name := fields.Field(i).Name
		if got, want := d.SaysTheSame(&directory.Device{}), slices.Contains(each, name); got != want {
			t.Errorf("another %s: says the same is %t, want %t", name, got, want)
		}
	}
	none, empty := directory.Device{}, directory.Device{Effective: json.RawMessage{}, PolicyErrors: []wire.PolicyError{}}
	if !none.SaysTheSame(&empty) || !empty.SaysTheSame(&none) {
		t.Error("no errors, and no errors, are not the same")
	}
}

// Of each Mac its own is written, however many there are, and nothing of others.
func TestSaveVisits(t *testing.T) {
	for _, n := range []int{0, 1, 3, 130} {
		within(t, func(tx *sql.Tx) {
			var macs []directory.Device
			for i := range n + 1 {
				d, err := directory.CreateDevice(t.Context(), tx, directory.Device{UDID: fmt.Sprint("U", i), Serial: fmt.Sprint("S", i), Name: fmt.Sprint("Mac ", i), Trust: directory.Bound, Effective: json.RawMessage(`{}`)}, epoch())
				if err != nil {
					t.Fatal(err)
				}
				macs = append(macs, d)
			}
			now := epoch().Add(time.Hour)
			for i := range n {
				d := &macs[i]
				d.LastSeq, d.LastRequest, d.LastAnswer, d.SeenAt, d.UpdatedAt = uint64(i)+1<<40, fmt.Sprint("request ", i), fmt.Sprint("answer ", i), now, now
			}
			var visits []*directory.Device
			for i := range n {
				visits = append(visits, &macs[i])
			}
			if err := directory.SaveVisits(t.Context(), tx, visits, now); err != nil {
				t.Fatal(err)
			}
			for _, want := range macs {
				got, err := directory.DeviceByID(t.Context(), tx, want.ID)
				if d := cmp.Diff(want, got); err != nil || d != "" {
					t.Fatalf("of %d: %v\n%s", n, err, d)
				}
			}
		})
	}
}

// An account that its Mac reports was seen when the Mac was, without being
// written; one that the Mac has no more, when it was reported last.
func TestWhenAnAccountWasSeen(t *testing.T) {
	within(t, func(tx *sql.Tx) {
		d, err := directory.CreateDevice(t.Context(), tx, directory.Device{UDID: "U", Serial: "S", Trust: directory.Bound}, epoch())
		if err != nil {
			t.Fatal(err)
		}
		amy, bob := wire.Account{GUID: "A", UID: 501, Name: "amy"}, wire.Account{GUID: "B", UID: 502, Name: "bob"}
		hour := func(n int) time.Time { return epoch().Add(time.Duration(n) * time.Hour) }
		for i, step := range []struct {
			reported []wire.Account
			amy, bob time.Time
		}{
			{[]wire.Account{amy, bob}, hour(1), hour(1)},
			{[]wire.Account{amy, bob}, hour(2), hour(2)},
			{[]wire.Account{amy}, hour(3), hour(2)},
			{[]wire.Account{amy}, hour(4), hour(2)},
			{nil, hour(4), hour(2)}, // it lost its store
			{[]wire.Account{bob}, hour(4), hour(6)},
			{[]wire.Account{amy, bob}, hour(7), hour(7)},
		} {
			known, err := directory.Accounts(t.Context(), tx, d.ID)
			if err != nil {
				t.Fatal(err)
			}
			report := directory.Report{DeviceID: d.ID, Known: known, Accounts: step.reported, Before: d.SeenAt, Now: hour(i + 1)}
			saved, err := directory.SaveReported(t.Context(), tx, report)
			if err != nil || len(saved.Changed) != map[bool]int{true: 2}[i == 0] {
				t.Fatalf("%d: %+v %v", i, saved.Changed, err)
			}
			d.SeenAt = report.Now
			kept, err := directory.Accounts(t.Context(), tx, d.ID)
			if diff := cmp.Diff(kept, saved.Known, cmpopts.EquateEmpty()); err != nil || diff != "" {
				t.Errorf("%d: what is said to be known is not what is kept: %v\n%s", i, err, diff)
			}
			for _, a := range kept {
				if want := map[string]time.Time{"amy": step.amy, "bob": step.bob}[a.Name]; !a.LastSeen(d).Equal(want) {
					t.Errorf("%d: %s was seen %s, want %s", i, a.Name, a.LastSeen(d), want)
				}
			}
		}
	})
}

// Macs that are read together have all of their accounts, and each its own, by uid.
func TestAccountsOfSeveralMacs(t *testing.T) {
	within(t, func(tx *sql.Tx) {
		want, ids := map[string][]string{}, []string{"unknown"}
		for i, n := range []int{3, 0, 1, 2} {
			d, err := directory.CreateDevice(t.Context(), tx, directory.Device{UDID: fmt.Sprint("U", i), Serial: fmt.Sprint("S", i), Trust: directory.Bound}, epoch())
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, d.ID)
			var reported []wire.Account
			for k := range n {
				name := fmt.Sprint("amy ", i, k)
				want[d.ID] = append(want[d.ID], name)
				reported = append([]wire.Account{{GUID: fmt.Sprint("G", i, k), UID: uint32(501 + k), Name: name}}, reported...)
			}
			if _, err := directory.SaveReported(t.Context(), tx, directory.Report{DeviceID: d.ID, Accounts: reported, Now: epoch()}); err != nil {
				t.Fatal(err)
			}
		}
		found, err := directory.AccountsOf(t.Context(), tx, ids)
		got := map[string][]string{}
		for id, accounts := range found {
			for _, a := range accounts {
				got[id] = append(got[id], a.Name)
			}
		}
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Errorf("%v\n%s", err, d)
		}
	})
}
