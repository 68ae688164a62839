package managedprefs

import (
	"testing"
	"time"
)

// FuzzRestore: the last good profile of the store is in force, or refused with
// a reason; what is in force came from a profile that is good.
func FuzzRestore(f *testing.F) {
	f.Add([]byte(profile("")))
	f.Add([]byte(profile("<key>DeviceRecoveryPINDuration</key><integer>0</integer>")))
	f.Add([]byte("bplist00"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s := New(t.TempDir(), Options{Clock: running{time.Now()}})
		err := s.Restore(raw)
		last := s.Last()
		if err == nil && (last.Policy == nil || last.Policy.OrgURL.V == "") || err != nil && last.Policy != nil {
			t.Errorf("%v with %+v", err, last)
		}
	})
}
