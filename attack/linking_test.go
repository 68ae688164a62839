package attack

import (
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/trial"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

const (
	evLink       = "account.link"
	evLinkReject = "account.link.reject"
	thiefLogin   = "thief@example.com"
	pushKind     = "OV_Push"
	linkChoice   = "link"
)

// orgMac is a Mac whose office account has a person in the org with a phone, as
// somebody else in the org has: the thief, who knows office's password.
func orgMac(t *testing.T) (m *mac, thief totp.Key) {
	t.Helper()
	m = aMac(t, trial.Options{})
	for _, login := range []string{trial.OfficeLogin, thiefLogin} {
		m.ok(m.AddUser(login))
		m.ok(m.AddPhone(login))
	}
	thief, err := m.AddApp(thiefLogin)
	m.ok(err)
	return m, thief
}

func office() uint32 { return trial.Office().UID }

// connects chooses to connect the account, and types a name.
func (s *seat) connects(login string) *seat {
	s.m.t.Helper()
	s.until(func() bool { return s.enabled(linkChoice) }, "the account can be connected")
	s.act(wire.ActionSubmit, linkChoice, nil)
	return s.act(wire.ActionSubmit, "", map[string]string{"login": login})
}

func (s *seat) enabled(id string) bool {
	for _, c := range s.screen.Choices {
		if c.ID == id {
			return c.Enabled
		}
	}
	return false
}

// until takes screens until one is as wanted.
func (s *seat) until(good func() bool, what string) {
	s.m.t.Helper()
	for !good() {
		if s.done != nil {
			s.m.t.Fatalf("the conversation ended before %s", what)
		}
		s.next()
	}
}

// number waits for a push with a number to match.
func (s *seat) number() string {
	s.m.t.Helper()
	s.until(func() bool { return s.screen.Number != "" }, "a number is shown")
	return s.screen.Number
}

// Somebody has the password and an account of their own in the org: it cannot be
// connected, and its owner's phone is not asked; a push to the owner's phone is
// refused there, and blocks further ones.
func TestAttackLinkingIsHijacked(t *testing.T) {
	m, _ := orgMac(t)
	s := m.sits(office()).connects(thiefLogin).says("does not belong to this Mac's account")
	m.tells(evLinkReject, "reason", "not_theirs")
	if waiting, err := m.OnServer("push", "list", "--json"); err != nil || waiting != "[]" {
		t.Errorf("a push was sent: %s, %v", waiting, err)
	}
	s.act(wire.ActionSubmit, "", map[string]string{"login": trial.OfficeLogin})
	s.number()
	m.ok(m.Refuse(trial.OfficeLogin, true))
	s.until(func() bool { return s.screen.Note != nil }, "the refusal is shown")
	s.says("refused on the phone").act(wire.ActionRetry, "", nil)
	s.until(func() bool { return s.screen.Note != nil }, "the block is shown")
	s.leaves()
	m.gateSays(office(), nil, false, "no_ticket")
	m.passes(49 * time.Hour) // the grace is over, and the way is as closed
	m.sits(office()).connects(thiefLogin).says("does not belong").leaves()
	a, err := m.Account(trial.Office())
	m.ok(err)
	if a.Linked != "" {
		t.Errorf("the account is connected to %s", a.Linked)
	}
}

// The owner's link is made, and the owner's other account and the thief's find
// the org user taken; the thief's own stays closed after a reset, too.
func TestAttackLinkingOfAUserWhoIsTaken(t *testing.T) {
	m, _ := orgMac(t)
	s := m.sits(office()).connects(trial.OfficeLogin)
	m.ok(m.Approve(trial.OfficeLogin, s.number()))
	s.until(func() bool { return s.screen.Kind == wire.KindNotice }, "the account is connected")
	s.later()
	m.gateSays(office(), s.ticket(), true, "factor")
	m.ok(m.CheckIn(trial.Office()))
	m.tells(evLink, "grounds", "name")

	m.ok(m.PushProfile("<key>LatchkeyLinkedUser</key><string>" + trial.OfficeLogin + "</string>"))
	m.ok(m.Until("the profile is in force", func() (bool, error) {
		status, err := m.Status()
		return status.Policy.Values["LatchkeyLinkedUser"].Value == trial.OfficeLogin, err
	}))
	other := m.sits(reception())
	other.connects(trial.OfficeLogin).says("connected to another account of this Mac").leaves()
	m.ok(m.CheckIn(trial.Office()))
	m.tells(evLinkReject, "reason", "taken")

	_, err := m.Desk(trial.Admin, "device", "reset-factors", "--device", trial.MachineSerial, "--user", trial.Office().Name)
	m.ok(err)
	m.ok(m.CheckIn(trial.Office()))
	a, err := m.Account(trial.Office())
	m.ok(err)
	if a.Linked != "" {
		t.Errorf("after a reset the account is connected to %s", a.Linked)
	}
	m.passes(49 * time.Hour)
	m.sits(office()).connects(thiefLogin).says("does not belong").leaves()
	s = m.sits(office()).connects(trial.OfficeLogin) // the owner is let back
	m.ok(m.Approve(trial.OfficeLogin, s.number()))
	s.until(func() bool { return s.screen.Kind == wire.KindNotice }, "the account is connected again")
}

// Whoever has the password sends push after push, hoping that one is approved:
// the number on the Mac is not on the phone's owner's mind, and three unanswered
// ones stop them.
func TestAttackPushesWearTheOwnerDown(t *testing.T) {
	m, _ := orgMac(t)
	s := m.sits(office()).connects(trial.OfficeLogin)
	for range 3 {
		waiting, err := m.OnPhone(trial.OfficeLogin)
		m.ok(err)
		right, wrong := s.number(), ""
		for _, n := range waiting.Numbers {
			if n != right {
				wrong = n
			}
		}
		if _, err := m.OnServer("push", "approve", waiting.ID, "--number", wrong); err == nil {
			t.Fatal("a wrong number was taken")
		}
		s.until(func() bool { return s.screen.Note != nil }, "the refusal is shown")
		s.act(wire.ActionRetry, "", nil)
		s.until(func() bool { return !s.screen.Busy || s.screen.Number != "" }, "the next push")
	}
	s.says("no more tries").leaves()
	a, err := m.Account(trial.Office())
	m.ok(err)
	if a.Linked != "" {
		t.Error("the account is connected")
	}
}

// A program of the person's own, in their session, has no password: what is in
// the session can neither let anybody in nor set anything up without a factor.
func TestAttackFromWithinTheSession(t *testing.T) {
	m := anEnrolledMac(t)
	err := m.Sits(trial.Reception(), func(s *trial.Seat) error {
		return trial.Steps(
			func() error { return s.Chooses("Device access code") },
			func() error { return s.Types("Access code:", "000000") },
			func() error { return s.Types("That code is not right", "/another") },
			func() error { return s.Sees("Show that it is you") },
			func() error { return s.Types("/back", "/skip") },
			func() error { return s.Sees("there is no /skip here") },
			func() error { return s.Types("", "/back") },
			func() error { return s.Sees("closed") },
		)
	}, "enrol")
	m.ok(err)
	m.ok(m.CheckIn(trial.Reception()))
	m.tells(evFactorDeny, "reason", "wrong")
	for _, args := range [][]string{{"status"}, {"factors", "list"}, {"check-in"}} {
		if err := m.Sits(trial.Reception(), func(*trial.Seat) error { return nil }, args...); err == nil {
			t.Errorf("latchkey %q works for everybody", args)
		}
	}
	m.getsIn()
}
