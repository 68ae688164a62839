package attack

import (
	"bytes"
	"crypto/rand"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/trial"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// Whoever has seen a ticket, or makes one up, takes it to the gate: it counts
// once, within a minute, for its own account, in its own process and boot, and
// only until the next conversation begins.
func TestAttackTicketIsReplayed(t *testing.T) {
	m := anEnrolledMac(t)
	finished := func() []byte {
		t.Helper()
		m.passes(time.Minute) // for the phone's next code
		return m.sits(reception()).types(m.code(m.key, 0)).ticket()
	}
	forged := make([]byte, wire.TicketSize)
	_, _ = rand.Read(forged)
	for _, tt := range []struct {
		name, reason string
		offer        func(ticket []byte) (uint32, []byte)
	}{
		{"twice", "ticket_unknown", func(ticket []byte) (uint32, []byte) {
			m.gateSays(reception(), ticket, true, "factor")
			return reception(), ticket
		}},
		{"late", "ticket_expired", func(ticket []byte) (uint32, []byte) {
			m.passes(61 * time.Second)
			return reception(), ticket
		}},
		{"by another uid", "ticket_unknown", func(ticket []byte) (uint32, []byte) { return trial.ITAdmin().UID, ticket }},
		{"after a newer conversation", "ticket_unknown", func(ticket []byte) (uint32, []byte) {
			m.sits(reception()).leaves()
			return reception(), ticket
		}},
		{"made up", "ticket_unknown", func([]byte) (uint32, []byte) { return reception(), forged }},
		{"of zeros", "ticket_unknown", func([]byte) (uint32, []byte) { return reception(), bytes.Repeat([]byte{0}, wire.TicketSize) }},
		{"none", "no_ticket", func([]byte) (uint32, []byte) { return reception(), nil }},
		{"after a restart of the daemon", "ticket_unknown", func(ticket []byte) (uint32, []byte) {
			m.restarts()
			return reception(), ticket
		}},
		{"after a reboot", "ticket_unknown", func(ticket []byte) (uint32, []byte) {
			m.reboots(0)
			return reception(), ticket
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			uid, ticket := tt.offer(finished())
			m.gateSays(uid, ticket, false, tt.reason)
		})
	}
	for _, reason := range []string{"ticket_unknown", "ticket_expired", "no_ticket"} {
		m.tells(evDeny, "reason", reason)
	}
	m.passes(time.Minute)
	m.getsIn()
}

// A wrong ticket at the gate uses the right one up: there is one try for each
// conversation, so that guessing needs a second factor for each guess.
func TestAttackTicketIsGuessed(t *testing.T) {
	m := anEnrolledMac(t)
	ticket := m.sits(reception()).types(m.code(m.key, 0)).ticket()
	near := bytes.Clone(ticket)
	near[15] ^= 1
	m.gateSays(reception(), near, false, "ticket_unknown")
	m.gateSays(reception(), ticket, false, "ticket_unknown")
	m.passes(time.Minute)
	m.getsIn()
}
