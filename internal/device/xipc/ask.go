//go:build unix

package xipc

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// Ask is Dial, one Request and Close in one, for a caller with a single
// question. Its errors are those of Dial and Request. Unlike theirs, it runs on
// the caller's thread from beginning to end and starts no goroutine: inside a
// host that is not a Go program, each change of threads would cost more than
// the answer does.
func Ask(ctx context.Context, path string, o ClientOptions, name string, body wire.Dictionary) (wire.Dictionary, error) {
	ctx, cancel := withLimit(ctx, o.timeout())
	defer cancel()
	l, err := reach(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("%w: connect to %s: %w", ErrInterrupted, path, err)
	}
	defer l.close()
	defer context.AfterFunc(ctx, l.hangUp)()
	peer, err := credentials(l.fd)
	if err == nil {
		err = o.trusts(peer)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: connect to %s: %w", ErrInvalid, path, err)
	}
	q := questioner{line: l, in: bufio.NewReader(l)}
	hello, err := q.ask(wire.MsgHello, Hello{V: wire.Version, Role: o.Role, Locales: o.Locales}.dictionary())
	if err = greeted(hello, err); err != nil {
		return nil, fmt.Errorf("say hello at %s: %w", path, err)
	}
	return q.ask(name, body)
}

// questioner asks one question after the other.
type questioner struct {
	line *line
	in   *bufio.Reader
	last uint32
}

func (q *questioner) ask(name string, body wire.Dictionary) (wire.Dictionary, error) {
	q.last++
	raw, err := frame{kind: kindRequest, id: q.last, name: name, body: body}.encode()
	if err != nil {
		return nil, fmt.Errorf("request %q: %w", name, err)
	}
	// Where the other end is gone, its last words say why.
	if err := q.line.write(raw); err != nil && !gone(err) {
		return nil, fmt.Errorf("request %q: %w: %w", name, ErrInterrupted, err)
	}
	for {
		f, err := readFrame(q.in)
		if err == nil && f.kind == kindFailure && f.id == 0 {
			err = remote(f) // about the connection
		}
		switch {
		case err != nil:
			return nil, fmt.Errorf("request %q: %w", name, ending(err))
		case f.kind == kindRequest:
			// Refused by default: a service never asks its clients.
			return nil, fmt.Errorf("request %q: %w", name, ending(broken("a request from the service")))
		case f.kind != kindEvent && f.id == q.last:
			return result(f)
		} // events are dropped, and so are replies to nothing that was asked
	}
}

// line is a socket that blocks the thread, up to the context's deadline.
type line struct {
	ctx context.Context

	mu     sync.Mutex // of fd: its number is another file's after close
	fd     int
	closed bool
}

func reach(ctx context.Context, path string) (*line, error) {
	fd, err := socketOf(path)
	if err != nil {
		return nil, err
	}
	l := &line{ctx: ctx, fd: fd}
	if err := l.connect(path); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func socketOf(path string) (int, error) {
	if len(path) > maxPath {
		return 0, fmt.Errorf("the path has %d bytes, at most %d", len(path), maxPath)
	}
	// The lock keeps a fork of this program's own from inheriting it.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return 0, fmt.Errorf("make a socket: %w", err)
	}
	unix.CloseOnExec(fd)
	return fd, nil
}

func (l *line) connect(path string) error {
	if err := quiet(l.fd); err != nil {
		return fmt.Errorf("turn SIGPIPE off: %w", err)
	}
	for {
		// In short turns, since nothing else ends a connect that waits.
		if err := l.within(unix.SO_SNDTIMEO, connectPause); err != nil {
			return err
		}
		err := unix.Connect(l.fd, &unix.SockaddrUnix{Name: path})
		switch {
		case err == nil, errors.Is(err, unix.EISCONN): // connected by the call that a signal interrupted
			return nil
		case !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR): // the first: the server's queue is full
			return err
		}
	}
}

// longest bounds one wait of the kernel; whoever waits looks at the context
// again after it.
const longest = time.Minute

// within gives the next operation the time that is left, up to most.
func (l *line) within(option int, most time.Duration) error {
	left := most
	if until, there := l.ctx.Deadline(); there {
		left = min(left, time.Until(until))
	}
	// A zero would mean for ever.
	if l.ctx.Err() != nil || left < time.Microsecond {
		return l.late()
	}
	limit := unix.NsecToTimeval(left.Nanoseconds())
	return unix.SetsockoptTimeval(l.fd, unix.SOL_SOCKET, option, &limit)
}

// late says why there is no more time.
func (l *line) late() error {
	if cause := context.Cause(l.ctx); cause != nil {
		return cause
	}
	return context.DeadlineExceeded // its timer is a moment behind
}

// Read implements io.Reader. A peer that has hung up is io.EOF.
func (l *line) Read(into []byte) (int, error) {
	for {
		if err := l.within(unix.SO_RCVTIMEO, longest); err != nil {
			return 0, err
		}
		n, err := syscall.Read(l.fd, into)
		switch {
		case l.ctx.Err() != nil:
			return 0, l.late()
		case n > 0:
			return n, nil
		case err == nil:
			return 0, errHungUp
		case !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.EAGAIN):
			return 0, err
		}
	}
}

// errHungUp is the end of a connection in the middle of a question.
var errHungUp = errors.New("the service hung up")

func (l *line) write(raw []byte) error {
	for len(raw) > 0 {
		if err := l.within(unix.SO_SNDTIMEO, longest); err != nil {
			return err
		}
		n, err := syscall.Write(l.fd, raw)
		if err != nil && !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.EAGAIN) {
			return err
		}
		raw = raw[max(n, 0):]
	}
	return nil
}

// hangUp ends a read or a write under way.
func (l *line) hangUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		_ = unix.Shutdown(l.fd, unix.SHUT_RDWR)
	}
}

func (l *line) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	_ = unix.Close(l.fd)
}
