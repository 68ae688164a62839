//go:build linux

package abitest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/xipc"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// driver is a running host that does as it is told. See driver/driver.c.
type driver struct {
	t   *testing.T
	in  io.Writer
	out *bufio.Scanner
}

// drive starts a driver on the plug-in. At the end of the test it must end
// well and have said nothing on standard error, where sanitizers report.
func drive(t *testing.T, program, library, places string, wrapper ...string) *driver {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	args := append(append([]string{}, wrapper...), program, library)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "LATCHKEY_SOCKETS="+places, "LATCHKEY_FILES="+places)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		defer cancel()
		_ = in.Close()
		if err := cmd.Wait(); err != nil || complaints.Len() != 0 {
			t.Errorf("the host ended with %v\n%s", err, &complaints)
		}
	})
	return &driver{t: t, in: in, out: bufio.NewScanner(out)}
}

// do gives commands and wants their answers: "command => answer".
func (d *driver) do(script ...string) {
	d.t.Helper()
	for _, line := range script {
		command, want, _ := strings.Cut(line, " => ")
		if got := d.ask(command); want != "" && got != want {
			d.t.Errorf("%s: got %q, want %q", command, got, want)
		}
	}
}

func (d *driver) ask(command string) string {
	d.t.Helper()
	if _, err := fmt.Fprintln(d.in, command); err != nil {
		d.t.Fatalf("%s: %v", command, err)
	}
	if !d.out.Scan() {
		d.t.Fatalf("%s: the host is gone", command)
	}
	return d.out.Text()
}

// ready opens the plug-in and makes mechanism 0 with a checked account.
func (d *driver) ready(mechanism string) {
	d.t.Helper()
	d.do("open 4 => opened 0", "create 0 "+mechanism+" => created 0", "uid 0 "+uid501)
}

const uid501 = "f5010000" // as a uid_t lies in memory on the machines we build for

const (
	allow = "result 0 20 => result 0 hint "
	deny  = "result 0 20 => result 1 hint "
)

func settled(invocations, results, deactivations int) string {
	return fmt.Sprintf("settle 0 0.2 => settled invocations %d results %d deactivations %d faults 0", invocations, results, deactivations)
}

// daemon is the other end of both sockets.
type daemon struct {
	t      *testing.T
	folder string
	mu     sync.Mutex
	asked  []wire.Decide
	begun  chan uint64
	closed chan struct{}                                        // one message for each connection that ended
	prompt func(send func(string, wire.Dictionary) error) error // at begin
	gate   func(ctx context.Context) (wire.Decision, error)     // at decide
	act    func(wire.Act)
	mode   fs.FileMode // of the sockets
	gid    int         // of the sockets, -1: the test's own
	stop   func()
}

func newDaemon(t *testing.T) *daemon {
	t.Helper()
	folder, err := os.MkdirTemp("", "abi")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	return &daemon{t: t, folder: folder, begun: make(chan uint64, 4096), closed: make(chan struct{}, 4096), mode: 0o600, gid: -1}
}

// start serves both sockets until stop, or the end of the test.
func (d *daemon) start() *daemon {
	d.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	for _, role := range []string{wire.RolePrompt, wire.RoleGate} {
		l, err := xipc.Listen(xipc.Service{Role: role, Path: filepath.Join(d.folder, role+".sock"), Mode: d.mode, GID: d.gid,
			Allow: func(xipc.Peer) bool { return true }, MaxPerUID: 100, Handler: d})
		if err != nil {
			d.t.Fatal(err)
		}
		serving.Go(func() {
			if err := l.Serve(ctx); err != nil {
				d.t.Error(err)
			}
		})
	}
	d.stop = func() { cancel(); serving.Wait() }
	d.t.Cleanup(d.stop)
	return d
}

func (d *daemon) Open(_ context.Context, _ xipc.Peer, _ xipc.Hello, send func(string, wire.Dictionary) error) (xipc.Endpoint, error) {
	return &conversation{daemon: d, send: send}, nil
}

type conversation struct {
	daemon *daemon
	send   func(string, wire.Dictionary) error
}

func (c *conversation) Closed() { c.daemon.closed <- struct{}{} }

func (c *conversation) Request(ctx context.Context, name string, body wire.Dictionary) (wire.Dictionary, error) {
	if name == wire.MsgBegin {
		c.daemon.begun <- body["uid"].(uint64)
		if c.daemon.prompt == nil {
			return nil, nil
		}
		return nil, c.daemon.prompt(c.send)
	}
	if name == wire.MsgAct {
		act, err := wire.ActFrom(body)
		c.daemon.act(act)
		return wire.Dictionary{"ok": true}, err
	}
	question, err := wire.DecideFrom(body)
	if err != nil {
		return nil, err
	}
	c.daemon.mu.Lock()
	c.daemon.asked = append(c.daemon.asked, question)
	c.daemon.mu.Unlock()
	decision, err := c.daemon.gate(ctx)
	return decision.Dictionary(), err
}

// says answers every question of the gate alike.
func says(allow bool) func(context.Context) (wire.Decision, error) {
	return func(context.Context) (wire.Decision, error) { return wire.Decision{Allow: allow}, nil }
}

// ends ends every conversation alike.
func ends(d wire.Done) func(func(string, wire.Dictionary) error) error {
	return func(send func(string, wire.Dictionary) error) error { return send(wire.MsgDone, d.Dictionary()) }
}
