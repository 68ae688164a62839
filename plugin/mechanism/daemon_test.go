package mechanism

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/latchkey-mfa/latchkey/internal/device/xipc"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// folder is a short path, for sockets.
func shortFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

type sender func(name string, body wire.Dictionary) error

// daemon answers requests with a function.
type daemon struct {
	hello  xipc.Hello
	send   sender
	answer func(send sender, name string, body wire.Dictionary) (wire.Dictionary, error)
}

func (d *daemon) Open(_ context.Context, _ xipc.Peer, h xipc.Hello, send func(string, wire.Dictionary) error) (xipc.Endpoint, error) {
	return &daemon{hello: h, send: send, answer: d.answer}, nil
}

func (d *daemon) Request(_ context.Context, name string, body wire.Dictionary) (wire.Dictionary, error) {
	return d.answer(d.send, name, body)
}

func (d *daemon) Closed() {}

// start serves a socket until the test ends or stop is called.
func start(t *testing.T, role, path string, answer func(send sender, name string, body wire.Dictionary) (wire.Dictionary, error)) (stop func()) {
	t.Helper()
	l, err := xipc.Listen(xipc.Service{Role: role, Path: path, Mode: 0o600, GID: -1,
		Allow: func(xipc.Peer) bool { return true }, Handler: &daemon{answer: answer}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Serve(ctx) }()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(stop)
	return stop
}

func write(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// patient waits as long as it takes; a case that would wait for it fails by its
// own deadline.
const patient = time.Minute

func in(dir, name string) string { return filepath.Join(dir, name) }
