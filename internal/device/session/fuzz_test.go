package session_test

import (
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/session"
	"github.com/latchkey-mfa/latchkey/internal/device/store/storetest"
)

// FuzzAccountRecord: a record that can be read keeps its first governed login,
// or an earlier one; one that cannot be read is an error, not a new account,
// whose grace would begin again.
func FuzzAccountRecord(f *testing.F) {
	f.Add([]byte(`{"uid":501,"name":"ada","full_name":"Ada","first_governed_at":"2026-11-24T09:00:00Z","had_factor":true,"offline_from":"2026-11-24T09:00:00Z","news":["n"]}`))
	f.Add([]byte(`{"first_governed_at":"0001-01-01T00:00:00Z"}`))
	f.Add([]byte(`{"uid":-1}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := &session.Manager{Records: storetest.With(map[string][]byte{"accounts/guid": raw})}
		before, err := m.Accounts()
		later := time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)
		if told := m.Remember("guid", later); (told == nil) != (err == nil) && err != nil {
			t.Fatalf("read: %v, remember: %v", err, told)
		}
		if err != nil {
			return
		}
		first := before["guid"].FirstGovernedAt
		after, err := m.Accounts()
		if err != nil {
			t.Fatal(err)
		}
		if got := after["guid"]; !first.IsZero() && got.FirstGovernedAt.After(first) || got.HadFactor != before["guid"].HadFactor {
			t.Errorf("%+v became %+v", before["guid"], got)
		}
	})
}
