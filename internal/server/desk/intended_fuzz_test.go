package desk

import (
	"encoding/json"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/policy"
)

// FuzzDifferences: whatever a Mac reports of its policy, each key that is
// intended differs once at most.
func FuzzDifferences(f *testing.F) {
	f.Add([]byte(`{"DeviceRecoveryPINDuration":{"value":60,"origin":"forced"}}`))
	f.Add([]byte(`{"DeviceRecoveryPINDuration":null}`))
	f.Add([]byte(`[1]`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		in := Intended{Values: map[string]policy.Reported{"DeviceRecoveryPINDuration": {Value: 60.0}, "AllowedFactors": {Value: []any{"*"}}}}
		if found := in.Differences(json.RawMessage(raw)); len(found) > len(in.Values) {
			t.Errorf("%q: %+v", raw, found)
		}
	})
}
