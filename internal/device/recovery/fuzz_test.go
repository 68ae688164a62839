package recovery_test

import (
	"crypto/rand"
	"encoding/json"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/clock/clocktest"
	"github.com/latchkey-mfa/latchkey/internal/device/events"
	"github.com/latchkey-mfa/latchkey/internal/device/recovery"
	"github.com/latchkey-mfa/latchkey/internal/device/store/storetest"
	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
)

// recordKey is where the record of ada is.
const recordKey = "recovery/" + ada

// FuzzRecord: whatever an account's record holds, the PIN screens, the check-in
// and the start of the daemon say what is wrong or work, a wrong PIN is counted
// and lets nobody in.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"current":{"generation":1,"key":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=","since":"2026-11-24T09:00:00Z"},"generation":1,"wait":{},"void_up_to":"0001-01-01T00:00:00Z","code_pause":{},"code_pause_length":0}`))
	f.Add([]byte(`{"current":{"key":"AAEC"},"pending":{"generation":2,"key":""},"code":{"digits":"6393492"}}`))
	f.Add([]byte(`{"window":{"key":"AAEC","digits":"12"},"misses":-1,"wait":{"length":-5,"from":{"boot":"boot-1","continuous":9223372036854775807}}}`))
	f.Add([]byte(`null`))
	f.Add([]byte(`{"generation":18446744073709551615,"code":{"digits":"63934920","from":{"boot":"boot-1","continuous":3600000000000}}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		records := storetest.With(map[string][]byte{recordKey: raw})
		keeper, err := trustedtime.Open(clocktest.New(), records)
		if err != nil {
			t.Fatal(err)
		}
		journal, err := events.Open(records, keeper)
		if err != nil {
			t.Fatal(err)
		}
		r := recovery.New(records, journal, keeper, rand.Reader)
		_ = r.EnterBoot()
		_, _ = r.State(ada)
		_, _ = r.Uploads(30 * 24 * time.Hour)
		_, _, _ = r.Window(ada, time.Hour)
		code, _, _, codeErr := r.DeviceCode(ada)
		if codeErr == nil && !code.IsZero() && len(code.Digits()) != 8 {
			t.Errorf("device code %q", code.Digits())
		}
		before := misses(t, records)
		verdict, err := r.Try(ada, wrong(1), time.Hour)
		if verdict.Accepted() {
			t.Errorf("a PIN that no secret made was accepted: %+v", verdict)
		}
		if err == nil && verdict.Result == recovery.Wrong && misses(t, records) <= before {
			t.Errorf("a miss left the count at %d", before)
		}
		_ = r.Sweep(time.Hour)
		_ = r.Off()
	})
}

// misses is what the record counts, -1 where it cannot be read.
func misses(t *testing.T, records *storetest.Memory) int {
	t.Helper()
	raw, _ := records.Read(recordKey)
	var rec struct {
		Misses int `json:"misses"`
	}
	if json.Unmarshal(raw, &rec) != nil {
		return -1
	}
	return rec.Misses
}
