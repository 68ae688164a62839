package attack

import (
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/trial"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

// Somebody has the password and wants a factor of their own on the account:
// there is no way to one beside the owner's, nor after a reset.
func TestAttackEnrolmentIsHijacked(t *testing.T) {
	m := anEnrolledMac(t)
	m.withPasswordAlone()
	_, err := m.Desk(trial.Admin, "device", "reset-factors", "--device", trial.MachineSerial, "--user", trial.Reception().Name)
	m.ok(err)
	m.ok(m.CheckIn(trial.Reception()))
	m.tells("enrollment.delete", "reason", "reset")
	m.withPasswordAlone() // well inside the first 48 hours, and all the same
	m.passes(time.Minute)

	// The owner calls, and sets a phone up with the PIN; the thief, who has
	// heard it, can use it inside its window only, and cannot add a phone later.
	pin := m.readAloud()
	key, s := m.sits(reception()).typesPIN(pin).setsUp()
	m.key = key
	m.gateSays(reception(), s.ticket(), true, "enrolment")
	m.passes(2 * time.Hour)
	m.refusesPIN(reception(), pin, expired)
	m.withPasswordAlone()
	m.getsIn()
}

// In the first grace the password is enough, so the thief can be first. The
// owner is told at the next login, the server has the event, and one call takes
// the factor away, with no new grace for anybody.
func TestAttackEnrolmentInTheGrace(t *testing.T) {
	m := aMac(t, trial.Options{})
	m.enrols() // the thief's phone
	thief := m.key
	m.tells("enrollment.create", "kind", "Offline_TOTP")
	m.ok(m.CheckIn(trial.Reception()))
	m.sits(reception()).says("A second factor was set up for you").leaves()
	_, err := m.Desk(trial.Admin, "device", "reset-factors", "--device", trial.MachineSerial, "--user", trial.Reception().Name)
	m.ok(err)
	m.ok(m.CheckIn(trial.Reception()))
	m.passes(time.Minute)
	m.withPasswordAlone()
	key, s := m.sits(reception()).typesPIN(m.readAloud()).setsUp()
	m.key = key
	m.gateSays(reception(), s.ticket(), true, "enrolment")
	m.passes(time.Minute)
	m.typesOf(thief)
	m.passes(2 * time.Minute)
	m.getsIn()
}

// typesOf types the code of another phone.
func (m *mac) typesOf(key totp.Key) {
	m.t.Helper()
	s := m.sits(reception()).types(m.code(key, 0)).says(notRight)
	defer s.leaves()
	if s.done != nil || s.screen.Kind != wire.KindCode {
		m.t.Errorf("another phone's code leads to %q", s.screen.Title)
	}
}
