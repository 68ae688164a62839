package trustedtime_test

import (
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/clock/clocktest"
	"github.com/latchkey-mfa/latchkey/internal/device/store/storetest"
	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
)

// FuzzState: whatever the clock's record holds, the keeper either refuses it or
// goes on, and what it then keeps can be opened again; no wait becomes longer
// than it was by a look at it.
func FuzzState(f *testing.F) {
	f.Add([]byte(`{"floor":"2026-11-24T09:00:00Z","at":{"boot":"boot-1","continuous":3600000000000},"offset":1795510800000000000,"source":"wall"}`), int64(time.Hour))
	f.Add([]byte(`{"anchor":{"time":"2027-01-01T00:00:00Z","at":{"boot":"boot-1","continuous":-1}},"at":{"boot":"boot-1"}}`), int64(-1))
	f.Add([]byte(`{"floor":"9999-12-31T23:59:59Z","at":{"boot":"boot-0","continuous":9223372036854775807}}`), int64(1<<62))
	f.Fuzz(func(t *testing.T, raw []byte, length int64) {
		records, clock := storetest.With(map[string][]byte{"clock/state": raw}), clocktest.New()
		k, err := trustedtime.Open(clock, records)
		if err != nil {
			return
		}
		now := k.Now()
		if now.Trusted() == (now.Source == trustedtime.Untrusted) || now.Source == "" {
			t.Errorf("source %q", now.Source)
		}
		wait := now.Begin(time.Duration(length))
		if left := now.Left(wait); left < 0 || left > max(0, time.Duration(length)) {
			t.Errorf("a wait of %d has %d left", length, left)
		}
		if _, err := trustedtime.Open(clock, records); err != nil {
			t.Errorf("what was kept cannot be opened: %v", err)
		}
		clock.Reboot()
		if k, err := trustedtime.Open(clock, records); err == nil {
			if left := k.Now().Left(wait); left > max(0, time.Duration(length)) {
				t.Errorf("a wait of %d has %d left after a reboot", length, left)
			}
		}
	})
}
