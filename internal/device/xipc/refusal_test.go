package xipc

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

func TestHello(t *testing.T) {
	good := Hello{V: 1, Role: wire.RolePrompt}.dictionary()
	with := func(key string, v any) wire.Dictionary {
		d := Hello{V: 1, Role: wire.RolePrompt}.dictionary()
		d[key] = v
		return d
	}
	cases := []struct {
		name  string
		first frame
		want  string // code of the failure, or none
	}{
		{"as it should be", frame{kind: kindRequest, id: 1, name: wire.MsgHello, body: good}, ""},
		{"from a newer client", frame{kind: kindRequest, id: 1, name: wire.MsgHello, body: with("v", uint64(9))}, ""},
		{"another message first", frame{kind: kindRequest, id: 1, name: wire.MsgBegin, body: good}, CodeProtocol},
		{"an event first", frame{kind: kindEvent, name: wire.MsgHello, body: good}, CodeProtocol},
		{"another role", frame{kind: kindRequest, id: 1, name: wire.MsgHello, body: with("role", wire.RoleGate)}, CodeProtocol},
		{"no version", frame{kind: kindRequest, id: 1, name: wire.MsgHello, body: with("v", "1")}, CodeProtocol},
		{"too many locales", frame{kind: kindRequest, id: 1, name: wire.MsgHello, body: with("locales", make33())}, CodeProtocol},
		{"a locale of 65 bytes", frame{kind: kindRequest, id: 1, name: wire.MsgHello, body: with("locales", []any{strings.Repeat("x", 65)})}, CodeProtocol},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := raw(t, open(t, &desk{}, nil))
			if err := s.send(c.first); err != nil {
				t.Fatal(err)
			}
			f, err := s.receive(0)
			if err != nil {
				t.Fatal(err)
			}
			if c.want == "" {
				if f.kind != kindReply || !reflect.DeepEqual(f.body, wire.Dictionary{"v": uint64(wire.Version)}) {
					t.Errorf("got %+v", f)
				}
				return
			}
			if f.kind != kindFailure || f.name != c.want {
				t.Errorf("got %+v, want a failure %q", f, c.want)
			}
			if _, err := s.receive(0); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("the connection goes on: %v", err)
			}
		})
	}
}

func make33() []any {
	out := make([]any, 33)
	for i := range out {
		out[i] = "en"
	}
	return out
}

func TestWhoMayConnect(t *testing.T) {
	o := ClientOptions{Role: wire.RolePrompt, ServerUIDs: []uint32{uint32(os.Geteuid())}}
	t.Run("not allowed", func(t *testing.T) {
		path := open(t, &desk{}, func(s *Service) { s.Allow = func(Peer) bool { return false } })
		_, err := Dial(t.Context(), path, o)
		refusedWith(t, err, ErrInvalid, CodeRefused)
	})
	t.Run("nobody unless said", func(t *testing.T) {
		path := open(t, &desk{}, func(s *Service) { s.Allow = nil })
		_, err := Dial(t.Context(), path, o)
		refusedWith(t, err, ErrInvalid, CodeRefused)
	})
	t.Run("too many", func(t *testing.T) {
		d := &desk{}
		path := open(t, d, func(s *Service) { s.MaxPerUID = 1 })
		first := dial(t, path)
		_, err := Dial(t.Context(), path, o)
		refusedWith(t, err, ErrInterrupted, CodeBusy)
		_ = first.Close()
		d.ended(t)
		var again *Client
		for again == nil { // the place is free just after the end
			again, _ = Dial(t.Context(), path, o)
		}
		_ = again.Close()
	})
	t.Run("the handler refuses", func(t *testing.T) {
		path := open(t, &desk{opening: Failure{"not_ready", "soon"}}, nil)
		_, err := Dial(t.Context(), path, o)
		refusedWith(t, err, ErrInvalid, "not_ready")
	})
	t.Run("a server of somebody else", func(t *testing.T) {
		path := open(t, &desk{}, nil)
		_, err := Dial(t.Context(), path, ClientOptions{Role: wire.RolePrompt, ServerUIDs: []uint32{uint32(os.Geteuid()) + 1}})
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "belongs to user") {
			t.Errorf("got %v", err)
		}
	})
}

func refusedWith(t *testing.T, err, kind error, code string) {
	t.Helper()
	var told *RemoteError
	if !errors.Is(err, kind) || !errors.As(err, &told) || told.Code != code {
		t.Errorf("got %v, want %v with code %q", err, kind, code)
	}
}

func TestDefaultServerUIDs(t *testing.T) {
	for own, want := range map[uint32][]uint32{0: {0}, securityAgentUID: {0}, 501: {0, 501}} {
		if got := serverUIDs(own); !reflect.DeepEqual(got, want) {
			t.Errorf("for %d got %v, want %v", own, got, want)
		}
	}
}

func TestNobodyThere(t *testing.T) {
	path := socket(t)
	o := ClientOptions{Role: wire.RolePrompt, ServerUIDs: []uint32{uint32(os.Geteuid())}, Timeout: 100 * time.Millisecond}
	if _, err := Dial(t.Context(), path, o); !errors.Is(err, ErrInterrupted) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no socket: %v", err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(t.Context(), path, o); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a server that hangs: %v", err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	if _, err := Dial(t.Context(), path, o); !errors.Is(err, ErrInterrupted) || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a stale socket: %v", err)
	}
}

func TestAFullQueueIsWaitedFor(t *testing.T) {
	path := socket(t)
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	held, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	_, err = Dial(t.Context(), path, ClientOptions{Timeout: 200 * time.Millisecond})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want a deadline", err)
	}
}

// short makes the service impatient.
func short(s *Service) { s.Timeout = 100 * time.Millisecond }

func TestPatienceOfTheService(t *testing.T) {
	hello := frame{kind: kindRequest, id: 1, name: wire.MsgHello, body: Hello{V: 1, Role: wire.RolePrompt}.dictionary()}
	t.Run("no hello", func(t *testing.T) {
		s := raw(t, open(t, &desk{}, short))
		if _, err := s.receive(0); !errors.Is(err, io.EOF) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("half a message", func(t *testing.T) {
		d := &desk{}
		s := raw(t, open(t, d, short))
		if err := s.send(hello); err != nil {
			t.Fatal(err)
		}
		if _, err := s.conn.Write([]byte{0, 0}); err != nil {
			t.Fatal(err)
		}
		d.ended(t)
	})
	t.Run("too large a message", func(t *testing.T) {
		d := &desk{}
		s := raw(t, open(t, d, short))
		if err := s.send(hello); err != nil {
			t.Fatal(err)
		}
		if _, err := s.conn.Write(binary.BigEndian.AppendUint32(nil, MaxFrame+1)); err != nil {
			t.Fatal(err)
		}
		d.ended(t)
	})
	t.Run("a reply to nothing", func(t *testing.T) {
		d := &desk{}
		s := raw(t, open(t, d, short))
		if err := errors.Join(s.send(hello), s.send(frame{kind: kindReply, id: 1})); err != nil {
			t.Fatal(err)
		}
		d.ended(t)
	})
	t.Run("a peer that does not read", func(t *testing.T) {
		d := &desk{}
		s := raw(t, open(t, d, short))
		if err := s.send(hello); err != nil {
			t.Fatal(err)
		}
		if _, err := s.receive(0); err != nil {
			t.Fatal(err)
		}
		big := wire.Dictionary{"d": make([]byte, MaxFrame/2)}
		var err error
		for range 1000 {
			if err = d.send("screen", big); err != nil {
				break
			}
		}
		if !errors.Is(err, ErrInterrupted) || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		d.ended(t)
	})
	t.Run("a silent peer stays", func(t *testing.T) {
		c := dial(t, open(t, &desk{}, short))
		<-time.After(300 * time.Millisecond) // three times the limit of a started message
		if _, err := c.Request(t.Context(), "x", nil); err != nil {
			t.Error(err)
		}
	})
}

func TestListenRefuses(t *testing.T) {
	listen := func(path string) error {
		l, err := Listen(Service{Role: wire.RolePrompt, Path: path, Mode: 0o600, GID: -1})
		if err == nil {
			_ = l.socket.Close()
		}
		return err
	}
	t.Run("a folder that others can write", func(t *testing.T) {
		path := socket(t)
		if err := os.Chmod(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := listen(path); err == nil || !strings.Contains(err.Error(), "others can write") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a parent that others can write", func(t *testing.T) {
		path := filepath.Join(filepath.Dir(socket(t)), "sub", "s.sock")
		if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o700), os.Chmod(filepath.Dir(filepath.Dir(path)), 0o777)); err != nil {
			t.Fatal(err)
		}
		if err := listen(path); err == nil || !strings.Contains(err.Error(), "others can write") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a file in the way", func(t *testing.T) {
		path := socket(t)
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := listen(path); err == nil || !strings.Contains(err.Error(), "something else") {
			t.Errorf("got %v", err)
		}
		if raw, err := os.ReadFile(path); err != nil || string(raw) != "x" {
			t.Errorf("the file was touched: %q, %v", raw, err)
		}
	})
	t.Run("a service that answers", func(t *testing.T) {
		d := &desk{}
		path := open(t, d, nil)
		if err := listen(path); err == nil || !strings.Contains(err.Error(), "another process") {
			t.Errorf("got %v", err)
		}
		dial(t, path) // it still does
	})
	t.Run("too long a path", func(t *testing.T) {
		if err := listen("/" + strings.Repeat("x", maxPath)); err == nil || !strings.Contains(err.Error(), "at most 103") {
			t.Errorf("got %v", err)
		}
	})
}

func TestListenReplacesAStaleSocket(t *testing.T) {
	path := socket(t)
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	_ = stale.Close()
	l, err := Listen(Service{Role: wire.RoleGate, Path: path, Mode: 0o660, GID: os.Getegid()})
	if err != nil {
		t.Fatal(err)
	}
	defer l.socket.Close()
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o660 || info.Sys().(*syscall.Stat_t).Gid != uint32(os.Getegid()) {
		t.Errorf("the socket is %v, %v", info, err)
	}
}

func TestReconnecting(t *testing.T) {
	path := socket(t)
	r := NewReconnecting(path, ClientOptions{Role: wire.RoleGate, ServerUIDs: []uint32{uint32(os.Geteuid())}})
	defer r.Close()
	ask := func() error {
		_, err := r.Request(t.Context(), wire.MsgDecide, wire.Dictionary{})
		return err
	}
	serve := func() (stop func()) {
		l, err := Listen(Service{Role: wire.RoleGate, Path: path, Mode: 0o600, GID: -1, Allow: own, Handler: &desk{through: make(chan struct{}, 9)}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- l.Serve(ctx) }()
		return func() { cancel(); <-done }
	}
	if err := ask(); !errors.Is(err, ErrInterrupted) {
		t.Errorf("before the service is there: %v", err)
	}
	for range 3 {
		stop := serve()
		for range 2 {
			if err := ask(); err != nil {
				t.Errorf("with the service there: %v", err)
			}
		}
		stop()
		<-r.current.ended
		if err := ask(); !errors.Is(err, ErrInterrupted) {
			t.Errorf("after the service is gone: %v", err)
		}
	}
	_ = r.Close()
	if err := ask(); !errors.Is(err, ErrInvalid) {
		t.Errorf("after Close: %v", err)
	}
}

func TestUnreadEventsCutTheClient(t *testing.T) {
	d := &desk{}
	c := dial(t, open(t, d, nil))
	for range eventBacklog + 1 {
		if err := d.send("screen", wire.Dictionary{}); err != nil {
			t.Fatal(err)
		}
	}
	<-c.ended
	if _, err := c.Request(t.Context(), "x", nil); !errors.Is(err, ErrInterrupted) || !strings.Contains(err.Error(), "unread") {
		t.Errorf("got %v", err)
	}
}
