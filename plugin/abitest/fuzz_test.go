//go:build linux

package abitest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// FuzzHost sends latchkey-host requests of any shape, under the sanitizers: it
// carries them out or says why not, and ends by itself.
func FuzzHost(f *testing.F) {
	need(f, "the address sanitizer", sanitizer("address"))
	program := compile(f, "latchkey-host-asan", "plugin/host/*.c", append(strings.Fields(undefined), "-fsanitize=address")...)
	second := secondPlugin(f)
	f.Add(frame(opInvoke, 1, 1, "in", 0, "a\x00b", 1, "uid", 1, "\xf5\x01\x00\x00", none, 1, "one"))
	f.Add(slices.Concat(frame(opDeactivate, 1), frame(opDestroy, 1), frame(opQuit)))
	f.Add(frame(opInvoke, 1, 99))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 3})
	f.Add(frame(opLoad, 2, "/nowhere.so"))
	f.Fuzz(func(t *testing.T, requests []byte) {
		if bytes.Contains(requests, []byte("crash")) {
			return // what that mechanism of the test's own is for
		}
		h := launch(t, program, t.TempDir(), func(*exec.Cmd) {})
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			_, _ = h.in.Write(slices.Concat(frame(opLoad, 1, second), frame(opCreate, 1, 1, "echo"), requests))
			_ = h.in.Close()
		}()
		err := h.ended()
		<-sent
		var exit *exec.ExitError
		if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) || strings.Contains(h.complaints.String(), "anitizer") {
			t.Errorf("%x: ended with %v\n%s", requests, err, &h.complaints)
		}
	})
}

// FuzzHints: whatever a host hands to the gate as uid and as ticket, the daemon
// is asked for the account of the first four bytes of a uid that can be one,
// with a ticket of the right length or none; else the answer is Deny, and
// nobody is asked.
func FuzzHints(f *testing.F) {
	program, library := compile(f, "driver", "plugin/abitest/driver/*.c"), ourPlugin(f)
	f.Add([]byte{0xf5, 1, 0, 0}, []byte(ticket))
	f.Add([]byte{0xf5, 1, 0}, []byte{})
	f.Add(bytes.Repeat([]byte{1}, 64), ticket[1:])
	f.Add(bytes.Repeat([]byte{1}, 65), append([]byte{1}, ticket...))
	f.Fuzz(func(t *testing.T, uid, hint []byte) {
		uid, hint = uid[:min(len(uid), 100)], hint[:min(len(hint), 100)]
		d := newDaemon(t)
		d.gate = says(true)
		h := drive(t, program, library, d.start().folder)
		h.do("open 4 => opened 0", "create 0 gate => created 0", "uid 0 "+hex.EncodeToString(uid), "hint 0 "+hex.EncodeToString(hint), "invoke 0 => invoked 0")
		result := h.ask("result 0 20")
		h.do("destroy 0")
		if len(uid) < 4 || len(uid) > 64 {
			if !strings.HasPrefix(result, "result 1 ") || len(d.asked) != 0 {
				t.Errorf("uid %x: %s, asked %+v", uid, result, d.asked)
			}
			return
		}
		if !strings.HasPrefix(result, "result 0 ") || len(d.asked) != 1 {
			t.Fatalf("uid %x: %s, asked %+v", uid, result, d.asked)
		}
		want := wire.Decide{UID: uint32(uid[0]) | uint32(uid[1])<<8 | uint32(uid[2])<<16 | uint32(uid[3])<<24}
		if len(hint) == wire.TicketSize {
			want.Ticket = hint
		}
		if got := d.asked[0]; got.UID != want.UID || !bytes.Equal(got.Ticket, want.Ticket) {
			t.Errorf("asked %+v, want %+v", got, want)
		}
	})
}
