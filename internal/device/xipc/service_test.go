package xipc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// desk is a service for tests.
type desk struct {
	mu      sync.Mutex
	hello   Hello
	peer    Peer
	order   []string
	closed  int
	send    func(string, wire.Dictionary) error
	opening error
	answer  func(ctx context.Context, name string, body wire.Dictionary) (wire.Dictionary, error)
	through chan struct{} // one message for each connection that has ended
}

func (d *desk) Open(_ context.Context, p Peer, h Hello, send func(string, wire.Dictionary) error) (Endpoint, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hello, d.peer, d.send = h, p, send
	if d.opening != nil {
		return nil, d.opening
	}
	return d, nil
}

func (d *desk) Request(ctx context.Context, name string, body wire.Dictionary) (wire.Dictionary, error) {
	d.mu.Lock()
	d.order = append(d.order, name)
	d.mu.Unlock()
	if d.answer != nil {
		return d.answer(ctx, name, body)
	}
	return wire.Dictionary{"echo": body}, nil
}

func (d *desk) Closed() {
	d.mu.Lock()
	d.closed++
	d.mu.Unlock()
	d.through <- struct{}{}
}

func (d *desk) ended(t *testing.T) {
	t.Helper()
	select {
	case <-d.through:
	case <-time.After(10 * time.Second):
		t.Fatal("the connection did not end")
	}
}

// socket is a path short enough for every system.
func socket(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "xipc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "s.sock")
}

func own(p Peer) bool { return p.UID == uint32(os.Geteuid()) }

// open starts a service; what was logged can be read after the test's end.
func open(t *testing.T, d *desk, change func(*Service)) string {
	t.Helper()
	d.through = make(chan struct{}, 100)
	s := Service{Role: wire.RolePrompt, Path: socket(t), Mode: 0o600, GID: -1, Allow: own, Handler: d}
	if change != nil {
		change(&s)
	}
	l, err := Listen(s)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s.Path
}

func dial(t *testing.T, path string) *Client {
	t.Helper()
	c, err := Dial(t.Context(), path, ClientOptions{Role: wire.RolePrompt, Locales: []string{"de-AT", "en"}, ServerUIDs: []uint32{uint32(os.Geteuid())}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// raw is a connection that says what it is told to say.
func raw(t *testing.T, path string) *stream {
	t.Helper()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return newStream(conn.(*net.UnixConn), 5*time.Second)
}

func TestRequestAndReply(t *testing.T) {
	d := &desk{}
	c := dial(t, open(t, d, nil))
	got, err := c.Request(t.Context(), "echo", wire.Dictionary{"n": int64(-3)})
	if err != nil || got["echo"].(wire.Dictionary)["n"] != int64(-3) {
		t.Fatalf("got %v, %v", got, err)
	}
	if d.hello.V != wire.Version || !slices.Equal(d.hello.Locales, []string{"de-AT", "en"}) {
		t.Errorf("hello was %+v", d.hello)
	}
	if d.peer.UID != uint32(os.Geteuid()) || d.peer.PID != os.Getpid() {
		t.Errorf("peer was %+v", d.peer)
	}
}

func TestRequestsKeepTheirOrder(t *testing.T) {
	d := &desk{}
	s := raw(t, open(t, d, nil))
	send := func(id uint32, name string, body wire.Dictionary) {
		if err := s.send(frame{kind: kindRequest, id: id, name: name, body: body}); err != nil {
			t.Fatal(err)
		}
	}
	send(1, wire.MsgHello, Hello{V: 1, Role: wire.RolePrompt}.dictionary())
	var want []string
	for i := range 100 {
		want = append(want, fmt.Sprint(i))
		send(uint32(i+2), want[i], wire.Dictionary{})
	}
	for i := range 101 {
		if f, err := s.receive(0); err != nil || f.id != uint32(i+1) {
			t.Fatalf("reply %d is %+v, %v", i, f, err)
		}
	}
	if !slices.Equal(d.order, want) {
		t.Errorf("order was %v", d.order)
	}
}

func TestFailuresTellOnlyWhatTheyShould(t *testing.T) {
	secret := errors.New("open /var/db/latchkey: the code 123456")
	var logged []string
	var mu sync.Mutex
	d := &desk{answer: func(_ context.Context, name string, _ wire.Dictionary) (wire.Dictionary, error) {
		switch name {
		case "told":
			return nil, fmt.Errorf("in a wrapping: %w", Failure{"stale", "begin again"})
		case "pointer":
			return nil, &Failure{"stale", "begin again"}
		case "huge":
			return wire.Dictionary{"d": make([]byte, MaxFrame)}, nil
		}
		return nil, secret
	}}
	c := dial(t, open(t, d, func(s *Service) {
		s.Log = func(msg string, err error) {
			mu.Lock()
			defer mu.Unlock()
			logged = append(logged, msg+": "+err.Error())
		}
	}))
	for name, want := range map[string]string{"told": "stale", "pointer": "stale", "untold": CodeInternal, "huge": CodeInternal} {
		_, err := c.Request(t.Context(), name, nil)
		var r *RemoteError
		if !errors.As(err, &r) || r.Code != want || strings.Contains(r.Message, "123456") {
			t.Errorf("%s: got %v, want code %q", name, err, want)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if !strings.Contains(strings.Join(logged, "\n"), secret.Error()) {
		t.Errorf("the cause is not in the log: %q", logged)
	}
}

func TestEventsArriveAtAnyTime(t *testing.T) {
	d := &desk{}
	d.answer = func(context.Context, string, wire.Dictionary) (wire.Dictionary, error) {
		return nil, d.send("during", wire.Dictionary{"n": uint64(1)})
	}
	c := dial(t, open(t, d, nil))
	if _, err := c.Request(t.Context(), "x", nil); err != nil {
		t.Fatal(err)
	}
	if err := d.send("after", wire.Dictionary{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"during", "after"} {
		if m := <-c.Events(); m.Name != want {
			t.Errorf("got %q, want %q", m.Name, want)
		}
	}
	_ = c.Close()
	if _, open := <-c.Events(); open {
		t.Error("events are not closed with the connection")
	}
	d.ended(t)
	if err := d.send("late", wire.Dictionary{}); !errors.Is(err, ErrInterrupted) {
		t.Errorf("a late event: %v", err)
	}
}

func TestAPeerThatLeavesEndsItsRequest(t *testing.T) {
	began := make(chan struct{})
	d := &desk{answer: func(ctx context.Context, _ string, _ wire.Dictionary) (wire.Dictionary, error) {
		close(began)
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	c := dial(t, open(t, d, nil))
	got := make(chan error, 1)
	go func() {
		_, err := c.Request(context.Background(), "wait", nil)
		got <- err
	}()
	<-began
	_ = c.Close()
	d.ended(t)
	if err := <-got; !errors.Is(err, ErrInvalid) {
		t.Errorf("the request under way: %v", err)
	}
	if _, err := c.Request(t.Context(), "x", nil); !errors.Is(err, ErrInvalid) {
		t.Errorf("a request after Close: %v", err)
	}
	if d.closed != 1 {
		t.Errorf("Closed was called %d times", d.closed)
	}
}

// TestARequestThatTakesLong: from then on somebody else reads, and all that
// follows is answered as before, in order.
func TestARequestThatTakesLong(t *testing.T) {
	d := &desk{answer: func(_ context.Context, name string, _ wire.Dictionary) (wire.Dictionary, error) {
		if name == "slow" {
			<-time.After(4 * quick)
		}
		return wire.Dictionary{"name": name}, nil
	}}
	c := dial(t, open(t, d, nil))
	want := []string{"a", "slow", "b", "slow", "c", "d", "e"}
	for _, name := range want {
		got, err := c.Request(t.Context(), name, nil)
		if err != nil || got["name"] != name {
			t.Fatalf("%s: got %v, %v", name, got, err)
		}
	}
	_ = c.Close()
	d.ended(t)
	if !slices.Equal(d.order, want) {
		t.Errorf("answered %q", d.order)
	}
}

func TestAPanicEndsOneConnectionOnly(t *testing.T) {
	d := &desk{answer: func(_ context.Context, name string, _ wire.Dictionary) (wire.Dictionary, error) {
		if name == "panic" {
			panic("the code 123456")
		}
		return nil, nil
	}}
	log := make(chan error, 9)
	path := open(t, d, func(s *Service) { s.Log = func(_ string, err error) { log <- err } })
	one, other := dial(t, path), dial(t, path)
	if _, err := one.Request(t.Context(), "panic", nil); !errors.Is(err, ErrInterrupted) {
		t.Errorf("got %v", err)
	}
	if _, err := other.Request(t.Context(), "fine", nil); err != nil {
		t.Errorf("the other connection: %v", err)
	}
	d.ended(t)
	if logged := <-log; strings.Contains(logged.Error(), "123456") {
		t.Errorf("logged %v", logged)
	}
}

func TestServeEndsAllConnections(t *testing.T) {
	d := &desk{through: make(chan struct{}, 9)}
	l, err := Listen(Service{Role: wire.RolePrompt, Path: socket(t), Mode: 0o600, GID: -1, Allow: own, Handler: d})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Serve(ctx) }()
	c := dial(t, l.service.Path)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if d.closed != 1 {
		t.Errorf("Closed was called %d times", d.closed)
	}
	<-c.ended
	if _, err := c.Request(t.Context(), "x", nil); !errors.Is(err, ErrInterrupted) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Lstat(l.service.Path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}

// TestASocketThatIsHeld: launchd has made it, with a mode and a group of its own.
func TestASocketThatIsHeld(t *testing.T) {
	folder, err := os.MkdirTemp("", "lk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	path := filepath.Join(folder, "gate.sock")
	held, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	held.SetUnlinkOnClose(false)
	if err := os.Chmod(path, 0o777); err != nil {
		t.Fatal(err)
	}
	group := os.Getegid()
	if os.Geteuid() == 0 {
		group = 92
	}
	l, err := Listen(Service{Role: "gate", Path: path, Mode: 0o660, GID: group, Held: held})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- l.Serve(ctx) }()
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Perm() != 0o660 || int(info.Sys().(*syscall.Stat_t).Gid) != group {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the starter's path is gone: %v", err)
	}
	if _, err := Listen(Service{Role: "prompt", Path: filepath.Join(folder, "prompt.sock"), Mode: 0o660, GID: -1, Held: held}); err == nil {
		t.Error("another socket is taken for the prompt's")
	}
}
