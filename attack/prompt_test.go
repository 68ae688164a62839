package attack

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/authhost"
	"github.com/latchkey-mfa/latchkey/internal/trial"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// window evaluates a list of mechanisms once, with reception's password given,
// through the real plug-in and a forger's.
func (m *mac) window(play func(*trial.Person) error, want authhost.Result, mechanisms ...string) {
	m.t.Helper()
	library := programs.Foreign(m.t, m.World)
	right := authhost.Right{Name: "system.login.console", Tries: 1}
	for _, name := range append([]string{"loginwindow:login", "builtin:authenticate,privileged"}, append(mechanisms, "loginwindow:done")...) {
		one, err := authhost.ParseMechanism(name)
		m.ok(err)
		right.Mechanisms = append(right.Mechanisms, one)
	}
	m.Arrange = func(o *authhost.Options) {
		o.Right, o.Plugins["Forger"] = right, library
		o.Env = append(o.Env, "FORGED_TICKET="+m.forged())
	}
	if err := m.Login(trial.Reception().Name, &trial.Phone{Key: m.key}, want, play); err != nil {
		m.t.Errorf("%s: %v", strings.Join(mechanisms, " "), err)
	}
}

// forged is the file with the ticket that the forger offers. Mechanisms of
// other users can read it.
func (m *mac) forged() string { return m.Path("forged-ticket") }

func (m *mac) forges(ticket []byte) {
	m.t.Helper()
	m.ok(os.WriteFile(m.forged(), ticket, 0o644))
}

// Whatever stands in the hints, only a ticket that the daemon gave to this
// account's last conversation opens the gate; and where one is taken away, the
// conversation has to be had again.
func TestAttackHintsAreForged(t *testing.T) {
	m := anEnrolledMac(t)
	gate, prompt := "Latchkey:gate,privileged", "Latchkey:prompt"
	m.forges(make([]byte, wire.TicketSize))
	for _, forger := range []string{"zeros", "claims", "offers"} {
		for _, host := range []string{"", ",privileged"} {
			m.window(nil, authhost.Deny, "Forger:"+forger+host, gate)
		}
	}
	m.tells(evDeny, "reason", "ticket_unknown")
	m.tells(evDeny, "reason", "no_ticket")

	// The ticket of the login before, and that of another account.
	m.passes(time.Minute)
	used := m.sits(reception()).types(m.code(m.key, 0)).ticket()
	m.gateSays(reception(), used, true, "factor")
	m.forges(used)
	m.window(nil, authhost.Deny, "Forger:offers", gate)
	another := m.sits(trial.ITAdmin().UID).act(wire.ActionSkip, "", nil).ticket() // in the grace
	m.forges(another)
	m.window(nil, authhost.Deny, "Forger:offers", gate)

	// Hints that are not ours are not read: with the code the login goes on.
	m.passes(time.Minute)
	enters := func(p *trial.Person) error {
		if err := p.Waits("access code"); err != nil {
			return err
		}
		if strings.Contains(p.Screen(), "Choose how to go on") {
			if err := p.Presses("Device access code", "enter"); err != nil {
				return err
			}
		}
		return trial.Steps(func() error { return p.Sees("Enter your device access code") }, p.EntersCode)
	}
	m.window(enters, authhost.Allow, "Forger:claims", prompt, gate)
	m.passes(time.Minute)
	m.window(enters, authhost.Deny, prompt, "Forger:clears", gate)
	m.passes(time.Minute)
	m.window(enters, authhost.Allow, prompt, gate)
}

// The process at the prompt socket is the attacker's: it says what it likes,
// and the most that it reaches is the question for a factor.
func TestAttackPromptAssertsSuccess(t *testing.T) {
	m := anEnrolledMac(t)
	m.window(nil, authhost.Deny, "Forger:asserts", "Latchkey:gate,privileged")
	for _, claim := range []struct {
		name string
		says func(*seat) error
	}{
		{"decides itself", func(s *seat) error {
			return s.ask(wire.MsgDecide, wire.Decide{UID: reception()}.Dictionary())
		}},
		{"asserts the end", func(s *seat) error {
			return s.ask(wire.MsgDone, wire.Done{Result: wire.ResultContinue, Ticket: make([]byte, wire.TicketSize)}.Dictionary())
		}},
		{"shows a screen", func(s *seat) error { return s.ask(wire.MsgScreen, s.screen.Dictionary()) }},
		{"becomes another account", func(s *seat) error {
			return s.ask(wire.MsgBegin, wire.Dictionary{"uid": uint64(trial.ITAdmin().UID)})
		}},
		{"skips what cannot be skipped", func(s *seat) error { return s.acts(wire.ActionSkip, "") }},
		{"submits nothing", func(s *seat) error { return s.acts(wire.ActionSubmit, "") }},
		{"chooses a way that was not offered", func(s *seat) error { return s.acts(wire.ActionSubmit, "none") }},
		{"presses what is not there", func(s *seat) error { return s.acts("allow", "") }},
	} {
		t.Run(claim.name, func(t *testing.T) {
			s := m.sits(reception())
			if err := claim.says(s); err != nil {
				t.Log(err)
			}
			m.gateSays(reception(), nil, false, "no_ticket")
			s.leaves()
		})
	}
	m.passes(time.Minute)
	m.getsIn()
}

// ask sends anything at the prompt socket, and wants no success to be claimed.
func (s *seat) ask(name string, body wire.Dictionary) error {
	reply, err := s.client.Request(s.m.t.Context(), name, body)
	if err == nil {
		s.m.t.Errorf("%s was answered %v", name, reply)
	}
	return err
}

// acts presses a button that may not be there.
func (s *seat) acts(action, choice string) error {
	reply, err := s.client.Request(s.m.t.Context(), wire.MsgAct, wire.Act{Seq: s.screen.Seq, Action: action, Choice: choice}.Dictionary())
	if err != nil {
		return err
	}
	select {
	case e := <-s.client.Events():
		if e.Name == wire.MsgDone {
			s.m.t.Errorf("%s ended the conversation: %v", action, e.Body)
		}
		return fmt.Errorf("what came is %s", e.Name)
	case <-time.After(200 * time.Millisecond):
		return fmt.Errorf("nothing came, the act was taken: %v", reply["ok"])
	}
}
