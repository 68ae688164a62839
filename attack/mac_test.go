package attack

import (
	"encoding/base32"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/factor/accesscode"
	"github.com/latchkey-mfa/latchkey/internal/device/xipc"
	"github.com/latchkey-mfa/latchkey/internal/trial"
	"github.com/latchkey-mfa/latchkey/internal/trial/trialtest"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

var programs *trialtest.Programs

func TestMain(m *testing.M) {
	if isStranger() {
		os.Exit(strangerMain())
	}
	os.Exit(trialtest.Main(m, "..", &programs))
}

// The names of events, less what all begin with.
const (
	evAllow      = "login.allow"
	evDeny       = "login.deny"
	evPINReject  = "recovery_pin.reject"
	evPINLock    = "recovery_pin.lock"
	evActivate   = "recovery_pin.activate"
	evGenerate   = "recovery_pin.generate"
	evFactorDeny = "factor.reject"
	evFactorLock = "factor.lock"
	evRollback   = "clock.rollback"
)

// mac is a Mac under attack, with its server. reception is the account that is
// attacked; the key is of reception's phone.
type mac struct {
	*trial.World
	t   *testing.T
	key totp.Key
}

// aMac runs with its server, a profile and a certificate.
func aMac(t *testing.T, o trial.Options) *mac {
	t.Helper()
	t.Parallel()
	return &mac{World: programs.Started(t, o), t: t}
}

// anEnrolledMac is one whose account has a device access code and a registered
// recovery secret. The first code that was typed is no longer the current one.
func anEnrolledMac(t *testing.T) *mac {
	t.Helper()
	return enrolled(aMac(t, trial.Options{}))
}

func enrolled(m *mac) *mac {
	m.t.Helper()
	m.enrols()
	m.ok(m.CheckIn(trial.Reception()))
	m.passes(time.Minute)
	return m
}

// weeksOffline is a Mac whose access code can be used for weeks, for attacks
// that take days.
func weeksOffline(t *testing.T) trial.Options {
	t.Helper()
	raw, err := os.ReadFile("../testdata/profiles/jamf-pro.plist")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "profile")
	if err := os.WriteFile(path, []byte(strings.Replace(string(raw), "<real>24</real>", "<real>1000</real>", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	return trial.Options{Profile: path}
}

func (m *mac) ok(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatalf("%v\nthe daemon's log:\n%s", err, m.Daemon.Log())
	}
}

func (m *mac) passes(d time.Duration) {
	m.t.Helper()
	m.ok(m.Pass(d))
}

func reception() uint32 { return trial.Reception().UID }

// dial opens a connection as a client of the daemon does.
func (m *mac) dial(role, socket string) *xipc.Client {
	m.t.Helper()
	c, err := xipc.Dial(m.t.Context(), filepath.Join(m.Sockets(), socket), xipc.ClientOptions{Role: role, Timeout: patience})
	m.ok(err)
	m.t.Cleanup(func() { c.Close() })
	return c
}

// patience is how long an answer may take on a busy machine.
const patience = 20 * time.Second

// gate asks as the gate does.
func (m *mac) gate(uid uint32, ticket []byte) wire.Decision {
	m.t.Helper()
	c := m.dial(wire.RoleGate, "gate.sock")
	defer c.Close()
	reply, err := c.Request(m.t.Context(), wire.MsgDecide, wire.Decide{UID: uid, Ticket: ticket}.Dictionary())
	m.ok(err)
	d, err := wire.DecisionFrom(reply)
	m.ok(err)
	return d
}

func (m *mac) gateSays(uid uint32, ticket []byte, allow bool, reason string) {
	m.t.Helper()
	if got, want := m.gate(uid, ticket), (wire.Decision{Allow: allow, Reason: reason}); got != want {
		m.t.Errorf("the gate says %+v to %d, want %+v", got, uid, want)
	}
}

// seat is a conversation at the prompt socket.
type seat struct {
	m      *mac
	client *xipc.Client
	screen wire.Screen
	done   *wire.Done
}

// sits begins a conversation, as the prompt does after the password.
func (m *mac) sits(uid uint32) *seat {
	m.t.Helper()
	s := &seat{m: m, client: m.dial(wire.RolePrompt, "prompt.sock")}
	_, err := s.client.Request(m.t.Context(), wire.MsgBegin, wire.Dictionary{"uid": uint64(uid)})
	m.ok(err)
	return s.next()
}

// next takes the next screen, or the end.
func (s *seat) next() *seat {
	s.m.t.Helper()
	select {
	case e, open := <-s.client.Events():
		if !open {
			s.m.t.Fatalf("the conversation was cut off\nthe daemon's log:\n%s", s.m.Daemon.Log())
		}
		s.takes(e)
	case <-time.After(patience):
		s.m.t.Fatalf("nothing came after %+v", s.screen)
	}
	return s
}

func (s *seat) takes(e xipc.Message) {
	s.m.t.Helper()
	var err error
	if e.Name == wire.MsgDone {
		var end wire.Done
		end, err = wire.DoneFrom(e.Body)
		s.done = &end
	} else {
		s.screen, err = wire.ScreenFrom(e.Body)
	}
	s.m.ok(err)
}

// act presses a button and takes what comes.
func (s *seat) act(action, choice string, values map[string]string) *seat {
	s.m.t.Helper()
	reply, err := s.client.Request(s.m.t.Context(), wire.MsgAct, wire.Act{Seq: s.screen.Seq, Action: action, Choice: choice, Values: values}.Dictionary())
	s.m.ok(err)
	if reply["ok"] != true {
		s.m.t.Fatalf("%s was not taken on %+v", action, s.screen)
	}
	return s.next()
}

func (s *seat) leaves() { s.client.Close() }

// note is what the screen tells beside its text.
func (s *seat) note() string {
	if s.screen.Note == nil {
		return ""
	}
	return s.screen.Note.Text
}

// says wants words on the screen: in its title, text, note or a closed way.
func (s *seat) says(words string) *seat {
	s.m.t.Helper()
	all := []string{s.screen.Title, s.screen.Text, s.note()}
	for _, c := range s.screen.Choices {
		all = append(all, c.Reason)
	}
	if s.done != nil || !strings.Contains(strings.Join(all, "\n"), words) {
		s.m.t.Errorf("the screen says %q (end %v), want %q", all, s.done != nil, words)
	}
	return s
}

// ticket is that of a conversation that was finished.
func (s *seat) ticket() []byte {
	s.m.t.Helper()
	if s.done == nil || s.done.Result != wire.ResultContinue || len(s.done.Ticket) != wire.TicketSize {
		s.m.t.Fatalf("the conversation is not finished: %+v, on %q: %s", s.done, s.screen.Title, s.note())
	}
	return s.done.Ticket
}

// toCode goes to the field for the access code, past the news.
func (s *seat) toCode() *seat {
	s.m.t.Helper()
	if s.screen.Kind == wire.KindChoose {
		s.act(wire.ActionSubmit, accesscode.Kind, nil)
	}
	return s
}

func (s *seat) types(code string) *seat {
	s.m.t.Helper()
	return s.toCode().act(wire.ActionSubmit, "", map[string]string{"code": code})
}

// toContact goes to Contact admin.
func (s *seat) toContact() *seat {
	s.m.t.Helper()
	if s.screen.Kind == wire.KindContact {
		return s
	}
	return s.act(wire.ActionContact, "", nil)
}

func (s *seat) typesPIN(pin string) *seat {
	s.m.t.Helper()
	return s.toContact().act(wire.ActionSubmit, "", map[string]string{"pin": pin})
}

// deviceCode is the one on Contact admin, "" for none.
func (s *seat) deviceCode() string {
	for _, f := range s.screen.Facts {
		if f.Label == "Device code" && len(f.Value) == 9 {
			return strings.ReplaceAll(f.Value, " ", "")
		}
	}
	return ""
}

// later puts off what follows an accepted PIN: the offer of a new factor.
func (s *seat) later() *seat {
	s.m.t.Helper()
	if s.done == nil {
		s.act(wire.ActionSkip, "", nil)
	}
	return s
}

// setsUp scans the key of a new access code and types its first code.
func (s *seat) setsUp() (totp.Key, *seat) {
	s.m.t.Helper()
	s.act(wire.ActionSubmit, accesscode.Kind, nil)
	address, err := url.Parse(s.screen.QR)
	s.m.ok(err)
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(address.Query().Get("secret"))
	s.m.ok(err)
	key, err := totp.KeyFrom(raw)
	s.m.ok(err)
	s.act(wire.ActionSubmit, "", map[string]string{"code": s.m.code(key, 0)})
	if s.done == nil && s.screen.Kind == wire.KindNotice {
		s.act(wire.ActionSubmit, "", nil) // the older one goes
	}
	return key, s
}

// enrols sets reception's access code up in the grace.
func (m *mac) enrols() {
	m.t.Helper()
	key, s := m.sits(reception()).setsUp()
	m.key = key
	m.gateSays(reception(), s.ticket(), true, "enrolment")
}

// code is what the phone shows, that many steps from now.
func (m *mac) code(key totp.Key, steps int64) string {
	return key.Code(uint64(int64(totp.Step(m.Clocks.Now())) + steps))
}

// wrongCode is a code that the phone does not show about now.
func (m *mac) wrongCode() string {
	var near []string
	for steps := int64(-4); steps <= 4; steps++ {
		near = append(near, m.code(m.key, steps))
	}
	for _, c := range []string{"000000", "111111", "222222", "333333", "444444", "555555", "666666", "777777", "888888", "999999"} {
		if !slices.Contains(near, c) {
			return c
		}
	}
	return ""
}

// getsIn is the right person: the phone's code, and the gate allows.
func (m *mac) getsIn() {
	m.t.Helper()
	m.gateSays(reception(), m.sits(reception()).types(m.code(m.key, 0)).later().ticket(), true, "factor")
}

// getsInByPIN is the right person with a PIN that the help desk reads aloud.
func (m *mac) getsInByPIN() string {
	m.t.Helper()
	pin, err := m.ReadAloud(trial.Reception())
	m.ok(err)
	m.gateSays(reception(), m.sits(reception()).typesPIN(pin).later().ticket(), true, "factor")
	return pin
}

// restarts ends the daemon as a crash does, and starts it again.
func (m *mac) restarts() {
	m.t.Helper()
	m.Daemon.Kill()
	m.ok(m.StartDaemon())
}

func (m *mac) reboots(d time.Duration) {
	m.t.Helper()
	m.ok(m.RebootWith(d))
}

// refusedWith wants err to be the daemon's refusal with that code.
func refusedWith(t *testing.T, err error, code string) {
	t.Helper()
	var told *xipc.RemoteError
	if !errors.As(err, &told) || told.Code != code {
		t.Errorf("answer %v, want the refusal %q", err, code)
	}
}

// needsRoot skips a test that has to be somebody else.
func needsRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("needs root: only root can be somebody else")
	}
	t.Skip("needs root: only root can be somebody else")
}
