package events_test

import (
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/clock/clocktest"
	"github.com/latchkey-mfa/latchkey/internal/device/events"
	"github.com/latchkey-mfa/latchkey/internal/device/store/storetest"
	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
)

// FuzzQueue: a queue either cannot be read, and says so, or takes one more
// event, delivers all of them, and is empty then.
func FuzzQueue(f *testing.F) {
	f.Add("00000000000000000007", []byte(`{"id":"a","type":"x","at":"2026-11-24T09:00:00Z","detail":{"k":"v"}}`))
	f.Add("18446744073709551615", []byte(`{"id":"a"}`))
	f.Add("-1", []byte(`{}`))
	f.Add("x", []byte(`[]`))
	f.Fuzz(func(t *testing.T, number string, raw []byte) {
		records := storetest.With(map[string][]byte{"events/" + number: raw})
		keeper, err := trustedtime.Open(clocktest.New(), records)
		if err != nil {
			t.Fatal(err)
		}
		j, err := events.Open(records, keeper)
		if err != nil {
			return
		}
		if err := j.Record(events.ClockTrusted, "guid", "k", "v"); err != nil {
			t.Fatal(err)
		}
		pending, err := j.Pending(10)
		if err != nil || len(pending) == 0 {
			t.Fatalf("pending %v, %v", pending, err)
		}
		var ids []string
		for _, e := range pending {
			ids = append(ids, e.ID)
		}
		if err := j.Delivered(ids); err != nil {
			t.Fatal(err)
		}
		if left, err := j.Pending(10); err != nil || len(left) != 0 || j.Queued() != 0 {
			t.Errorf("of %q %v is left, %d queued, %v", number, left, j.Queued(), err)
		}
	})
}
