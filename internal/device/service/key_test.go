package service_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/trial/softkey"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// TestASecurityKeyOfTheMac is set up in the grace, asked for at each login,
// listed, and removed like any
// other factor.
func TestASecurityKeyOfTheMac(t *testing.T) {
	m := newMac(t).start()
	key, err := softkey.Plug(filepath.Join(m.root, "keys"), "a", softkey.Options{})
	m.ok(err)
	t.Cleanup(func() { _ = key.Close() })
	l := m.login(ada).shows(wire.KindGrace).act(wire.ActionSubmit, "Offline_Security_key", nil).shows(wire.KindKey)
	m.gateSays(ada, l.done(wire.ResultContinue), true, "enrolment")
	m.restart()
	m.clock.Run(time.Minute)
	l = m.login(ada).shows(wire.KindChoose).act(wire.ActionSubmit, "Offline_Security_key", nil).shows(wire.KindKey)
	m.gateSays(ada, l.done(wire.ResultContinue), true, "factor")

	var list wire.FactorsReply
	m.ok(m.control(wire.MsgFactorsList, wire.Dictionary{"guid": "ada"}, &list))
	if len(list.Accounts) != 1 || len(list.Accounts[0].Factors) != 1 || list.Accounts[0].Factors[0].Kind != "Offline_Security_key" {
		t.Fatalf("factors.list: %+v", list)
	}
	m.ok(m.control(wire.MsgFactorsRemove, wire.Dictionary{"guid": adaGUID, "id": list.Accounts[0].Factors[0].ID}, nil))
	m.login(ada).shows(wire.KindLocked)
}
