package attack

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/trial"
)

// copied keeps a copy of the Mac's store, as a backup or a thief with the disk
// has it, and returns what puts it back.
func (m *mac) copied() (putBack func()) {
	m.t.Helper()
	file := filepath.Join(m.State(), "store.db")
	m.Daemon.Stop()
	raw, err := os.ReadFile(file)
	m.ok(err)
	m.ok(m.StartDaemon())
	return func() {
		m.t.Helper()
		m.Daemon.Stop()
		m.ok(os.WriteFile(file, raw, 0o600))
		m.ok(m.StartDaemon())
	}
}

// Somebody puts an earlier state of the store back, in which a PIN was not used
// yet and a streak of misses had not begun. The next check-in shows it: the
// event is there, and nothing that the copy knew of secrets is of use.
func TestAttackStoreIsRestored(t *testing.T) {
	m := anEnrolledMac(t)
	putBack := m.copied()
	used := m.getsInByPIN()
	next := guesser()
	for range 4 {
		m.sits(reception()).typesPIN(next()).says(notGood).leaves()
	}
	m.ok(m.CheckIn(trial.Reception()))
	before := m.generation()
	m.passes(3 * time.Minute) // the PIN is older than a fresh one may be
	putBack()
	m.tellsOf("store.restored")
	m.tellsOf("check_in.sequence_back")
	m.ok(m.CheckIn(trial.Reception()))
	if after := m.generation(); after <= before {
		t.Errorf("the secret is of generation %d, before it was %d", after, before)
	}
	m.refusesPIN(reception(), used, notGood)
	if rejected := len(m.events(evPINReject)); rejected < 4 {
		t.Errorf("the server has %d of 4 misses that the copy does not know", rejected)
	}
	m.getsInByPIN()
}

// The copy is of the time before anything was set up, when the grace had just
// begun. The server knows when it did, so that it does not begin again.
func TestAttackStoreIsRestoredForItsGrace(t *testing.T) {
	m := aMac(t, trial.Options{})
	putBack := m.copied()
	m.enrols()
	m.ok(m.CheckIn(trial.Reception()))
	m.passes(49 * time.Hour)
	m.ok(m.CheckIn(trial.Reception()))
	putBack()
	m.tellsOf("store.restored")
	m.withPasswordAlone()
	_ = m.reported(evDeny) // with the secret that the account has now, which the server has an older one of
	m.ok(m.CheckIn(trial.Reception()))
	m.getsInByPIN()
}

// withPasswordAlone is who has nothing else: no screen can be skipped, no
// factor be set up, and the gate stays shut.
func (m *mac) withPasswordAlone() {
	m.t.Helper()
	s := m.sits(reception())
	defer s.leaves()
	for _, act := range s.screen.Actions {
		if act.ID == "skip" {
			m.t.Errorf("the screen %q can be skipped", s.screen.Title)
		}
	}
	if s.screen.QR != "" || s.screen.Kind == "enrol" || s.screen.Kind == "grace" {
		m.t.Errorf("a factor can be set up: %q", s.screen.Title)
	}
	m.gateSays(reception(), nil, false, "no_ticket")
}
