//go:build unix

package xipc

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

func asking(ctx context.Context, path string) (wire.Dictionary, error) {
	return Ask(ctx, path, ClientOptions{Role: wire.RolePrompt, ServerUIDs: []uint32{uint32(os.Geteuid())}}, "question", wire.Dictionary{"n": int64(7)})
}

func TestAsk(t *testing.T) {
	d := &desk{}
	d.answer = func(_ context.Context, _ string, body wire.Dictionary) (wire.Dictionary, error) {
		// What was not asked for does not pass for the answer.
		return wire.Dictionary{"got": body["n"]}, d.send("news", wire.Dictionary{"got": int64(1)})
	}
	path := open(t, d, nil)
	got, err := asking(t.Context(), path)
	if err != nil || got["got"] != int64(7) {
		t.Errorf("got %v, %v", got, err)
	}
	d.ended(t) // the connection does not stay
	if d.hello.Role != wire.RolePrompt || d.peer.PID != os.Getpid() {
		t.Errorf("said hello as %+v, %+v", d.hello, d.peer)
	}
}

// TestAskFails: the errors are those of Dial and Request, since the gate tells
// a daemon that is away from one that misbehaves by them.
func TestAskFails(t *testing.T) {
	failing := func(err error) func(*testing.T) string {
		return func(t *testing.T) string {
			return open(t, &desk{answer: func(context.Context, string, wire.Dictionary) (wire.Dictionary, error) { return nil, err }}, nil)
		}
	}
	var told *RemoteError
	cases := []struct {
		name string
		path func(*testing.T) string
		want func(error) bool
	}{
		{"nobody there", socket, func(err error) bool { return errors.Is(err, ErrInterrupted) }},
		{"a refusal", failing(Failure{"no", "not today"}), func(err error) bool { return errors.As(err, &told) && told.Code == "no" }},
		{"a failure", failing(errors.New("secret")), func(err error) bool { return errors.As(err, &told) && told.Code == CodeInternal }},
		{"another role", func(t *testing.T) string {
			return open(t, &desk{}, func(s *Service) { s.Role = wire.RoleControl })
		}, func(err error) bool { return errors.Is(err, ErrInvalid) }},
		{"not admitted", func(t *testing.T) string {
			return open(t, &desk{}, func(s *Service) { s.Allow = nil })
		}, func(err error) bool { return errors.Is(err, ErrInvalid) }},
		{"gone in the middle", func(t *testing.T) string {
			return speaking(t, func(conn net.Conn) { _, _ = conn.Read(make([]byte, 9)); _ = conn.Close() })
		}, func(err error) bool { return errors.Is(err, ErrInterrupted) && !errors.Is(err, ErrInvalid) }},
		{"half a frame", func(t *testing.T) string {
			return speaking(t, func(conn net.Conn) { _, _ = conn.Write([]byte{0, 0, 0, 9, 2}); _ = conn.Close() })
		}, func(err error) bool { return errors.Is(err, ErrInterrupted) }},
		{"a frame that cannot be", func(t *testing.T) string {
			return speaking(t, func(conn net.Conn) { _, _ = conn.Write([]byte{0xff, 0xff, 0xff, 0xff}) })
		}, func(err error) bool { return errors.Is(err, ErrInvalid) }},
		{"a question back", func(t *testing.T) string {
			raw, _ := frame{kind: kindRequest, id: 1, name: "x"}.encode()
			return speaking(t, func(conn net.Conn) { _, _ = conn.Write(raw) })
		}, func(err error) bool { return errors.Is(err, ErrInvalid) }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got, err := asking(t.Context(), c.path(t)); got != nil || !c.want(err) {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

// speaking is a server that does one thing with each connection.
func speaking(t *testing.T, do func(net.Conn)) string {
	t.Helper()
	path := socket(t)
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	through := make(chan struct{})
	go func() {
		defer close(through)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			do(conn)
			t.Cleanup(func() { _ = conn.Close() })
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-through })
	return path
}

// TestAskOfAStranger: whoever can put a socket at the path is not the daemon.
func TestAskOfAStranger(t *testing.T) {
	path := open(t, &desk{}, nil)
	_, err := Ask(t.Context(), path, ClientOptions{Role: wire.RolePrompt, ServerUIDs: []uint32{12345}}, "question", nil)
	if !errors.Is(err, ErrInvalid) {
		t.Errorf("asked a stranger: %v", err)
	}
}

// TestAskEnds: a service that says nothing holds nobody up, whether it has
// taken the connection, or its queue is full.
func TestAskEnds(t *testing.T) {
	for _, full := range []bool{false, true} {
		path := silent(t)
		if full {
			held, err := net.Dial("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			defer held.Close()
		}
		for name, end := range map[string]func() (context.Context, context.CancelFunc){
			"deadline": func() (context.Context, context.CancelFunc) {
				return context.WithTimeout(t.Context(), 20*time.Millisecond)
			},
			"cancel": func() (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(20*time.Millisecond, cancel)
				return ctx, cancel
			},
		} {
			ctx, cancel := end()
			asked := make(chan error, 1)
			go func() {
				_, err := Ask(ctx, path, ClientOptions{Role: wire.RolePrompt, Timeout: time.Hour}, "question", nil)
				asked <- err
			}()
			select {
			case err := <-asked:
				ended := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
				if !errors.Is(err, ErrInterrupted) || !ended {
					t.Errorf("%s, full %v: %v", name, full, err)
				}
			case <-time.After(20 * time.Second):
				t.Fatalf("%s, full %v: nothing ends it", name, full)
			}
			cancel()
		}
	}
}

// silent listens with room for one connection, and takes none.
func silent(t *testing.T) string {
	t.Helper()
	path := socket(t)
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	return path
}
