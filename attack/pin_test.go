package attack

import (
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/trial"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

const (
	notGood = "This PIN is not good here and now"
	expired = "This PIN has expired"
)

func (m *mac) readAloud(more ...string) string {
	m.t.Helper()
	pin, err := m.ReadAloud(trial.Reception(), more...)
	m.ok(err)
	return pin
}

// refusesPIN is who has the password and a PIN that is not for here and now.
func (m *mac) refusesPIN(uid uint32, pin, words string) {
	m.t.Helper()
	s := m.sits(uid).typesPIN(pin).says(words)
	defer s.leaves()
	if s.screen.Kind != wire.KindContact {
		m.t.Errorf("the PIN leads to %q", s.screen.Title)
	}
	m.gateSays(uid, nil, false, "no_ticket")
}

// Somebody stood beside the caller and wrote the PIN down.
func TestAttackTimedPINIsReplayed(t *testing.T) {
	m := anEnrolledMac(t)
	other := anotherMac(t)
	m.sits(trial.ITAdmin().UID).leaves() // the other account's secret is made, too
	m.ok(m.CheckIn(trial.ITAdmin()))

	unused := m.readAloud()
	m.passes(3 * time.Minute)
	m.refusesPIN(reception(), unused, notGood)

	first := m.readAloud()
	used := m.getsInByPIN()
	m.refusesPIN(reception(), first, notGood) // of the same minute, and older than the one that was taken
	m.refusesPIN(trial.ITAdmin().UID, used, notGood)
	other.refusesPIN(reception(), used, "")
	m.gateSays(reception(), m.sits(reception()).typesPIN(used).later().ticket(), true, "factor") // in its window

	m.passes(time.Hour)
	m.refusesPIN(reception(), used, expired)
	m.tells(evPINReject, "reason", "expired")
	m.tells(evPINReject, "misses", "1")
	m.getsInByPIN()
	m.refusesPIN(reception(), used, expired) // also while a later PIN's window is open
}

// anotherMac has an account of the same name and GUID, as a Mac that was set
// up from an image has.
func anotherMac(t *testing.T) *mac {
	t.Helper()
	w := &mac{World: programs.Started(t, trial.Options{OwnOrg: true}), t: t}
	w.sits(reception()).leaves()
	w.ok(w.CheckIn(trial.Reception()))
	return w
}

// The PIN was made for the device code on the screen: it is worth nothing with
// another code there, nor with the same one a quarter of an hour later.
func TestAttackDeviceCodePINIsReplayed(t *testing.T) {
	m := anEnrolledMac(t)
	forCode := func() string {
		t.Helper()
		m.passes(time.Minute) // no two codes within one, a reboot between them or not
		s := m.sits(reception()).toContact()
		defer s.leaves()
		if s.deviceCode() == "" {
			t.Fatalf("no device code is shown: %+v", s.screen.Facts)
		}
		return m.readAloud("--device-code", s.deviceCode())
	}
	late := forCode()
	m.passes(15*time.Minute + time.Second)
	m.refusesPIN(reception(), late, notGood)

	used := forCode()
	m.refusesPIN(trial.ITAdmin().UID, used, "")
	m.gateSays(reception(), m.sits(reception()).typesPIN(used).later().ticket(), true, "factor")
	m.passes(time.Hour)
	m.refusesPIN(reception(), used, expired)
	m.reboots(0)
	m.refusesPIN(reception(), used, expired)

	rebooted := forCode()
	m.reboots(0)
	m.refusesPIN(reception(), rebooted, notGood)
	fresh := forCode()
	m.gateSays(reception(), m.sits(reception()).typesPIN(fresh).later().ticket(), true, "factor")
	m.tells(evActivate, "method", "device_code")
}
