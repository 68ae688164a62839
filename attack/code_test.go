package attack

import (
	"testing"
	"time"
)

const (
	usedAlready = "That code was used already"
	notRight    = "That code is not right"
)

// Somebody looked over a shoulder and types the same code again, or the one
// before: at once, after a crash of the daemon, after a reboot with the clock
// set back to where the code was good.
func TestAttackAccessCodeIsReplayed(t *testing.T) {
	m := anEnrolledMac(t)
	refuses := func(code, words string) {
		t.Helper()
		m.sits(reception()).types(code).says(words).leaves()
		m.gateSays(reception(), nil, false, "no_ticket")
	}
	m.Network(false) // what the Mac knows of the time is its own clock's
	earlier, used := m.code(m.key, -1), m.code(m.key, 0)
	m.gateSays(reception(), m.sits(reception()).types(used).ticket(), true, "factor")
	refuses(used, usedAlready)
	refuses(earlier, usedAlready)
	m.restarts()
	refuses(used, usedAlready)
	m.reboots(-time.Minute) // which is the minute that the reboot took
	refuses(used, usedAlready)
	m.Network(true)
	m.tells(evFactorDeny, "reason", "replayed")
	m.passes(2 * time.Minute)
	m.getsIn()
	m.passes(2 * time.Minute)
	refuses(used, notRight)
	m.passes(time.Minute)
	m.getsIn()
}
