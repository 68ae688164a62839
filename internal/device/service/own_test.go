package service_test

import (
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/agent"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

// seat is a person within a session, who does one thing a screen.
type seat struct {
	m    *mac
	acts chan wire.Act
	does []func(wire.Screen) wire.Act
	saw  []wire.Screen
}

func (s *seat) Acts() <-chan wire.Act { return s.acts }

func (s *seat) Show(screen wire.Screen) {
	s.saw = append(s.saw, screen)
	if len(s.does) == 0 {
		s.acts <- wire.Act{Seq: screen.Seq, Action: wire.ActionBack}
		return
	}
	act := s.does[0](screen)
	s.does = s.does[1:]
	act.Seq = screen.Seq
	s.acts <- act
}

// claims are acts that no screen offers; then the person closes.
func (m *mac) claims(acts ...wire.Act) (*seat, bool) {
	m.t.Helper()
	s := &seat{m: m, acts: make(chan wire.Act, 16)}
	s.does = []func(wire.Screen) wire.Act{func(screen wire.Screen) wire.Act {
		for _, a := range acts {
			a.Seq = screen.Seq
			s.acts <- a
		}
		return wire.Act{Action: wire.ActionBack}
	}}
	done, err := m.session().Enrol(m.t.Context(), s)
	m.ok(err)
	return s, done
}

func (m *mac) session() agent.Daemon {
	return agent.Daemon{Socket: filepath.Join(m.options.Sockets, "session.sock")}
}

// sits plays the acts and reports whether the conversation came to its end.
func (m *mac) sits(does ...func(wire.Screen) wire.Act) (*seat, bool) {
	m.t.Helper()
	s := &seat{m: m, acts: make(chan wire.Act, 16), does: does}
	done, err := m.session().Enrol(m.t.Context(), s)
	m.ok(err)
	return s, done
}

func (s *seat) titles() string {
	var out []string
	for _, screen := range s.saw {
		out = append(out, screen.Title)
	}
	return strings.Join(out, " | ")
}

func chooses(id string) func(wire.Screen) wire.Act {
	return func(wire.Screen) wire.Act { return wire.Act{Action: wire.ActionSubmit, Choice: id} }
}

func does(action string) func(wire.Screen) wire.Act {
	return func(wire.Screen) wire.Act { return wire.Act{Action: action} }
}

// typesCode types what the app of a key shows now.
func (m *mac) typesCode(key *totp.Key) func(wire.Screen) wire.Act {
	return func(s wire.Screen) wire.Act {
		if s.QR != "" {
			*key = m.scans(s)
		}
		return wire.Act{Action: wire.ActionSubmit, Values: map[string]string{"code": m.code(*key)}}
	}
}

func (m *mac) scans(s wire.Screen) totp.Key {
	m.t.Helper()
	address, err := url.Parse(s.QR)
	m.ok(err)
	return m.keyOf(address.Query().Get("secret"))
}

// TestEnrolmentWithinASession: a factor first, then another phone, and the old
// one goes when the person says so.
func TestEnrolmentWithinASession(t *testing.T) {
	m := newMac(t).start()
	old := m.enrols(me())
	m.clock.Run(time.Minute)
	var fresh totp.Key
	s, done := m.sits(chooses("Offline_TOTP"), m.typesCode(&old), chooses("Offline_TOTP"), m.typesCode(&fresh), does(wire.ActionSubmit))
	if !done {
		t.Fatalf("the screens were %s", s.titles())
	}
	if n := len(s.saw[0].Actions); n == 0 || s.saw[0].Actions[n-1].Label != "Close" {
		t.Errorf("buttons %+v", s.saw[0].Actions)
	}
	mine, err := m.session().Mine(t.Context())
	if err != nil || mine.Name != "kim" || !mine.Governed || len(mine.Factors) != 1 {
		t.Errorf("mine %+v, %v", mine, err)
	}
	m.clock.Run(time.Minute)
	l := m.login(me()).shows(wire.KindChoose).act(wire.ActionSubmit, "Offline_TOTP", nil).shows(wire.KindCode)
	l.act(wire.ActionSubmit, "", map[string]string{"code": m.code(old)}).shows(wire.KindCode)
	m.gateSays(me(), l.act(wire.ActionSubmit, "", map[string]string{"code": m.code(fresh)}).done(wire.ResultContinue), true, "factor")
}

// TestASessionProvesNothing: no password was typed there, so nothing rests on
// it, and no login comes of it.
func TestASessionProvesNothing(t *testing.T) {
	m := newMac(t).start()
	s, done := m.claims(wire.Act{Action: wire.ActionSkip}, wire.Act{Action: wire.ActionSubmit}, wire.Act{Action: wire.ActionSubmit, Choice: "Offline_TOTP"})
	if done || len(s.saw) != 1 {
		t.Errorf("inside the first grace, without any factor: %s", s.titles())
	}
	if at := m.status().Accounts; len(at) != 1 || at[0].FirstGovernedAt != nil {
		t.Errorf("it began the first grace, which a login does: %+v", at)
	}

	key := m.enrols(me())
	m.clock.Run(time.Minute)
	ticket := func() []byte { // a login that waits for its gate
		l := m.login(me()).shows(wire.KindChoose).act(wire.ActionSubmit, "Offline_TOTP", nil).shows(wire.KindCode)
		return l.act(wire.ActionSubmit, "", map[string]string{"code": m.code(key)}).done(wire.ResultContinue)
	}()
	m.clock.Run(40 * time.Second)
	m.sits(m.typesCode(&key), does(wire.ActionBack))
	m.gateSays(me(), ticket, true, "factor")
	m.gateSays(me(), nil, false, "no_ticket")
}

func TestTheSessionSocketSpeaksOfTheCallerAlone(t *testing.T) {
	m := newMac(t).start()
	m.enrols(ada)
	c := m.dial(wire.RoleSession, "session.sock")
	reply, err := c.Request(t.Context(), wire.MsgMine, wire.Dictionary{"uid": uint64(ada), "guid": adaGUID})
	m.ok(err)
	var mine wire.Mine
	m.ok(wire.FromDictionary(reply, &mine))
	if mine.Name != "kim" || len(mine.Factors) != 0 {
		t.Errorf("kim is told of %+v", mine)
	}
	for _, name := range []string{wire.MsgStatus, wire.MsgFactorsList, wire.MsgFactorsRemove, wire.MsgDecide, wire.MsgCheckInNow} {
		_, err := c.Request(t.Context(), name, wire.Dictionary{"guid": adaGUID, "uid": uint64(ada)})
		m.refused(err, "unknown_request")
	}
	_, err = c.Request(t.Context(), wire.MsgAct, wire.Act{Action: wire.ActionSubmit}.Dictionary())
	m.refused(err, "no_conversation")
	_, err = c.Request(t.Context(), wire.MsgBegin, wire.Dictionary{"uid": uint64(ada)})
	m.ok(err)
	e := <-c.Events()
	screen, err := wire.ScreenFrom(e.Body)
	m.ok(err)
	if len(screen.Choices) > 0 && screen.Choices[0].ID == "Offline_TOTP" {
		t.Error("kim was asked for ada's factor")
	}
}
