package recovery

import (
	"encoding/json"
	"math"
	"time"
)

// limits are what the Mac's effective policy says of recovery.
type limits struct {
	durationMinutes int
	validity        time.Duration
}

// The policy's keys, with their defaults and ranges (design §4).
const (
	durationKey     = "DeviceRecoveryPINDuration"
	defaultDuration = 60
	maxDuration     = 7200
	validityKey     = "DeviceRecoveryValidityInDays"
	defaultValidity = 30
	maxValidity     = 365
)

// limitsOf reads the effective policy that a Mac reported: an object of
// {"value": …, "origin": …} by key. What is missing or out of range is taken
// as its default, as the Mac itself does.
func limitsOf(effective json.RawMessage) limits {
	var values map[string]struct {
		Value any `json:"value"`
	}
	_ = json.Unmarshal(effective, &values)
	number := func(key string, otherwise, most float64) float64 {
		v, ok := values[key].Value.(float64)
		if !ok || v < 1 || v > most {
			return otherwise
		}
		return v
	}
	days := number(validityKey, defaultValidity, maxValidity)
	return limits{
		durationMinutes: int(math.Floor(number(durationKey, defaultDuration, maxDuration))),
		validity:        time.Duration(days * 24 * float64(time.Hour)),
	}
}
