package service_test

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-mfa/latchkey/internal/clock/clocktest"
	"github.com/latchkey-mfa/latchkey/internal/ctap/hid"
	"github.com/latchkey-mfa/latchkey/internal/devaccounts"
	"github.com/latchkey-mfa/latchkey/internal/device/directory"
	"github.com/latchkey-mfa/latchkey/internal/device/loginright"
	"github.com/latchkey-mfa/latchkey/internal/device/loginright/righttest"
	"github.com/latchkey-mfa/latchkey/internal/device/machine"
	"github.com/latchkey-mfa/latchkey/internal/device/service"
	"github.com/latchkey-mfa/latchkey/internal/device/xipc"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

const (
	ada, carol = 501, 502
	adaGUID    = "11111111-1111-1111-1111-111111111111"
	carolGUID  = "22222222-2222-2222-2222-222222222222"
	kimGUID    = "33333333-3333-3333-3333-333333333333"

	profileName = "com.okta.deviceaccess.servicedaemon.plist"
	// patience is how long a test waits for what happens at once.
	patience = 20 * time.Second
)

// mac is a machine with a real daemon on it, which tests stop and start.
type mac struct {
	t       *testing.T
	root    string
	clock   *clocktest.Clock
	authd   *righttest.Authd
	options service.Options

	daemon *service.Daemon
	stop   func()
}

// newMac has ada, who is governed, and carol, who is not, under the published
// Jamf profile.
func newMac(t *testing.T) *mac {
	t.Helper()
	// A socket's path holds some hundred bytes, which a test's own folder can
	// be too long for.
	root, err := os.MkdirTemp("", "lk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	m := &mac{t: t, root: root, clock: clocktest.New(), authd: &righttest.Authd{}}
	m.authd.Put(loginright.Console, righttest.Stock(t, 11))
	accounts := filepath.Join(root, "accounts.json")
	m.ok(devaccounts.Add(rand.Reader, accounts, devaccounts.Account{Name: "ada", UID: ada, GID: 20, GUID: adaGUID, FullName: "Ada Example", Home: "/Users/ada"}, []byte("ada's password")))
	m.ok(devaccounts.Add(rand.Reader, accounts, devaccounts.Account{Name: "carol", UID: carol, GID: 20, GUID: carolGUID, FullName: "Carol Example", Home: "/Users/carol"}, []byte("carol's password")))
	// Whoever runs the tests is somebody here too: the session socket takes the
	// kernel's word for who calls.
	m.ok(devaccounts.Add(rand.Reader, accounts, devaccounts.Account{Name: "kim", UID: me(), GID: 20, GUID: kimGUID, FullName: "Kim Example", Home: "/Users/kim"}, []byte("kim's password")))
	for _, folder := range []string{"prefs", "sockets", "keys"} {
		m.ok(os.Mkdir(filepath.Join(root, folder), 0o755))
	}
	found, err := directory.Open(accounts)
	m.ok(err)
	m.options = service.Options{
		State: filepath.Join(root, "state"), Files: filepath.Join(root, "files"), Sockets: filepath.Join(root, "sockets"),
		ManagedPreferences: filepath.Join(root, "prefs"), PollEvery: 5 * time.Millisecond,
		Clock: m.clock, Machine: machine.Machine{UDID: "udid", Serial: "C02XK0AAJGH5", Model: "Mac15,3", Name: "Ada's Mac", OS: "26.1", Zone: "UTC"},
		Directory: found, Keys: hid.Folder(filepath.Join(root, "keys")), LoginRight: m.keeper, Version: "1.2.3", Log: zap.NewNop(),
	}
	m.profile("")
	return m
}

// keeper is a Mac's own, with an authorization database of the test's and a
// plug-in that holds.
func (m *mac) keeper(proofs loginright.Proofs) service.LoginRight {
	holds := func(context.Context) error { return nil }
	return &loginright.Keeper{
		Editor: loginright.Editor{Database: m.authd, Lock: func(context.Context) (func(), error) { return func() {}, nil }},
		Look:   func() (string, error) { return "the plug-in", nil }, Verify: holds,
		Rehearse: func(ctx context.Context) error { return loginright.Rehearse(ctx, m.authd) }, Proofs: proofs, Now: m.clock.Continuous,
	}
}

// list is how our mechanisms stand in the login right.
func (m *mac) list() string {
	m.t.Helper()
	r, err := loginright.Parse(m.authd.Right(loginright.Console))
	m.ok(err)
	return r.Standing().String()
}

func me() uint32 { return uint32(os.Geteuid()) }

func (m *mac) ok(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// profile puts the published Jamf profile in place, filled in, with further
// keys.
func (m *mac) profile(further string) {
	m.t.Helper()
	raw, err := os.ReadFile("../../../testdata/profiles/jamf-pro.plist")
	m.ok(err)
	// Nothing listens at port 1: the Mac is off the network.
	text := strings.NewReplacer("https://your-okta-URL", "https://127.0.0.1:1", "YOUR_CLIENT_ID", "id", "YOUR_CLIENT_SECRET", "a-client-secret",
		"YOUR_ADMIN_EMAIL", "it@example.com", "</dict>", "<key>MFANotRequiredList</key><array><string>carol</string></array>"+further+"</dict>").Replace(string(raw))
	m.put(text)
}

// put replaces the profile whole, as an MDM does.
func (m *mac) put(text string) {
	m.t.Helper()
	temp := filepath.Join(m.root, "profile")
	m.ok(os.WriteFile(temp, []byte(text), 0o644))
	m.ok(os.Rename(temp, m.profilePath()))
}

func (m *mac) profilePath() string { return filepath.Join(m.options.ManagedPreferences, profileName) }

// start runs the daemon until stop is called, or the test ends.
func (m *mac) start() *mac {
	m.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	d, err := service.Open(ctx, m.options)
	m.ok(err)
	m.daemon = d
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- d.Run(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-done:
		m.t.Fatalf("the daemon ended: %v", err)
	}
	stopped := false
	m.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			m.t.Errorf("the daemon ended with %v", err)
		}
	}
	m.t.Cleanup(m.stop)
	return m
}

func (m *mac) restart() {
	m.t.Helper()
	m.stop()
	m.start()
}

func (m *mac) dial(role, socket string, languages ...string) *xipc.Client {
	m.t.Helper()
	c, err := xipc.Dial(m.t.Context(), filepath.Join(m.options.Sockets, socket), xipc.ClientOptions{Role: role, Timeout: patience, Locales: languages})
	m.ok(err)
	m.t.Cleanup(func() { c.Close() })
	return c
}

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

// control asks as the command line does.
func (m *mac) control(name string, body wire.Dictionary, into any) error {
	m.t.Helper()
	c := m.dial(wire.RoleControl, "control.sock")
	defer c.Close()
	reply, err := c.Request(m.t.Context(), name, body)
	if err != nil || into == nil {
		return err
	}
	return wire.FromDictionary(reply, into)
}

func (m *mac) status() wire.Status {
	m.t.Helper()
	var s wire.Status
	m.ok(m.control(wire.MsgStatus, wire.Dictionary{}, &s))
	return s
}

// until asks for the status until it is as wanted.
func (m *mac) until(what string, good func(wire.Status) bool) wire.Status {
	m.t.Helper()
	for give := time.Now().Add(patience); ; {
		s := m.status()
		if good(s) {
			return s
		}
		if time.Now().After(give) {
			m.t.Fatalf("the status never is %s: %+v", what, s)
		}
	}
}

// login is a conversation at the prompt socket.
type login struct {
	m      *mac
	client *xipc.Client
	screen wire.Screen
}

// login begins one, for a person who wants these languages.
func (m *mac) login(uid uint32, languages ...string) *login {
	m.t.Helper()
	l := &login{m: m, client: m.dial(wire.RolePrompt, "prompt.sock", languages...)}
	_, err := l.client.Request(m.t.Context(), wire.MsgBegin, wire.Dictionary{"uid": uint64(uid)})
	m.ok(err)
	return l
}

func (l *login) next() xipc.Message {
	l.m.t.Helper()
	ctx, cancel := context.WithTimeout(l.m.t.Context(), patience)
	defer cancel()
	select {
	case e, open := <-l.client.Events():
		if !open {
			l.m.t.Fatal("the conversation was cut off")
		}
		return e
	case <-ctx.Done():
		l.m.t.Fatal("the daemon shows nothing")
	}
	return xipc.Message{}
}

// shows is the next screen, which has to be of that kind.
func (l *login) shows(kind wire.ScreenKind) *login {
	l.m.t.Helper()
	e := l.next()
	if e.Name != wire.MsgScreen {
		l.m.t.Fatalf("%s %v, want a %s screen", e.Name, e.Body, kind)
	}
	screen, err := wire.ScreenFrom(e.Body)
	l.m.ok(err)
	if screen.Kind != kind {
		l.m.t.Fatalf("screen %+v, want kind %s", screen, kind)
	}
	l.screen = screen
	return l
}

func (l *login) act(action, choice string, values map[string]string) *login {
	l.m.t.Helper()
	reply, err := l.client.Request(l.m.t.Context(), wire.MsgAct, wire.Act{Seq: l.screen.Seq, Action: action, Choice: choice, Values: values}.Dictionary())
	l.m.ok(err)
	if reply["ok"] != true {
		l.m.t.Fatalf("%s was not taken on %+v", action, l.screen)
	}
	return l
}

// done is the end, with its ticket.
func (l *login) done(result string) []byte {
	l.m.t.Helper()
	e := l.next()
	end, err := wire.DoneFrom(e.Body)
	if err != nil || e.Name != wire.MsgDone || end.Result != result {
		l.m.t.Fatalf("%s %v (%v), want done %s", e.Name, e.Body, err, result)
	}
	return end.Ticket
}

// enrols sets up a device access code in the grace period and returns its key.
func (m *mac) enrols(uid uint32) totp.Key {
	m.t.Helper()
	l := m.login(uid).shows(wire.KindGrace).act(wire.ActionSubmit, "Offline_TOTP", nil).shows(wire.KindEnrol)
	key := m.scans(l.screen)
	ticket := l.act(wire.ActionSubmit, "", map[string]string{"code": m.code(key)}).done(wire.ResultContinue)
	m.gateSays(uid, ticket, true, "enrolment")
	return key
}

func (m *mac) keyOf(text string) totp.Key {
	m.t.Helper()
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(text)
	m.ok(err)
	key, err := totp.KeyFrom(secret)
	m.ok(err)
	return key
}

func (m *mac) code(key totp.Key) string { return key.Code(totp.Step(m.clock.Wall())) }

// refused fails unless err is the daemon's refusal with that code.
func (m *mac) refused(err error, code string) {
	m.t.Helper()
	var r *xipc.RemoteError
	if !errors.As(err, &r) || r.Code != code {
		m.t.Errorf("answer %v, want the refusal %q", err, code)
	}
}
