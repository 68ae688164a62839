//go:build linux

package abitest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// The operations of latchkey-host.
const (
	opLoad, opCreate, opInvoke, opDeactivate, opDestroy, opQuit = 1, 2, 3, 4, 5, 6

	opLoaded, opCreated, opInvoked, opResult, opInterrupt, opDeactivated, opDestroyed, opFault = 17, 18, 19, 20, 21, 22, 23, 24
)

const internalError = 0xffff1598 // -60008 as the frames carry it

// host is a running latchkey-host and this end of its two pipes.
type host struct {
	t          *testing.T
	cmd        *exec.Cmd
	in, out    *os.File
	complaints bytes.Buffer
}

func startHost(t *testing.T, places string) *host {
	t.Helper()
	program := compile(t, "latchkey-host", "plugin/host/*.c")
	if sanitizer("address") == nil {
		program = compile(t, "latchkey-host-asan", "plugin/host/*.c", append(strings.Fields(undefined), "-fsanitize=address")...)
	}
	return launch(t, program, places, func(*exec.Cmd) {})
}

func launch(t *testing.T, program, places string, change func(*exec.Cmd)) *host {
	t.Helper()
	requests, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, reports, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	h := &host{t: t, in: in, out: out, cmd: exec.Command(program)}
	h.cmd.ExtraFiles = []*os.File{requests, reports} // 3 and 4
	h.cmd.Env = append(os.Environ(), "LATCHKEY_SOCKETS="+places, "LATCHKEY_FILES="+places)
	h.cmd.Stderr = &h.complaints
	change(h.cmd)
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = requests.Close(), reports.Close()
	timer := time.AfterFunc(time.Minute, func() { _ = h.cmd.Process.Kill() })
	t.Cleanup(func() {
		timer.Stop()
		_ = h.cmd.Process.Kill()
		_, _, _ = in.Close(), out.Close(), h.cmd.Wait()
	})
	return h
}

// frame is an operation with what follows: a uint32, a string (with its
// length) or raw bytes.
func frame(op byte, parts ...any) []byte {
	body := []byte{op}
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			body = binary.BigEndian.AppendUint32(body, uint32(p))
		case string:
			body = append(binary.BigEndian.AppendUint32(body, uint32(len(p))), p...)
		case []byte:
			body = append(body, p...)
		}
	}
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

func (h *host) send(frames ...[]byte) {
	h.t.Helper()
	for _, f := range frames {
		if _, err := h.in.Write(f); err != nil {
			h.t.Fatal(err)
		}
	}
}

func (h *host) receive() ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(h.out, head[:]); err != nil {
		return nil, err
	}
	body := make([]byte, binary.BigEndian.Uint32(head[:]))
	_, err := io.ReadFull(h.out, body)
	return body, err
}

// want reads reports until each of those given has come, in any order.
func (h *host) want(frames ...[]byte) {
	h.t.Helper()
	for len(frames) > 0 {
		got, err := h.receive()
		if err != nil {
			h.t.Fatalf("the host is gone: %v\n%s", err, &h.complaints)
		}
		found := false
		for i, f := range frames {
			if found = bytes.Equal(f[4:], got); found {
				frames = append(frames[:i:i], frames[i+1:]...)
				break
			}
		}
		if !found {
			h.t.Fatalf("got report %d %q, want one of %q", got[0], got, frames)
		}
	}
}

// ended waits for the end of the process.
func (h *host) ended() error {
	_, _ = io.Copy(io.Discard, h.out)
	return h.cmd.Wait()
}

// none is an empty map or an empty list.
const none = 0

func TestAPluginThatIsNotOurs(t *testing.T) {
	h := startHost(t, t.TempDir())
	h.send(frame(opLoad, 7, secondPlugin(t)), frame(opCreate, 1, 7, "echo"))
	h.want(frame(opLoaded, 7, 0, ""), frame(opCreated, 1, 0))
	h.send(frame(opInvoke, 1,
		1, "in", 0, "a\x00b",
		2, "username", 2, "ann\x00", "uid", 1, "\xf5\x01\x00\x00",
		1, "client-apple-signed", 0, "1",
		2, "one", "two\x00"))
	h.want(frame(opInvoked, 1, 0), frame(opResult, 1, 0,
		4, "hint", 0, "a\x00b", "immutable", 0, "1", "argument", 0, "two\x00", "missing", 0, "yes",
		3, "username", 2, "ann\x00", "uid", 1, "\xf5\x01\x00\x00", "copied", 2, "ann\x00"))
	// Another round has that round's values and nothing of the last one's.
	h.send(frame(opInvoke, 1, none, none, none, none))
	h.want(frame(opInvoked, 1, 0), frame(opResult, 1, 0, 1, "missing", 0, "yes", none))
	h.send(frame(opDeactivate, 1), frame(opDestroy, 1), frame(opDestroy, 1))
	h.want(frame(opDeactivated, 1), frame(opDestroyed, 1, 0), frame(opDestroyed, 1, -60002))
	h.send(frame(opQuit))
	if err := h.ended(); err != nil || h.complaints.Len() != 0 {
		t.Errorf("ended with %v\n%s", err, &h.complaints)
	}
}

func TestOtherResultsAndFaults(t *testing.T) {
	h := startHost(t, t.TempDir())
	h.send(frame(opLoad, 1, secondPlugin(t)))
	h.want(frame(opLoaded, 1, 0, ""))
	invoke := func(mech int) []byte { return frame(opInvoke, mech, none, none, none, none) }
	const nothing = "SetResult for nothing: no invocation waits for a result"
	cases := []struct {
		name string
		send [][]byte
		want [][]byte
	}{
		{"cancel", [][]byte{invoke(0)}, [][]byte{frame(opInvoked, 0, 0), frame(opResult, 0, 3, none, none)}},
		{"interrupt", [][]byte{invoke(1)}, [][]byte{frame(opInterrupt, 1), frame(opInvoked, 1, 0), frame(opResult, 1, 0, none, none)}},
		{"twice", [][]byte{invoke(2)}, [][]byte{frame(opResult, 2, 0, none, none), frame(opFault, 2, nothing), frame(opInvoked, 2, 0)}},
		{"silent", [][]byte{invoke(3), invoke(3)}, [][]byte{frame(opInvoked, 3, 0), frame(opFault, 3, "INVOKE while an invocation waits for its result")}},
		{"late", [][]byte{frame(opDestroy, 4)}, [][]byte{frame(opFault, 4, "DidDeactivate without MechanismDeactivate"), frame(opDestroyed, 4, 0)}},
	}
	for n, c := range cases {
		h.send(frame(opCreate, n, 1, c.name))
		h.want(frame(opCreated, n, 0))
		h.send(c.send...)
		h.want(c.want...)
	}
	h.send(frame(opCreate, 9, 1, "uncreatable"), frame(opCreate, 9, 8, "echo"), invoke(9), frame(opDeactivate, 9))
	h.want(frame(opCreated, 9, -60008), frame(opCreated, 9, -60008), frame(opInvoked, 9, -60002), frame(opFault, 9, "DEACTIVATE of no mechanism"))
}

func TestPluginsThatCannotBeLoaded(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text.so")
	if err := os.WriteFile(text, []byte("not a library"), 0o700); err != nil {
		t.Fatal(err)
	}
	empty := artifact(t, "empty.so", func(out string) *exec.Cmd {
		cmd := exec.Command("cc", "-shared", "-o", out, "-x", "c", "-")
		cmd.Stdin = strings.NewReader("int nothing;\n")
		return cmd
	})
	h := startHost(t, t.TempDir())
	for path, want := range map[string]string{text: "text.so", empty: "no AuthorizationPluginCreate", "/nowhere/x.so": "/nowhere/x.so"} {
		h.send(frame(opLoad, 1, path))
		got, err := h.receive()
		if err != nil || got[0] != opLoaded || binary.BigEndian.Uint32(got[5:]) != internalError || !strings.Contains(string(got), want) {
			t.Errorf("%s: got %q, %v", path, got, err)
		}
	}
}

func TestACrashEndsTheHost(t *testing.T) {
	h := startHost(t, t.TempDir())
	h.send(frame(opLoad, 1, secondPlugin(t)), frame(opCreate, 1, 1, "crash"), frame(opInvoke, 1, none, none, none, none))
	var exit *exec.ExitError
	if err := h.ended(); !errors.As(err, &exit) || exit.ExitCode() == 0 {
		t.Errorf("ended with %v", err)
	}
}

func TestAnEngineThatIsGone(t *testing.T) {
	h := startHost(t, t.TempDir())
	h.send(frame(opLoad, 1, secondPlugin(t)), frame(opCreate, 1, 1, "silent"))
	h.want(frame(opLoaded, 1, 0, ""), frame(opCreated, 1, 0))
	_ = h.in.Close()
	if err := h.ended(); err != nil {
		t.Errorf("ended with %v", err)
	}
}

func TestRequestsThatCannotBe(t *testing.T) {
	created := slices.Concat(frame(opLoad, 1, secondPlugin(t)), frame(opCreate, 1, 1, "echo"))
	huge := binary.BigEndian.AppendUint32(nil, 1<<20+1)
	cases := map[string][]byte{
		"empty":                 {0, 0, 0, 0},
		"too large":             huge,
		"unknown":               frame(99),
		"cut short":             frame(opCreate, 1),
		"more than it needs":    frame(opDestroy, 1, 2),
		"a path with a NUL":     frame(opLoad, 1, "a\x00b"),
		"a long path":           frame(opLoad, 1, strings.Repeat("x", 5000)),
		"a map without entries": slices.Concat(created, frame(opInvoke, 1, 9)),
		"too many arguments":    slices.Concat(created, frame(opInvoke, 1, none, none, none, 100000)),
		"a key with a NUL":      slices.Concat(created, frame(opInvoke, 1, 1, "a\x00", 0, "", none, none, none)),
		"a trailing byte":       slices.Concat(created, frame(opInvoke, 1, none, none, none, none, []byte{0})),
	}
	for name, request := range cases {
		t.Run(name, func(t *testing.T) {
			h := startHost(t, t.TempDir())
			h.send(request)
			_ = h.in.Close()
			var exit *exec.ExitError
			if err := h.ended(); !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.HasPrefix(h.complaints.String(), "latchkey-host: ") {
				t.Errorf("ended with %v, %q", err, &h.complaints)
			}
		})
	}
}

// TestOurPluginUnderTheHost is a login from prompt to gate, as authhost plays it.
func TestOurPluginUnderTheHost(t *testing.T) {
	d := newDaemon(t)
	d.prompt = ends(wire.Done{Result: wire.ResultContinue, Ticket: ticket})
	d.gate = says(true)
	d.start()
	h := startHost(t, d.folder)
	h.send(frame(opLoad, 1, ourPlugin(t)), frame(opCreate, 1, 1, "prompt"), frame(opCreate, 2, 1, "gate"))
	h.want(frame(opLoaded, 1, 0, ""), frame(opCreated, 1, 0), frame(opCreated, 2, 0))
	context := []any{2, "uid", 1, "\xf5\x01\x00\x00", "password", 1, "never read\x00"}
	h.send(frame(opInvoke, append(append([]any{1, none}, context...), none, none)...))
	hints := []any{1, wire.TicketHint, 0, string(ticket)}
	h.want(frame(opInvoked, 1, 0), frame(opResult, append(append([]any{1, 0}, hints...), context...)...))
	h.send(frame(opInvoke, append(append(append([]any{2}, hints...), context...), none, none)...))
	h.want(frame(opInvoked, 2, 0), frame(opResult, append(append([]any{2, 0}, hints...), context...)...))
	if want := []wire.Decide{{UID: 501, Ticket: ticket}}; !reflect.DeepEqual(d.asked, want) {
		t.Errorf("the daemon was asked %+v", d.asked)
	}
	h.send(frame(opQuit))
	if err := h.ended(); err != nil || h.complaints.Len() != 0 {
		t.Errorf("ended with %v\n%s", err, &h.complaints)
	}
}
