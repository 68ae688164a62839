//go:build linux

package abitest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// seen is what a terminal was told to show.
type seen struct {
	mu    sync.Mutex
	bytes bytes.Buffer
	more  chan struct{}
}

func (s *seen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
	return s.bytes.Write(b)
}

// wait returns when the text was written in one piece.
func (s *seen) wait(t *testing.T, text string) {
	t.Helper()
	late := time.After(30 * time.Second)
	for {
		s.mu.Lock()
		there := bytes.Contains(s.bytes.Bytes(), []byte(text))
		s.mu.Unlock()
		if there {
			return
		}
		select {
		case <-s.more:
		case <-late:
			t.Fatalf("%q is not shown:\n%q", text, s.bytes.Bytes())
		}
	}
}

// onTerminal starts the host on a terminal of its own.
func onTerminal(t *testing.T, places string) (*host, *os.File, *seen) {
	t.Helper()
	screen, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = screen.Close() })
	if err := pty.Setsize(screen, &pty.Winsize{Rows: 30, Cols: 100}); err != nil {
		t.Fatal(err)
	}
	h := launch(t, compile(t, "latchkey-host", "plugin/host/*.c"), places, func(cmd *exec.Cmd) {
		cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
		cmd.Env = append(cmd.Env, "TERM=xterm-256color")
	})
	_ = tty.Close()
	s := &seen{more: make(chan struct{}, 1)}
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, err := screen.Read(buffer)
			if _, _ = s.Write(buffer[:n]); err != nil {
				return
			}
		}
	}()
	return h, screen, s
}

// TestAPersonAtTheTerminal types a code into the real panel in the real
// plug-in under the real host; then the daemon dies.
func TestAPersonAtTheTerminal(t *testing.T) {
	d := newDaemon(t)
	if err := os.WriteFile(filepath.Join(d.folder, "contact.json"), []byte(`{"v":1,"name":"mac-042","serial":"C02AB","admin_email":"","admin_phone":"555-0100"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	acts := make(chan wire.Act, 1)
	d.act = func(a wire.Act) { acts <- a }
	d.prompt = func(send func(string, wire.Dictionary) error) error {
		return send(wire.MsgScreen, wire.Screen{Seq: 1, Kind: wire.KindCode, Title: "Enter the code", Text: "From your phone.",
			Fields:  []wire.Field{{Name: "code", Kind: wire.FieldCode, Label: "Code", Digits: 6}},
			Actions: []wire.Action{{ID: wire.ActionSubmit, Label: "Sign in", Role: wire.RoleDefault}, {ID: wire.ActionBack, Label: "Back", Role: wire.RoleCancel}}}.Dictionary())
	}
	h, keyboard, shown := onTerminal(t, d.start().folder)
	h.send(frame(opLoad, 1, plugin(t, "Latchkey-terminal.so", "", "-tags=terminalpanel")), frame(opCreate, 1, 1, "prompt"))
	h.want(frame(opLoaded, 1, 0, ""), frame(opCreated, 1, 0))
	h.send(frame(opInvoke, 1, none, 1, "uid", 1, "\xf5\x01\x00\x00", none, none))
	h.want(frame(opInvoked, 1, 0))
	shown.wait(t, "Sign in")
	if _, err := keyboard.WriteString("123456\r"); err != nil {
		t.Fatal(err)
	}
	select {
	case a := <-acts:
		if a.Seq != 1 || a.Action != wire.ActionSubmit || a.Values["code"] != "123456" {
			t.Errorf("the daemon got %+v", a)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the daemon got no act")
	}
	d.stop()
	shown.wait(t, "555-0100")
	if _, err := keyboard.WriteString("\r"); err != nil {
		t.Fatal(err)
	}
	h.want(frame(opResult, 1, 0, none, 1, "uid", 1, "\xf5\x01\x00\x00"))
}
