package recovery

import (
	"testing"
	"time"
)

// FuzzLimits: whatever a Mac says of its policy, a PIN's limits are within the
// ranges of the policy's keys.
func FuzzLimits(f *testing.F) {
	f.Add([]byte(`{"DeviceRecoveryPINDuration":{"value":60},"DeviceRecoveryValidityInDays":{"value":30}}`))
	f.Add([]byte(`{"DeviceRecoveryPINDuration":{"value":1e308},"DeviceRecoveryValidityInDays":{"value":-1}}`))
	f.Add([]byte(`{"DeviceRecoveryPINDuration":7}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, effective []byte) {
		l := limitsOf(effective)
		if l.durationMinutes < 1 || l.durationMinutes > maxDuration || l.validity < 24*time.Hour || l.validity > maxValidity*24*time.Hour {
			t.Errorf("%s gives %+v", effective, l)
		}
	})
}

// FuzzActivation: of an activation's detail comes a time that the database can
// be asked for, and what the Mac said as it said it.
func FuzzActivation(f *testing.F) {
	f.Add("time", "1795510800", "")
	f.Add("time", "2026-11-24T09:00:00Z", "")
	f.Add("device_code", "", "63934920")
	f.Add("time", "-9223372036854775808", "x")
	f.Fuzz(func(t *testing.T, method, issued, code string) {
		at := time.Unix(1, 0)
		v := ActivationFrom(map[string]string{"method": method, "issued_at": issued, "device_code": code}, at)
		if v.Method != method || v.DeviceCode != code || !v.At.Equal(at) {
			t.Errorf("%+v", v)
		}
		_ = v.IssuedAt.Unix()
	})
}
