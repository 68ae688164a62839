package attack

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/trial"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

const day = 24 * time.Hour

// setsClock moves the Mac's wall clock alone, as a person in the settings or a
// false time server does. Continuous clock and server run on.
func (m *mac) setsClock(d time.Duration) {
	m.t.Helper()
	raw, err := os.ReadFile(m.Clocks.Device)
	m.ok(err)
	var shift map[string]any
	m.ok(json.Unmarshal(raw, &shift))
	wall, _ := shift["wall_s"].(float64)
	shift["wall_s"] = wall + d.Seconds()
	raw, err = json.Marshal(shift)
	m.ok(err)
	m.ok(os.WriteFile(m.Clocks.Device+".set", raw, 0o644))
	m.ok(os.Rename(m.Clocks.Device+".set", m.Clocks.Device))
}

func (m *mac) clockIs(want string) {
	m.t.Helper()
	s, err := m.Status()
	m.ok(err)
	if s.Clock != want {
		m.t.Errorf("the clock is %s, want %s", s.Clock, want)
	}
}

// Once the Mac has heard from its server, in this boot, no clock that anybody
// can set counts: no old PIN or code comes back, no wait, window or grace ends.
func TestAttackClockIsSetWhileAnchored(t *testing.T) {
	m := anEnrolledMac(t)
	m.clockIs("anchored")
	oldPIN, oldCode := m.readAloud(), m.code(m.key, 0)
	m.passes(10 * time.Minute)
	for _, by := range []time.Duration{-10 * time.Minute, -day, 400 * day, 20 * 365 * day} {
		m.setsClock(by)
		m.clockIs("anchored")
		m.refusesPIN(reception(), oldPIN, notGood)
		m.sits(reception()).types(oldCode).says(notRight).leaves()
		m.setsClock(-by)
		m.passes(2 * time.Minute)
		m.getsInByPIN() // which also ends the streaks
		m.passes(2 * time.Hour)
		m.getsIn()
	}
	m.setsClock(400 * day)
	m.getsInByPIN()
	m.passes(59 * time.Minute)
	if a, err := m.Account(trial.Reception()); err != nil || a.WindowLeftSeconds < 1 || a.WindowLeftSeconds > 120 {
		t.Errorf("the window has %d seconds left after 59 minutes, %v", a.WindowLeftSeconds, err)
	}
	m.passes(2 * time.Minute)
	m.setsClock(-401 * day)
	if a, err := m.Account(trial.Reception()); err != nil || a.WindowLeftSeconds != 0 {
		t.Errorf("the window has %d seconds left after 61 minutes, %v", a.WindowLeftSeconds, err)
	}
}

// The thief keeps the Mac off the network and starts it with the clock set back
// to where an overheard PIN, a code, the window or the grace was good. The Mac
// knows that it was later once, and takes nothing that depends on the time.
func TestAttackClockIsSetBackBeforeTheStart(t *testing.T) {
	m := anEnrolledMac(t)
	m.sits(trial.ITAdmin().UID).leaves() // whose grace begins
	overheard, seen := m.readAloud(), m.code(m.key, 0)
	window := m.getsInByPIN()
	m.passes(13 * time.Hour)
	m.ok(m.CheckIn(trial.Reception()))
	m.Network(false)
	m.reboots(-13 * time.Hour)
	m.clockIs("untrusted")
	m.refusesPIN(reception(), overheard, notGood)
	m.refusesPIN(reception(), window, expired)
	s := m.sits(reception())
	s.says("not sure of the time").leaves()
	if s.screen.Kind == wire.KindCode {
		t.Errorf("a code is asked for: %s", seen)
	}
	grace := m.sits(trial.ITAdmin().UID)
	if grace.leaves(); grace.screen.Kind != wire.KindLocked {
		t.Errorf("the grace is back: %q", grace.screen.Title)
	}
	// The right person calls, and the PIN for the device code opens the Mac.
	s = m.sits(reception()).toContact()
	m.gateSays(reception(), s.typesPIN(m.readAloud("--device-code", s.deviceCode())).later().ticket(), true, "factor")
	m.Network(true)
	m.tells(evRollback, "to", "untrusted")
	m.clockIs("anchored")
	m.passes(time.Minute)
	m.getsIn()
}

// The same forward: waits do not end, and what is ended early (periods, the
// window) is ended, never lengthened, when the clock comes back.
func TestAttackClockIsSetForwardBeforeTheStart(t *testing.T) {
	m := anEnrolledMac(t)
	overheard := m.getsInByPIN()
	for range 5 {
		m.sits(reception()).types(m.wrongCode()).leaves()
	}
	m.sits(reception()).says("You can try again in").leaves()
	m.Network(false)
	m.reboots(day)
	m.clockIs("wall")
	m.sits(reception()).says("You can try again in").leaves()
	m.refusesPIN(reception(), overheard, expired)
	m.setsClock(-day)
	m.clockIs("untrusted")
	m.refusesPIN(reception(), overheard, expired)
	m.reboots(0) // at the right time, below what the Mac was made to believe
	m.clockIs("untrusted")
	m.refusesPIN(reception(), overheard, expired)
	m.Network(true)
	m.tells(evRollback, "to", "untrusted")
	m.passes(time.Minute)
	m.getsIn() // and the server has put the Mac's time right
}

// A false time server moves the clock of a Mac that runs and has not heard from
// its server since it was started.
func TestAttackFalseTimeServer(t *testing.T) {
	m := anEnrolledMac(t)
	overheard := m.readAloud()
	m.passes(10 * time.Minute)
	m.Network(false)
	m.reboots(0)
	m.clockIs("wall")
	m.passes(10 * time.Minute)
	for _, by := range []time.Duration{-20 * time.Minute, 31 * time.Second, 30 * day} {
		m.setsClock(by)
		m.clockIs("untrusted")
		m.refusesPIN(reception(), overheard, notGood)
		m.sits(reception()).says("not sure of the time").leaves()
		m.setsClock(-by)
		m.clockIs("wall")
	}
	m.getsIn() // the clock agrees again
	m.setsClock(-20 * time.Minute)
	m.Network(true)
	m.tells(evRollback, "to", "untrusted")
	m.passes(time.Minute)
	m.getsIn()
}
