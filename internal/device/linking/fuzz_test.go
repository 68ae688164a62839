package linking

import (
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/clock/clocktest"
	"github.com/latchkey-mfa/latchkey/internal/device/events"
	"github.com/latchkey-mfa/latchkey/internal/device/store/storetest"
	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
)

// FuzzLink: a record that cannot be read is an error, and never looks like an
// account that is linked to nobody.
func FuzzLink(f *testing.F) {
	f.Add([]byte(`{"login":"ada@acme.example","subject":"00u1","at":"2026-11-24T09:00:00Z"}`))
	f.Add([]byte(`{`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		records := storetest.With(map[string][]byte{prefix + "ada": raw})
		keeper, err := trustedtime.Open(clocktest.New(), records)
		if err != nil {
			t.Fatal(err)
		}
		journal, err := events.Open(records, keeper)
		if err != nil {
			t.Fatal(err)
		}
		l := New(records, journal, keeper)
		link, linked, err := l.Of("ada")
		if err == nil && !linked {
			t.Errorf("%q is linked to nobody", raw)
		}
		if put := l.Put("bob", "ada@acme.example", "00u1", "OV_Push", ByName); put == nil && (err != nil || link.Subject == "00u1") {
			t.Errorf("beside %q the user was free", raw)
		}
	})
}
