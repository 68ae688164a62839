package xipc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// maxPath is the longest path of a Unix socket that both systems take: macOS
// has 104 bytes with the closing NUL.
const maxPath = 103

// defaultMaxPerUID is how many connections one user may hold.
const defaultMaxPerUID = 16

// probeTimeout bounds the look at a socket that is already there.
const probeTimeout = 2 * time.Second

// Handler makes an Endpoint for each connection that has said hello. The
// context of Open, and of every request after it, ends with the connection.
// send writes an event to the peer; it may be used from any goroutine, from
// Open on, and fails once the connection is over. An error of Open ends the
// connection; the peer sees it when it is a Failure.
type Handler interface {
	Open(ctx context.Context, peer Peer, hello Hello, send func(name string, body wire.Dictionary) error) (Endpoint, error)
}

// Endpoint answers the requests of one connection, one after another in order
// of arrival. Closed is called once, after the last request has returned.
type Endpoint interface {
	Request(ctx context.Context, name string, body wire.Dictionary) (wire.Dictionary, error)
	Closed()
}

// Service is a named socket and who serves it.
type Service struct {
	Role string      // the role that hello must name
	Path string      // of the socket, at most 103 bytes
	Mode fs.FileMode // of the socket
	GID  int         // group of the socket; negative: leave it
	// Held listens at Path already, for the system's starter of daemons made it
	// (internal/device/launch): its path stays when the service ends. nil: Listen
	// makes the socket.
	Held *net.UnixListener

	Allow     func(Peer) bool // who may connect; nil: nobody
	MaxPerUID int             // connections of one user; zero: 16
	Timeout   time.Duration   // of hello, of a started frame and of a write; zero: five seconds
	Handler   Handler

	// Log takes what went wrong with a connection. It may be nil.
	Log func(msg string, err error)
}

func (s Service) timeout() time.Duration {
	if s.Timeout <= 0 {
		return defaultTimeout
	}
	return s.Timeout
}

func (s Service) log(msg string, err error) {
	if s.Log != nil {
		s.Log(msg, err)
	}
}

// Listener is a service whose socket exists.
type Listener struct {
	service Service
	socket  *net.UnixListener

	mu    sync.Mutex
	perID map[uint32]int
}

// Listen makes the socket, or takes the one that is held. It fails where the
// folder could be changed by others, where the path is something else than a
// socket, where a service still answers there, and where a held socket is
// another one. Of a held socket group and mode are put right.
func Listen(s Service) (*Listener, error) {
	if s.MaxPerUID <= 0 {
		s.MaxPerUID = defaultMaxPerUID
	}
	if len(s.Path) > maxPath {
		return nil, fmt.Errorf("listen on %s: the path has %d bytes, at most %d", s.Path, len(s.Path), maxPath)
	}
	if err := guarded(filepath.Dir(s.Path)); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", s.Path, err)
	}
	if s.Held != nil {
		if err := s.takeHeld(); err != nil {
			return nil, fmt.Errorf("listen on %s: %w", s.Path, err)
		}
		return &Listener{service: s, socket: s.Held, perID: map[uint32]int{}}, nil
	}
	if err := clearStale(s.Path); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", s.Path, err)
	}
	socket, err := bind(s)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", s.Path, err)
	}
	return &Listener{service: s, socket: socket, perID: map[uint32]int{}}, nil
}

// takeHeld makes of a socket that somebody else has made what bind would make.
func (s Service) takeHeld() error {
	if at := s.Held.Addr().String(); at != s.Path {
		return fmt.Errorf("the socket that was handed over is at %s", at)
	}
	info, err := os.Lstat(s.Path)
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return errors.New("something else than a socket is there; move it away")
	}
	// The folder is ours alone, so that the path is still the socket's. A starter
	// that knows nothing of groups would keep the login window's user out.
	if s.GID >= 0 {
		err = os.Chown(s.Path, -1, s.GID)
	}
	return errors.Join(err, os.Chmod(s.Path, s.Mode))
}

func bind(s Service) (*net.UnixListener, error) {
	socket, err := net.ListenUnix("unix", &net.UnixAddr{Name: s.Path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	if s.GID >= 0 {
		err = os.Chown(s.Path, -1, s.GID)
	}
	// Until here the process's umask holds; whoever came in early meets the
	// check of its user id like everyone.
	if err = errors.Join(err, os.Chmod(s.Path, s.Mode)); err != nil {
		_ = socket.Close()
		return nil, err
	}
	return socket, nil
}

// clearStale removes a socket that nobody serves any more.
func clearStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return errors.New("something else than a socket is there; move it away")
	}
	conn, err := net.DialTimeout("unix", path, probeTimeout)
	if err == nil {
		_ = conn.Close()
		return errors.New("another process serves this socket; stop it first")
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		// Refused by default: only a refusal proves that nobody listens.
		return fmt.Errorf("cannot tell whether another process serves this socket: %w", err)
	}
	return os.Remove(path)
}

// Serve takes connections until ctx ends, ends them and returns when the last
// one is through. The socket is removed.
func (l *Listener) Serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = l.socket.Close() })
	defer stop()
	var connections sync.WaitGroup
	defer connections.Wait()
	defer cancel() // before the wait
	for {
		conn, err := l.socket.AcceptUnix()
		if ctx.Err() != nil {
			closeIf(conn)
			return nil
		}
		if err != nil && !passing(err) {
			_ = l.socket.Close()
			return fmt.Errorf("accept on %s: %w", l.service.Path, err)
		}
		if err != nil {
			l.service.log("accept a connection", err)
			pause(ctx, connectPause)
			continue
		}
		connections.Go(func() { l.admit(ctx, conn) })
	}
}

func closeIf(conn *net.UnixConn) {
	if conn != nil {
		_ = conn.Close()
	}
}

// passing tells shortages, which end, from a listener that is gone.
func passing(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOBUFS) ||
		errors.Is(err, syscall.ENOMEM) || errors.Is(err, syscall.ECONNABORTED)
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// admit lets in who may come in.
func (l *Listener) admit(ctx context.Context, conn *net.UnixConn) {
	defer conn.Close()
	s := newStream(conn, l.service.timeout())
	peer, err := peerOf(conn)
	if err != nil {
		l.service.log("refuse a connection", err)
		return
	}
	if l.service.Allow == nil || !l.service.Allow(peer) {
		l.service.log("refuse a connection", fmt.Errorf("user %d may not use the %s socket (process %d, version %d)", peer.UID, l.service.Role, peer.PID, peer.Token.Version()))
		_ = s.send(failure(0, Failure{CodeRefused, "this user may not use this socket"}))
		return
	}
	if !l.enter(peer.UID) {
		l.service.log("refuse a connection", fmt.Errorf("user %d has %d connections already", peer.UID, l.service.MaxPerUID))
		_ = s.send(failure(0, Failure{CodeBusy, "too many connections of this user"}))
		return
	}
	defer l.leave(peer.UID)
	c := connection{service: l.service, stream: s, peer: peer}
	c.serve(ctx)
}

func (l *Listener) enter(uid uint32) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.perID[uid] >= l.service.MaxPerUID {
		return false
	}
	l.perID[uid]++
	return true
}

func (l *Listener) leave(uid uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.perID[uid]--; l.perID[uid] == 0 {
		delete(l.perID, uid)
	}
}
