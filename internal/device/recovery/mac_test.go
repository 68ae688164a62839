package recovery_test

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/clock/clocktest"
	"github.com/latchkey-mfa/latchkey/internal/device/events"
	"github.com/latchkey-mfa/latchkey/internal/device/recovery"
	"github.com/latchkey-mfa/latchkey/internal/device/store/storetest"
	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
)

const (
	ada = "11111111-1111-1111-1111-111111111111"
	bob = "22222222-2222-2222-2222-222222222222"
)

// mac is a device with its server's copy of the secrets, on a real store.
type mac struct {
	t       *testing.T
	clock   *clocktest.Clock
	records *storetest.Store
	keeper  *trustedtime.Keeper
	journal *events.Journal
	*recovery.Recovery
	secrets map[string]recoverypin.Secret // as the server has them
}

func newMac(t *testing.T) *mac {
	m := &mac{t: t, clock: clocktest.New(), records: storetest.New(t), secrets: map[string]recoverypin.Secret{}}
	m.restart()
	for _, guid := range []string{ada, bob} {
		m.ok(m.Register(guid))
	}
	m.checkIn()
	return m
}

func (m *mac) ok(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// restart is a new process on the same disk.
func (m *mac) restart() {
	m.t.Helper()
	var err error
	m.keeper, err = trustedtime.Open(m.clock, m.records)
	m.ok(err)
	m.journal, err = events.Open(m.records, m.keeper)
	m.ok(err)
	m.Recovery = recovery.New(m.records, m.journal, m.keeper, rand.Reader)
	m.ok(m.EnterBoot())
}

// checkIn hands the pending secrets to the server, which confirms them.
func (m *mac) checkIn() []wire.SecretUpload {
	m.t.Helper()
	m.ok(m.keeper.Anchor(m.clock.Wall(), m.clock.Continuous(), m.clock.Continuous()))
	uploads, err := m.Uploads(30 * 24 * time.Hour)
	m.ok(err)
	var results []wire.SecretResult
	for _, u := range uploads {
		m.secrets[u.GUID] = recoverypin.Secret(u.Key)
		results = append(results, wire.SecretResult{GUID: u.GUID, Generation: u.Generation, Result: wire.SecretConfirmed})
	}
	m.ok(m.Results(results))
	return uploads
}

// issue is the PIN that the server shows now.
func (m *mac) issue() string { return recoverypin.Timed(m.secrets[ada], m.clock.Wall()).Digits() }

// answer is the PIN for the device code that the screen shows.
func (m *mac) answer() string {
	m.t.Helper()
	code, _, wait, err := m.DeviceCode(ada)
	m.ok(err)
	if code.IsZero() {
		m.t.Fatalf("no device code is shown; the next in %s", wait)
	}
	return recoverypin.ForDeviceCode(m.secrets[ada], code).Digits()
}

// wrong is a PIN with a right check digit that no secret made.
func wrong(n int) string {
	for i := n * 7919; ; i++ {
		var digits [9]byte
		for d, rest := 7, i*10007+12345678; d >= 0; d, rest = d-1, rest/10 {
			digits[d] = '0' + byte(rest%10)
		}
		for c := byte('0'); c <= '9'; c++ {
			digits[8] = c
			if _, err := recoverypin.ParsePIN(string(digits[:])); err == nil {
				return string(digits[:])
			}
		}
	}
}

func (m *mac) try(guid, typed string) recovery.Verdict {
	m.t.Helper()
	v, err := m.Try(guid, typed, time.Hour)
	m.ok(err)
	return v
}

func (m *mac) want(typed string, want recovery.Result) recovery.Verdict {
	m.t.Helper()
	v := m.try(ada, typed)
	if v.Result != want {
		m.t.Fatalf("result %d, want %d (%+v)", v.Result, want, v)
	}
	return v
}

func (m *mac) eventTypes() []string {
	m.t.Helper()
	list, err := m.journal.Pending(1000)
	m.ok(err)
	var out []string
	for _, e := range list {
		out = append(out, e.Type)
	}
	return out
}
