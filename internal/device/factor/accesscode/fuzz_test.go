package accesscode

import (
	"context"
	"errors"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/clock/clocktest"
	"github.com/latchkey-mfa/latchkey/internal/device/events"
	"github.com/latchkey-mfa/latchkey/internal/device/factor"
	"github.com/latchkey-mfa/latchkey/internal/device/store/storetest"
	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// FuzzRecord: whatever an account's record holds, a code that no key made gets
// nobody in, and a record that cannot be read never looks like no factor.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"phones":[{"id":"oc01","key":"MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=","at":"2026-11-24T09:00:00Z","last_step":1}],"wait":{}}`), "123456")
	f.Add([]byte(`{"phones":[{"id":"oc01","key":""},{}],"misses":-3}`), "000000")
	f.Add([]byte(`{"phones":[{"id":"oc01"}],"misses":20,"wait":{"length":60000000000,"from":{"boot":"boot-1"}}}`), "12 34-56")
	f.Add([]byte(`{`), "x")
	f.Fuzz(func(t *testing.T, raw []byte, typed string) {
		records := storetest.With(map[string][]byte{prefix + ada.GUID: raw})
		clock := clocktest.New()
		keeper, err := trustedtime.Open(clock, records)
		if err != nil {
			t.Fatal(err)
		}
		journal, err := events.Open(records, keeper)
		if err != nil {
			t.Fatal(err)
		}
		a := New(records, journal, keeper, func() string { return "Mac" }, func() string { return "acme.example" })
		rec, unreadable := a.load(ada.GUID)
		if enrolled, why := a.Ready(context.Background(), ada); unreadable != nil && (!enrolled || why == "") {
			t.Errorf("an unreadable record is %v, %q", enrolled, why)
		}
		asked := 0
		gone := errors.New("the person has left")
		outcome, err := a.Run(context.Background(), ada, func(context.Context, wire.Screen) (wire.Act, error) {
			if asked++; asked > 1 {
				return wire.Act{}, gone
			}
			return wire.Act{Values: map[string]string{"code": typed}}, nil
		})
		if err == nil && outcome.Result == factor.Verified && (unreadable != nil || !rec.enrolled()) {
			t.Errorf("%q got somebody in: %+v", typed, rec)
		}
		if after, err := a.load(ada.GUID); unreadable == nil && err != nil {
			t.Errorf("wrote a record that cannot be read: %v", err)
		} else if outcome.Result != factor.Verified && after.Misses < rec.Misses {
			t.Errorf("%d misses became %d", rec.Misses, after.Misses)
		}
		_, _ = a.List(ada.GUID)
		_, _ = a.RemoveOlder(ada.GUID, "test")
		_, _ = a.Remove(ada.GUID, "", "test")
		_ = a.EnterBoot()
	})
}
