//go:build linux

package abitest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// run starts the driver of one variant of the binaries.
type run func(t *testing.T, d *daemon) *driver

// variants run every scenario on the binaries as they ship, and under the
// sanitizers of addresses and of undefined behaviour, with the plug-in and the
// host both instrumented. Leaks are looked for at the driver's end, too.
func variants(t *testing.T, scenario func(t *testing.T, start run)) {
	t.Run("plain", func(t *testing.T) {
		scenario(t, func(t *testing.T, d *daemon) *driver {
			return drive(t, compile(t, "driver", "plugin/abitest/driver/*.c"), ourPlugin(t), d.folder)
		})
	})
	t.Run("sanitized", func(t *testing.T) {
		need(t, "the address sanitizer", sanitizer("address"))
		scenario(t, func(t *testing.T, d *daemon) *driver {
			program := compile(t, "driver-asan", "plugin/abitest/driver/*.c", append(strings.Fields(undefined), "-fsanitize=address")...)
			return drive(t, program, plugin(t, "Latchkey-asan.so", "", "-asan"), d.folder)
		})
	})
}

var ticket = bytes.Repeat([]byte{0xab}, wire.TicketSize)

var ticketHex = strings.Repeat("ab", wire.TicketSize)

func TestNullArguments(t *testing.T) {
	variants(t, func(t *testing.T, start run) {
		start(t, newDaemon(t)).do("open-null => opened-null refused", "open 4 => opened 0", "create-null => created-null refused",
			"invoke-null => invoked -60002", "deactivate-null => deactivated -60002", "destroy-null => destroyed -60002", "close => closed 0 -60002")
	})
}

func TestCallbacksOfAnyVersion(t *testing.T) {
	variants(t, func(t *testing.T, start run) {
		for _, version := range []uint64{0, 1, 4, 5, 4294967295} {
			d := newDaemon(t)
			d.gate = says(true)
			start(t, d.start()).do(fmt.Sprintf("open %d => opened 0", version), "create 0 gate", "uid 0 "+uid501, "invoke 0 => invoked 0",
				allow+"-", settled(1, 1, 0), "destroy 0 => destroyed 0", "close")
		}
	})
}

func TestTheGateCarriesWhatItRead(t *testing.T) {
	variants(t, func(t *testing.T, start run) {
		d := newDaemon(t)
		d.gate = says(true)
		h := start(t, d.start())
		h.ready("gate")
		h.do("hint 0 "+ticketHex, "invoke 0", allow+ticketHex+".", "hint 0 abab", "invoke 0", allow+"abab.",
			"uid 0 f501000000000000", "hint 0 -", "invoke 0", allow+"-", settled(3, 3, 0), "destroy 0")
		if len(d.asked) != 3 || d.asked[0].UID != 501 || !bytes.Equal(d.asked[0].Ticket, ticket) {
			t.Fatalf("the daemon was asked %+v", d.asked)
		}
		if len(d.asked[1].Ticket) != 0 || d.asked[2].UID != 501 {
			t.Errorf("the daemon was asked %+v", d.asked[1:])
		}
	})
}

func TestTheDaemonsDecisionIsTheResult(t *testing.T) {
	variants(t, func(t *testing.T, start run) {
		for allowed, want := range map[bool]string{true: allow + "-", false: deny + "-"} {
			d := newDaemon(t)
			d.gate = says(allowed)
			h := start(t, d.start())
			h.ready("gate")
			h.do("invoke 0 => invoked 0", want, settled(1, 1, 0), "destroy 0")
		}
	})
}

func TestThePromptLeavesItsTicket(t *testing.T) {
	variants(t, func(t *testing.T, start run) {
		cases := []struct {
			done   wire.Done
			before string
			want   string
		}{
			{wire.Done{Result: wire.ResultContinue, Ticket: ticket}, "-", allow + ticketHex + "."},
			{wire.Done{Result: wire.ResultContinue, Ticket: ticket}, "0102", allow + ticketHex + "."},
			{wire.Done{Result: wire.ResultContinue}, "-", allow + "-"},
			{wire.Done{Result: wire.ResultContinue}, "0102", allow + "."}, // an earlier round's does not stay
			{wire.Done{Result: wire.ResultBack}, "-", deny + "-"},
		}
		for _, c := range cases {
			d := newDaemon(t)
			d.prompt = ends(c.done)
			h := start(t, d.start())
			h.ready("prompt")
			h.do("hint 0 "+c.before, "invoke 0 => invoked 0", c.want, settled(1, 1, 0), "destroy 0")
			if uid := <-d.begun; uid != 501 {
				t.Errorf("begun for %d", uid)
			}
		}
	})
}

// TestWhatProvesNothingIsDenied: each would be allowed by this daemon.
func TestWhatProvesNothingIsDenied(t *testing.T) {
	variants(t, func(t *testing.T, start run) {
		d := newDaemon(t)
		d.gate = says(true)
		d.prompt = ends(wire.Done{Result: wire.ResultContinue, Ticket: ticket})
		h := start(t, d.start())
		h.do("open 4")
		n := 0
		for _, mechanism := range []string{"gate", "prompt"} {
			for _, uid := range []string{"-", "", "f50100", strings.Repeat("01", 65)} {
				h.do(fmt.Sprintf("create %d %s => created 0", n, mechanism), fmt.Sprintf("uid %d %s", n, uid),
					fmt.Sprintf("invoke %d => invoked 0", n), fmt.Sprintf("result %d 20 => result 1 hint -", n))
				n++
			}
		}
		for _, mechanism := range []string{"Gate", "gate,privileged", "NULL", "unknown"} {
			h.do(fmt.Sprintf("create %d %s => created 0", n, mechanism), fmt.Sprintf("uid %d %s", n, uid501),
				fmt.Sprintf("invoke %d => invoked 0", n), fmt.Sprintf("result %d 20 => result 1 hint -", n))
			n++
		}
		for ; n > 0; n-- {
			h.do(fmt.Sprintf("destroy %d", n-1))
		}
		if len(d.asked) != 0 || len(d.begun) != 0 {
			t.Error("the daemon was asked for an account that nobody checked")
		}
	})
}

func TestCallbacksThatFail(t *testing.T) {
	variants(t, func(t *testing.T, start run) {
		cases := []struct{ mechanism, callback, want string }{
			{"gate", "GetContextValue", deny + "-"},
			{"gate", "GetContextValue-null", deny + "-"},
			{"prompt", "GetContextValue", deny + "-"},
			{"gate", "GetHintValue", allow + "-"},
			{"prompt", "GetHintValue", allow + ticketHex + "."},
			{"prompt", "SetHintValue", allow + "-"}, // the gate finds no ticket
			{"gate", "SetResult", allow + "-"},      // and it is not tried again
			{"prompt", "SetResult", allow + ticketHex + "."},
		}
		for _, c := range cases {
			d := newDaemon(t)
			d.gate = says(true)
			d.prompt = ends(wire.Done{Result: wire.ResultContinue, Ticket: ticket})
			h := start(t, d.start())
			h.ready(c.mechanism)
			h.do("fail 0 "+c.callback, "invoke 0 => invoked 0", c.want, settled(1, 1, 0), "fail 0 DidDeactivate",
				"deactivate 0 => deactivated 0", settled(1, 1, 1), "destroy 0 => destroyed 0")
		}
	})
}

// silent is a daemon that begins conversations and never says a word.
func silent(t *testing.T) *daemon { t.Helper(); return newDaemon(t).start() }

func TestDeactivate(t *testing.T) {
	variants(t, func(t *testing.T, start run) {
		d := silent(t)
		h := start(t, d)
		h.ready("prompt")
		h.do("deactivate 0 => deactivated 0", settled(0, 0, 1)) // before
		h.do("invoke 0 => invoked 0")
		<-d.begun
		h.do("deactivate 0 => deactivated 0", deny+"-", settled(1, 1, 2)) // during
		h.do("deactivate 0 => deactivated 0", settled(1, 1, 3))           // after
		d.prompt = ends(wire.Done{Result: wire.ResultContinue, Ticket: ticket})
		h.do("invoke 0 => invoked 0", allow+ticketHex+".", settled(2, 2, 3), "destroy 0 => destroyed 0", "close")
	})
}

func TestInvokeAgain(t *testing.T) {
	variants(t, func(t *testing.T, start run) {
		d := newDaemon(t)
		d.gate = says(false)
		h := start(t, d.start())
		h.ready("gate")
		for range 50 {
			h.do("invoke 0 => invoked 0", deny+"-")
		}
		h.do(settled(50, 50, 0), "destroy 0")
	})
}

func TestInvokeWhileOneIsPending(t *testing.T) {
	variants(t, func(t *testing.T, start run) {
		d := newDaemon(t)
		asked, answer := make(chan struct{}, 9), make(chan struct{})
		d.gate = func(context.Context) (wire.Decision, error) {
			asked <- struct{}{}
			<-answer
			return wire.Decision{Allow: true}, nil
		}
		h := start(t, d.start())
		h.ready("gate")
		h.do("invoke 0 => invoked 0")
		<-asked
		h.do("invoke 0 => invoked -60008", "invoke 0 => invoked -60008")
		close(answer)
		h.do(allow+"-", settled(1, 1, 0), "destroy 0")
	})
}

func TestDestroyWhilePending(t *testing.T) {
	variants(t, func(t *testing.T, start run) {
		d := silent(t)
		h := start(t, d)
		h.ready("prompt")
		h.do("invoke 0 => invoked 0")
		<-d.begun
		h.do("destroy 0 => destroyed 0")
		select { // nothing is left running for it
		case <-d.closed:
		case <-time.After(20 * time.Second):
			t.Error("the conversation goes on")
		}
		h.do(settled(1, 0, 0), "close") // the engine's memory is gone: a late result would crash
	})
}

// TestDestroyAtAnyMoment races the daemon's answer, and every stage before it,
// against the end of the mechanism.
func TestDestroyAtAnyMoment(t *testing.T) {
	variants(t, func(t *testing.T, start run) {
		d := newDaemon(t)
		d.gate = says(true)
		d.prompt = ends(wire.Done{Result: wire.ResultContinue, Ticket: ticket})
		h := start(t, d.start())
		h.do("open 4")
		for range 15 {
			for n := range 16 {
				h.do(fmt.Sprintf("create %d %s", n, []string{"gate", "prompt"}[n%2]), fmt.Sprintf("uid %d %s", n, uid501), fmt.Sprintf("invoke %d", n))
			}
			for n := range 16 {
				h.do(fmt.Sprintf("destroy %d => destroyed 0", n))
			}
		}
		h.do("close")
	})
}

// TestHostsThatCallBack: a host may call the mechanism from inside SetResult.
func TestHostsThatCallBack(t *testing.T) {
	variants(t, func(t *testing.T, start run) {
		d := newDaemon(t)
		d.gate = says(true)
		h := start(t, d.start())
		h.ready("gate")
		h.do("reenter 0 invoke", "invoke 0", allow+"-", allow+"-", settled(2, 2, 0))
		h.do("reenter 0 deactivate", "invoke 0", allow+"-", settled(3, 3, 1))
		h.do("reenter 0 destroy", "invoke 0", allow+"-", settled(4, 4, 1), "close")
	})
}

func TestADaemonThatIsAbsent(t *testing.T) {
	variants(t, func(t *testing.T, start run) {
		d := newDaemon(t)
		h := start(t, d)
		h.ready("gate")
		h.do("invoke 0", deny+"-") // no gate file either
		file := filepath.Join(d.folder, "gate.json")
		if err := os.WriteFile(file, []byte(`{"v":1,"exempt":[],"unavailable":"allow","kill_switch":""}`), 0o600); err != nil {
			t.Fatal(err)
		}
		h.do("invoke 0", allow+"-", "destroy 0")
		h.do("create 1 prompt", "uid 1 "+uid501, "invoke 1", "result 1 20 => result 0 hint -", "destroy 1") // the gate decides
	})
}

func TestADaemonKilledInTheMiddle(t *testing.T) {
	variants(t, func(t *testing.T, start run) {
		d := newDaemon(t)
		asked := make(chan struct{}, 1)
		d.gate = func(ctx context.Context) (wire.Decision, error) {
			asked <- struct{}{}
			<-ctx.Done()
			return wire.Decision{}, ctx.Err()
		}
		h := start(t, d.start())
		h.ready("gate")
		h.do("create 1 prompt", "uid 1 "+uid501, "invoke 0", "invoke 1")
		<-asked
		<-d.begun
		d.stop()
		h.do(deny+"-", "result 1 20 => result 0 hint -", settled(1, 1, 0), "destroy 0", "destroy 1")
	})
}

// TestADaemonThatHangs is the deadline of the C side, shortened to a second in
// this build: Go would wait for half a minute.
func TestADaemonThatHangs(t *testing.T) {
	d := newDaemon(t)
	for _, name := range []string{"gate", "prompt"} {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(d.folder, name+".sock"), Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
	}
	h := drive(t, compile(t, "driver", "plugin/abitest/driver/*.c"), plugin(t, "Latchkey-hasty.so", "-DLATCHKEY_GATE_SECONDS=1"), d.folder)
	h.ready("gate")
	h.do("invoke 0", deny+"-", settled(1, 1, 0))
	h.do("invoke 0", deny+"-", settled(2, 2, 0)) // again, with the first one's work still hanging
	h.do("create 1 prompt", "uid 1 "+uid501, "invoke 1", "result 1 20 => result 0 hint -", "destroy 1", "destroy 0")
}

// TestUnderValgrind runs one round of everything where the tool is there.
func TestUnderValgrind(t *testing.T) {
	if testing.Short() {
		t.Skip("slow")
	}
	valgrind, err := exec.LookPath("valgrind")
	need(t, "valgrind", err)
	d := newDaemon(t)
	d.gate = says(true)
	library := plugin(t, "Latchkey-valgrind.so", "", "-tags=valgrind")
	h := drive(t, compile(t, "driver", "plugin/abitest/driver/*.c"), library, d.start().folder,
		valgrind, "--quiet", "--error-exitcode=9", "--leak-check=no")
	h.ready("gate")
	h.do("invoke 0 => invoked 0", "result 0 60 => result 0 hint -", "deactivate 0", "invoke 0", "destroy 0", "close")
}
