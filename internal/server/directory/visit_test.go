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
