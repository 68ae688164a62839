//go:build linux

package abitest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/authhost"
	"github.com/latchkey-mfa/latchkey/internal/devaccounts"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/plugin/paneltest"
)

// native builds the plug-in with the Mac's panel, and its host, against GNUstep.
func native(t testing.TB) string {
	t.Helper()
	paneltest.Needs(t, "make", "gnustep-config", "Xvfb", "xdotool")
	return artifact(t, "native", func(out string) *exec.Cmd {
		return exec.Command("make", "-C", repository(t), "--no-print-directory", "native", "NATIVE="+out)
	})
}

// sitting is a person in front of the panel, with a daemon that the test plays
// behind it.
type sitting struct {
	*paneltest.Display
	t      *testing.T
	daemon *daemon
	sends  chan func(string, wire.Dictionary) error
	acts   chan wire.Act
	send   func(string, wire.Dictionary) error // of the conversation that was begun last
	seq    uint64
	title  string // of the screen that was sent last
	said   *lines
	ended  chan authhost.Outcome
}

// zombies have GNUstep keep every object that is gone, and end the host when
// something is sent to one.
func zombies() []string { return []string{"NSZombieEnabled=YES", "CRASH_ON_ZOMBIE=YES"} }

// lines is what hosts print.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// sit starts a login of anna in authhost: her password is through, and the panel
// comes with the first screen.
func sit(t *testing.T, display *paneltest.Display, tries int, env ...string) *sitting {
	t.Helper()
	s := &sitting{Display: display, t: t, daemon: newDaemon(t), sends: make(chan func(string, wire.Dictionary) error, 8), acts: make(chan wire.Act, 8),
		said: &lines{}, ended: make(chan authhost.Outcome, 1)}
	s.daemon.mode = 0o666
	s.daemon.act = func(a wire.Act) { s.acts <- a }
	s.daemon.prompt = func(send func(string, wire.Dictionary) error) error { s.sends <- send; return nil }
	s.daemon.gate = says(true)
	contact := `{"v":1,"name":"Mac of Anna","serial":"C02XL0GTJGH5","admin_email":"help@example.com","admin_phone":"+1 555 0100"}`
	if err := os.WriteFile(filepath.Join(s.daemon.folder, "contact.json"), []byte(contact), 0o644); err != nil {
		t.Fatal(err)
	}
	s.daemon.start()
	s.begin(tries, env)
	return s
}

func (s *sitting) begin(tries int, env []string) {
	s.t.Helper()
	content, err := os.ReadFile(filepath.Join(repository(s.t), "internal/authhost/testdata/accounts.json"))
	if err != nil {
		s.t.Fatal(err)
	}
	accounts, err := devaccounts.Parse(content)
	if err != nil {
		s.t.Fatal(err)
	}
	right, err := authhost.ConsoleRight().WithLatchkey()
	if err != nil {
		s.t.Fatal(err)
	}
	right.Tries = tries
	built := native(s.t)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	over := make(chan struct{})
	s.t.Cleanup(func() {
		cancel()
		<-over
		if said := complaints(s.said.String()); s.t.Failed() && said != "" {
			s.t.Logf("the host says:\n%s", said)
		}
	})
	o := authhost.Options{Right: right, Plugins: map[string]string{"Latchkey": filepath.Join(built, "Latchkey-native.so")},
		Host: filepath.Join(built, "latchkey-host-native"), Accounts: accounts, HostsSay: s.said,
		FileVault: &authhost.Credentials{Name: "anna", Password: []byte("correct horse")},
		Env: append(append(os.Environ(), "LATCHKEY_SOCKETS="+s.daemon.folder, "LATCHKEY_FILES="+s.daemon.folder, "LANG=en_US.UTF-8", "LC_ALL="),
			append(append(s.Env(), zombies()...), env...)...)}
	go func() {
		defer close(over)
		out, err := authhost.Run(ctx, o)
		if err != nil && ctx.Err() == nil {
			s.t.Errorf("authhost: %v\n%s", err, s.said)
		}
		s.ended <- out
	}()
}

// wait is for what comes within a moment.
func wait[T any](t *testing.T, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(30 * time.Second):
		t.Fatalf("%s does not come", what)
	}
	panic("unreachable")
}

// sendsAlone sends a screen.
func (s *sitting) sendsAlone(screen wire.Screen) {
	s.t.Helper()
	if s.send == nil {
		s.send = wait(s.t, "the prompt's begin", s.sends)
	}
	s.seq++
	screen.Seq = s.seq
	if err := s.send(wire.MsgScreen, screen.Dictionary()); err != nil {
		s.t.Fatal(err)
	}
}

// shows sends a screen, and waits until it stands in the window.
func (s *sitting) shows(screen wire.Screen) {
	s.t.Helper()
	before, same := s.Picture(), s.title == screen.Title
	s.sendsAlone(screen)
	s.Sees(screen.Title)
	if same {
		s.SeesOtherThan(before)
	}
	s.title = screen.Title
}

// done ends the conversation.
func (s *sitting) done(d wire.Done) {
	s.t.Helper()
	if err := s.send(wire.MsgDone, d.Dictionary()); err != nil {
		s.t.Fatal(err)
	}
	s.send = nil
}

// lets the person in: the gate allows as well.
func (s *sitting) lets() {
	s.t.Helper()
	s.done(wire.Done{Result: wire.ResultContinue, Ticket: []byte("0123456789abcdef")})
	if out := wait(s.t, "the end of the login", s.ended); out.Result != authhost.Allow || len(out.Faults) != 0 {
		s.t.Errorf("the login ended with %s, faults %q\n%s", out, out.Faults, s.said)
	}
	s.SeesNothing()
}

// does wants that act, on the screen that stands.
func (s *sitting) does(action, choice string, values ...string) {
	s.t.Helper()
	got := wait(s.t, "the act "+action, s.acts)
	want := map[string]string{}
	for i := 0; i < len(values); i += 2 {
		want[values[i]] = values[i+1]
	}
	if got.Seq != s.seq || got.Action != action || got.Choice != choice || fmt.Sprint(got.Values) != fmt.Sprint(want) {
		s.t.Errorf("the daemon got %+v, want %s %q %v on screen %d", got, action, choice, want, s.seq)
	}
}

// quiet wants no act.
func (s *sitting) quiet() {
	s.t.Helper()
	select {
	case a := <-s.acts:
		s.t.Errorf("the daemon got %+v", a)
	default:
	}
}

func named(name string) wire.Screen {
	for _, s := range allScreens() {
		if s.name == name {
			return s.screen
		}
	}
	panic("no screen " + name)
}

// unlike is how much of a picture may differ: the caret blinks, dots move.
const unlike = 0.01

// TestNativePictures compares every screen, in light and in dark, with the
// picture in docs/panel.md. With PANEL_SHOTS=FOLDER it makes them.
func TestNativePictures(t *testing.T) {
	t.Parallel()
	native(t)
	display := paneltest.Start(t, 1280, 900)
	display.Point(0, 0)
	for _, look := range []struct{ name, env string }{{"light", "LATCHKEY_PANEL_APPEARANCE=light"}, {"dark", "LATCHKEY_PANEL_APPEARANCE=dark"}} {
		s := sit(t, display, 1, look.env)
		for _, one := range allScreens() {
			s.shows(one.screen)
			s.looksLike(one.name + "-" + look.name)
		}
		s.daemon.stop()
		s.Sees("Verification is not available")
		s.looksLike("absent-" + look.name)
		s.Press("Return")
		wait(t, "the end of the login", s.ended)
		if said := complaints(s.said.String()); said != "" {
			t.Error("the host complains")
		}
	}
}

func (s *sitting) looksLike(name string) {
	s.t.Helper()
	if folder := os.Getenv("PANEL_SHOTS"); folder != "" {
		if err := paneltest.Save(filepath.Join(folder, name+".png"), s.Settled()); err != nil {
			s.t.Fatal(err)
		}
		return
	}
	want, err := paneltest.Load(filepath.Join(repository(s.t), "docs/img/panel", name+".png"))
	if err != nil {
		s.t.Fatal(err)
	}
	if share, seen := s.Becomes(want, unlike); share > unlike {
		path := filepath.Join(os.TempDir(), "panel-"+name+".png")
		_ = paneltest.Save(path, seen)
		s.t.Errorf("%s: %.1f%% is not as in docs/img/panel; what was seen is in %s ('make pictures-panel' makes them anew)", name, 100*share, path)
	}
}

// complaints are what a host printed that is about the panel, and not GNUstep's
// talk about the X server and about a folder that uid 92 does not have.
func complaints(said string) string {
	var kept []string
	for line := range strings.Lines(said) {
		if !strings.Contains(line, "Failed to determine offsets") && !strings.Contains(line, "make_services") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}
