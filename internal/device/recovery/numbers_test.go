package recovery

import (
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/lockout"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
)

// TestWhyTheseNumbers recomputes from the constants what recovery-pin-v1 says
// of guessing under the throttle. pkg/recoverypin has the rest of that page.
func TestWhyTheseNumbers(t *testing.T) {
	const codes = 1e8
	// One live device code, three misses each, and in the long run a new one
	// every quarter of an hour.
	aDay := float64(codeMisses) * float64(24*time.Hour/longestCodePause) / codes
	if aDay < 2.85e-6 || aDay > 2.95e-6 {
		t.Errorf("a device-code PIN is guessed with %.3g a day, want 2.9e-6", aDay)
	}
	// While timed PINs are taken.
	streak := float64(missesUntilNoTimed*recoverypin.Candidates) / codes
	if streak < 1.75e-5 || streak > 1.85e-5 {
		t.Errorf("a streak guesses a timed PIN with %.3g, want 1.8e-5", streak)
	}
	if lockout.Misses >= missesUntilNoTimed || lockout.First > lockout.Longest || codePause > longestCodePause {
		t.Error("the throttle gets easier")
	}
}
