package attack

import (
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/factor/offlinekey"
	"github.com/latchkey-mfa/latchkey/internal/trial"
	"github.com/latchkey-mfa/latchkey/internal/trial/softkey"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// plugs plugs a new key in.
func (m *mac) plugs(name string) *softkey.Key {
	m.t.Helper()
	key, err := softkey.Plug(m.Keys(), name, softkey.Options{})
	m.ok(err)
	m.t.Cleanup(func() { _ = key.Close() })
	return key
}

// byKey is the password, and the key that is plugged in: it is touched at once.
func (m *mac) byKey() *seat {
	m.t.Helper()
	s := m.sits(reception())
	if s.done == nil && !s.screen.Busy && len(s.screen.Choices) > 0 {
		s.act(wire.ActionSubmit, offlinekey.Kind, nil)
	}
	for s.done == nil && s.screen.Busy {
		s.next()
	}
	return s
}

// TestAttackSecurityKeyIsCopied: whoever has the password and a copy of the key
// gets in until the owner's key comes next; then it is closed for both, and the
// org knows. A key of the thief's own gets nobody in.
func TestAttackSecurityKeyIsCopied(t *testing.T) {
	m := aMac(t, trial.Options{})
	owners := m.plugs("owners")
	m.gateSays(reception(), m.byKey().ticket(), true, "enrolment")
	m.ok(m.CheckIn(trial.Reception()))
	m.passes(time.Minute)

	m.ok(owners.Pull())
	thiefs := m.plugs("thiefs")
	m.byKey().says("This key is not set up for you here").leaves()
	m.ok(thiefs.Pull())

	copied, err := owners.Clone(m.Keys(), "copy")
	m.ok(err)
	defer copied.Close()
	for range 2 {
		m.gateSays(reception(), m.byKey().ticket(), true, "factor")
	}
	m.ok(copied.Pull())
	m.ok(owners.PutIn())
	m.byKey().says("There seems to be a copy of this key, so it is closed").leaves()
	m.sits(reception()).says("There seems to be a copy of this key, so it is closed").leaves()
	m.tells(evFactorDeny, "reason", "key_not_theirs")
	m.tells(evFactorDeny, "reason", "key_cloned")
	m.tells(evFactorLock, "reason", "key_cloned")
	m.getsInByPIN()
}
