//go:build linux

package abitest

import (
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/plugin/paneltest"
)

// TestNativeByKeyboardAlone is a login in which nobody touches the mouse.
func TestNativeByKeyboardAlone(t *testing.T) {
	t.Parallel()
	native(t)
	s := sit(t, paneltest.Start(t, 1280, 900), 1)
	s.shows(named("choose"))
	s.Press("Down", "Return")
	s.does(wire.ActionSubmit, "totp")
	s.shows(named("code"))
	s.Type("12x 3-4")
	s.Press("Return") // two digits are missing: nothing is sent
	s.Settled()
	s.quiet()
	s.Type("56")
	s.Press("Return")
	s.does(wire.ActionSubmit, "", "code", "123456")
	s.Press("Return") // once is enough
	s.shows(named("code-wrong"))
	s.Type("654321789") // the field is empty again, and takes six
	s.Press("Return")
	s.does(wire.ActionSubmit, "", "code", "654321")
	s.shows(named("code-wrong"))
	s.Press("F1")
	s.does(wire.ActionContact, "")
	s.shows(named("contact"))
	s.Type("123 456-7890")
	s.Press("BackSpace")
	s.Type("0")
	s.Press("Left", "Left", "BackSpace")
	s.Type("9")
	s.Press("Return")
	s.does(wire.ActionSubmit, "", "pin", "123456980")
	s.shows(named("push"))
	s.Press("Return", "space") // a stray key does not end the wait
	s.Settled()
	s.quiet()
	s.Press("Tab", "Tab", "shift+Tab", "Return")
	s.does(wire.ActionAnother, "")
	s.shows(named("grace"))
	s.Press("Tab", "Tab", "Tab", "space")
	s.does(wire.ActionSkip, "")
	s.shows(named("key-pin"))
	s.Type("Geheim 1")
	s.Press("Return")
	s.does(wire.ActionSubmit, "", "pin", "Geheim 1")
	s.shows(named("link"))
	s.Press("Escape")
	s.does(wire.ActionBack, "")
	s.lets()
}

// TestNativeByMouse is a login in which the keyboard is for the code alone.
func TestNativeByMouse(t *testing.T) {
	t.Parallel()
	native(t)
	s := sit(t, paneltest.Start(t, 1280, 900), 1)
	s.shows(named("choose"))
	s.chooses(140, 207) // the second choice
	s.clicks(200, 337)  // Continue
	s.does(wire.ActionSubmit, "totp")
	s.shows(named("choose"))
	s.clicks(140, 262) // a choice that cannot be made
	s.clicks(200, 337)
	s.does(wire.ActionSubmit, "push")
	s.shows(named("code"))
	s.Type("123")
	s.clicks(450, 60)  // beside everything
	s.clicks(300, 215) // into the field
	s.Type("456")
	s.clicks(250, 275)
	s.does(wire.ActionSubmit, "", "code", "123456")
	s.shows(named("locked"))
	window := s.Settled().Bounds()
	for i, word := range []string{"sleep", "restart", "shutdown"} {
		s.Click(window.Max.X-[]int{200, 145, 75}[i], window.Max.Y-30)
		s.says("asks for: " + word)
	}
	s.lets()
}

// chooses clicks a choice until it is taken: without a window manager, X loses some
// of the clicks on a window that has just come.
func (s *sitting) chooses(x, y int) {
	s.t.Helper()
	s.Settled()
	before, clicked := s.Picture(), time.Time{}
	s.Until("the choice is taken", func() bool {
		if time.Since(clicked) > 2*time.Second {
			s.clicks(x, y)
			clicked = time.Now()
		}
		return paneltest.Unlike(s.Picture(), before) > 0.0005
	})
}

// clicks a point of the window, from its upper left.
func (s *sitting) clicks(x, y int) {
	s.t.Helper()
	at := s.Settled().Bounds().Min
	s.Click(at.X+x, at.Y+y)
}

func (s *sitting) says(text string) {
	s.t.Helper()
	s.Until("the host says "+text, func() bool { return strings.Contains(s.said.String(), text) })
}

// TestNativeLargeText: at twice the size, in German, on a small display, nothing
// is cut off, and everything can be reached.
func TestNativeLargeText(t *testing.T) {
	t.Parallel()
	native(t)
	d := paneltest.Start(t, 1024, 768)
	d.Point(0, 0)
	s := sit(t, d, 1, "LATCHKEY_PANEL_SCALE=2", "LANG=de_AT.UTF-8")
	german := named("contact")
	german.Title, german.Text = "Wenden Sie sich an Ihre Administration", "Rufen Sie den Helpdesk an und lesen Sie vor, was unten steht. Geben Sie die neun Ziffern, die man Ihnen nennt, innerhalb von zwei Minuten ein."
	german.Actions = []wire.Action{anAct(wire.ActionSubmit, "Anmelden", wire.RoleDefault), anAct(wire.ActionAnother, "Auf andere Weise", wire.RoleOther), anAct(wire.ActionBack, "Zurück zur Passworteingabe", wire.RoleCancel)}
	s.shows(german)
	if b := s.Settled().Bounds(); !b.In(image.Rect(0, 0, 1024, 768)) {
		t.Errorf("the window is at %v", b)
	}
	s.Type("123456789")
	s.looksLike("large-field-light")
	s.Press("shift+Tab") // round to the last one of all
	s.looksLike("large-end-light")
	s.Press("space")
	s.says("asks for: shutdown")
	s.Press("alt+0", "alt+minus") // what the system says is the least
	s.looksLike("large-end-light")
	s.Press("Tab", "Return")
	s.does(wire.ActionSubmit, "", "pin", "123456789")
	s.lets()
}

// TestNativeKeepsWhatWasTyped while the text gets larger (command with plus, which
// is alt here), the daemon brings its screen up to date, and caps lock is pressed.
func TestNativeKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	native(t)
	d := paneltest.Start(t, 1280, 900)
	d.Point(0, 0)
	s := sit(t, d, 1)
	s.shows(named("link"))
	usual := s.Settled().Bounds().Dx()
	s.Type(".x")
	s.Press("alt+plus", "alt+plus")
	if larger := s.Settled().Bounds().Dx(); larger <= usual {
		t.Errorf("the window is %d wide, and was %d", larger, usual)
	}
	s.Press("alt+0")
	if again := s.Settled().Bounds().Dx(); again != usual {
		t.Errorf("the window is %d wide, and was %d", again, usual)
	}
	update := named("link")
	update.Text += " Ask your administrator where you do not know it."
	s.shows(update) // brought up to date by the daemon
	s.Settled()
	s.Press("Caps_Lock")
	s.looksLike("caps-lock-light")
	s.Press("Caps_Lock")
	s.Settled() // nobody types on within the moment in which the hint goes
	s.Type("y")
	s.Press("Return")
	s.does(wire.ActionSubmit, "", "login", "anna@example.com.xy")
	counts := named("push")
	counts.Deadline = time.Now().Add(2 * time.Minute)
	s.shows(counts)
	s.lets()
}

// onDisplay starts a host there, without authhost.
func onDisplay(t *testing.T, d *daemon, env ...string) *host {
	t.Helper()
	built := native(t)
	h := launch(t, filepath.Join(built, "latchkey-host-native"), d.folder, func(cmd *exec.Cmd) { cmd.Env = append(cmd.Env, env...) })
	h.send(frame(opLoad, 1, filepath.Join(built, "Latchkey-native.so")), frame(opCreate, 1, 1, "prompt"))
	h.want(frame(opLoaded, 1, 0, ""), frame(opCreated, 1, 0))
	return h
}

var invokePrompt = frame(opInvoke, 1, none, 1, "uid", 1, "\xf5\x01\x00\x00", none, none)

// TestNativeInvokedAgain: every invocation begins anew, and leaves nothing: no
// window, nothing typed, and no memory.
func TestNativeInvokedAgain(t *testing.T) {
	t.Parallel()
	native(t)
	display := paneltest.Start(t, 1280, 900)
	display.Point(0, 0)
	s := &sitting{Display: display, t: t, daemon: newDaemon(t), sends: make(chan func(string, wire.Dictionary) error, 8), acts: make(chan wire.Act, 8)}
	s.daemon.act = func(a wire.Act) { s.acts <- a }
	s.daemon.prompt = func(send func(string, wire.Dictionary) error) error { s.sends <- send; return nil }
	h := onDisplay(t, s.daemon.start(), s.Env()...)
	back := frame(opResult, 1, 1, none, 1, "uid", 1, "\xf5\x01\x00\x00")
	h.send(invokePrompt)
	h.want(frame(opInvoked, 1, 0))
	s.shows(named("code"))
	s.Type("12")
	s.Press("alt+plus")
	s.Settled()
	h.send(frame(opDeactivate, 1)) // in the middle
	h.want(back, frame(opDeactivated, 1))
	s.SeesNothing()
	s.send = nil
	h.send(invokePrompt)
	h.want(frame(opInvoked, 1, 0))
	s.shows(named("code"))
	s.looksLike("code-light")
	s.Type("345678")
	s.Press("Return")
	s.does(wire.ActionSubmit, "", "code", "345678")
	s.done(wire.Done{Result: wire.ResultBack})
	h.want(back)
	s.SeesNothing()
	var first int
	const rounds = 120
	for n := range rounds {
		h.send(invokePrompt)
		h.want(frame(opInvoked, 1, 0))
		s.send = wait(t, "the prompt's begin", s.sends)
		for _, name := range []string{"enrol", "contact"} {
			s.seq++
			screen := named(name)
			screen.Seq = s.seq
			if err := s.send(wire.MsgScreen, screen.Dictionary()); err != nil {
				t.Fatal(err)
			}
		}
		s.done(wire.Done{Result: wire.ResultBack})
		h.want(back)
		if n == rounds/2 {
			first = resident(t, h)
		}
	}
	if more := resident(t, h) - first; more > 1536 {
		t.Errorf("%d invocations took %d KiB that they did not give back", rounds/2-1, more)
	}
	s.SeesNothing()
	h.send(frame(opDestroy, 1), frame(opQuit))
	h.want(frame(opDestroyed, 1, 0))
	if err := h.ended(); err != nil {
		t.Errorf("the host ended with %v\n%s", err, &h.complaints)
	}
}

// TestNativeInARush: screens come faster than they can be drawn, while somebody
// types. Every access to memory is looked at.
func TestNativeInARush(t *testing.T) {
	t.Parallel()
	built := native(t)
	library, program, env := filepath.Join(built, "Latchkey-native.so"), filepath.Join(built, "latchkey-host-native"), zombies()
	if sanitizer("address") == nil {
		library = plugin(t, "Latchkey-native-asan.so", "", "-asan", "-tags=gnustep")
		sanitized := artifact(t, "native-asan", func(out string) *exec.Cmd {
			return exec.Command("make", "-C", repository(t), "--no-print-directory", "native-host", "NATIVE="+out, "SANITIZE=-fsanitize=address "+undefined)
		})
		program = filepath.Join(sanitized, "latchkey-host-native")
		env = append(env, "ASAN_OPTIONS=detect_leaks=0") // GNUstep keeps what it made once
	}
	s := &sitting{Display: paneltest.Start(t, 1280, 900), t: t, daemon: newDaemon(t), sends: make(chan func(string, wire.Dictionary) error, 8), acts: make(chan wire.Act, 64)}
	s.daemon.act = func(a wire.Act) { s.acts <- a }
	s.daemon.prompt = func(send func(string, wire.Dictionary) error) error { s.sends <- send; return nil }
	h := launch(t, program, s.daemon.start().folder, func(cmd *exec.Cmd) { cmd.Env = append(append(cmd.Env, s.Env()...), env...) })
	t.Cleanup(func() {
		if said := complaints(h.complaints.String()); t.Failed() && said != "" {
			t.Logf("the host says:\n%s", said)
		}
	})
	h.send(frame(opLoad, 1, library), frame(opCreate, 1, 1, "prompt"), invokePrompt)
	h.want(frame(opLoaded, 1, 0, ""), frame(opCreated, 1, 0), frame(opInvoked, 1, 0))
	for range 2 {
		for _, one := range allScreens() {
			s.sendsAlone(one.screen)
		}
		for range 3 { // the answer comes while the window still changes for what was sent
			s.shows(named("choose"))
			s.Press("Return")
			s.does(wire.ActionSubmit, "push")
			s.shows(named("code"))
			s.Type("000000")
			s.Press("Return")
			s.does(wire.ActionSubmit, "", "code", "000000")
			s.shows(named("code-wrong"))
			s.Type("123456")
			s.Press("Return")
			s.does(wire.ActionSubmit, "", "code", "123456")
		}
		s.shows(named("grace"))
		s.Press("Tab", "alt+plus", "Escape")
		s.does(wire.ActionBack, "")
	}
	s.done(wire.Done{Result: wire.ResultBack})
	h.want(frame(opResult, 1, 1, none, 1, "uid", 1, "\xf5\x01\x00\x00"))
	s.SeesNothing()
	h.send(frame(opDestroy, 1), frame(opQuit))
	h.want(frame(opDestroyed, 1, 0))
	if err := h.ended(); err != nil {
		t.Errorf("the host ended with %v", err)
	}
}

// resident is how much memory the host has, in KiB.
func resident(t *testing.T, h *host) int {
	t.Helper()
	content, err := os.ReadFile("/proc/" + strconv.Itoa(h.cmd.Process.Pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(content), "VmRSS:")
	size, err := strconv.Atoi(strings.Fields(after)[0])
	if err != nil {
		t.Fatal(err)
	}
	return size
}

// TestNativeWithoutADisplay: nothing can be drawn, and the gate decides.
func TestNativeWithoutADisplay(t *testing.T) {
	t.Parallel()
	native(t)
	d := newDaemon(t)
	d.prompt = func(send func(string, wire.Dictionary) error) error {
		return send(wire.MsgScreen, named("code").Dictionary())
	}
	h := onDisplay(t, d.start(), "DISPLAY=")
	h.send(invokePrompt)
	h.want(frame(opInvoked, 1, 0), frame(opResult, 1, 0, none, 1, "uid", 1, "\xf5\x01\x00\x00"))
}
