package session

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/events"
	"github.com/latchkey-mfa/latchkey/internal/device/factor"
	"github.com/latchkey-mfa/latchkey/internal/device/login"
	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// ticketLife is how long a finished conversation can be taken to the gate.
const ticketLife = 60 * time.Second

// ticket is what a finished conversation leaves. It lives in memory alone: one
// of an earlier process or boot is worth nothing.
type ticket struct {
	bits   [wire.TicketSize]byte
	guid   string
	made   trustedtime.Moment
	finish login.Finish
}

// issue makes the ticket of a conversation that still counts, and none of one
// that a newer one has replaced.
func (m *Manager) issue(c *Conversation, finish login.Finish) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c.purpose != login.Login || m.current[spoken{c.account.UID, login.Login}] != c {
		return nil
	}
	t := ticket{guid: c.account.GUID, made: m.Time.Now().Moment(), finish: finish}
	rand.Read(t.bits[:])
	m.tickets[c.account.UID] = t
	return append([]byte(nil), t.bits[:]...)
}

// spend takes the ticket of a uid if bits are right. Whatever is offered, a
// ticket that was looked at is gone: there is one try.
func (m *Manager) spend(account factor.Account, bits []byte) (login.Finish, string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, there := m.tickets[account.UID]
	if len(bits) == 0 {
		return login.Finish{}, "no_ticket"
	}
	delete(m.tickets, account.UID)
	ago, sameBoot := m.Time.Now().Since(t.made)
	switch {
	case !there || subtle.ConstantTimeCompare(t.bits[:], bits) != 1:
		return login.Finish{}, "ticket_unknown"
	case t.guid != account.GUID:
		return login.Finish{}, "ticket_of_another"
	case !sameBoot || ago > ticketLife:
		return login.Finish{}, "ticket_expired"
	}
	return t.finish, ""
}

// Decide answers the gate. uid is what the gate read from the context; it, and
// nothing that a prompt said, names the account.
func (m *Manager) Decide(ctx context.Context, uid uint32, bits []byte) wire.Decision {
	account, err := m.Directory.Lookup(ctx, uid)
	if err != nil {
		m.Report("look up the account at the gate", err)
		return m.deny("", "unknown_account") // who cannot be named cannot be exempt
	}
	if m.KillSwitch() {
		return m.allow(account.GUID, "kill_switch", "")
	}
	rules, err := m.Policy.Rules(account)
	switch {
	case errors.Is(err, ErrUnavailable):
		return m.unavailable(account)
	case err != nil:
		m.Report("read the policy at the gate", err)
		return m.deny(account.GUID, "policy_unreadable")
	case !rules.Governed:
		return m.exempt(account)
	}
	finish, refused := m.spend(account, bits)
	switch {
	case rules.Observe && finish.Reason == "observed":
		return m.observed(account, "skipped")
	case refused == "" && finish.Allow:
		return m.allow(account.GUID, finish.Reason, finish.Factor)
	case rules.Observe:
		return m.observed(account, refused)
	}
	// Refused by default: no valid ticket, no login.
	return m.deny(account.GUID, refused)
}

// lateBy is when the event of an exempt login is written: once its answer is on
// the way, with which the write would share the processor, and well within the
// second that design §7 gives it.
const lateBy = 5 * time.Millisecond

// exempt is answered before its event is on the disk, so that an account that
// needs no factor never waits for it (design §7).
func (m *Manager) exempt(account factor.Account) wire.Decision {
	m.late.Add(1)
	time.AfterFunc(lateBy, func() {
		defer m.late.Done()
		if err := m.Journal.Record(events.LoginAllow, account.GUID, "reason", "not_required"); err != nil {
			m.Report("queue the event of an exempt login", err)
		}
		m.Exempted(account)
	})
	return wire.Decision{Allow: true, Reason: "not_required"}
}

func (m *Manager) unavailable(account factor.Account) wire.Decision {
	if m.Policy.AllowUnavailable() {
		return m.allow(account.GUID, "unavailable", "")
	}
	return m.deny(account.GUID, "unavailable")
}

func (m *Manager) observed(account factor.Account, would string) wire.Decision {
	if err := m.Journal.Record(events.LoginAllow, account.GUID, "reason", "observed", "would_deny", would); err != nil {
		m.Report("queue the event of an observed login", err)
	}
	return wire.Decision{Allow: true, Reason: "observed"}
}

// allow is not given before its event is on the disk.
func (m *Manager) allow(guid, reason, kind string) wire.Decision {
	if err := m.Journal.Record(events.LoginAllow, guid, "reason", reason, "factor", kind); err != nil {
		m.Report("queue the event of a login", err)
		return wire.Decision{Reason: "not_recorded"}
	}
	m.Kick()
	return wire.Decision{Allow: true, Reason: reason}
}

func (m *Manager) deny(guid, reason string) wire.Decision {
	if err := m.Journal.Record(events.LoginDeny, guid, "reason", reason); err != nil {
		m.Report("queue the event of a refused login", err)
	}
	return wire.Decision{Reason: reason}
}
