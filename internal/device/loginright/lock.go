package loginright

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// LockName is the file that daemon and command line lock before they edit.
const LockName = "login-right.lock"

// How long one waits for another who edits. A person waits for a daemon that is
// at it. The daemon looks again soon instead: what it was about to do may not be
// wanted any more once the other is through, who may wait for it to see that.
const (
	PatienceOfPeople = time.Minute
	PatienceOfDaemon = time.Second
)

// ErrLocked: another Latchkey is editing the login right, and does not end.
var ErrLocked = errors.New("another latchkey or latchkeyd is editing the login right")

// FileLock locks the file at path, which it makes (mode 0600), or gives up with
// ErrLocked. The lock is the process's: it goes with it, however that ends.
func FileLock(path string, patience time.Duration) func(ctx context.Context) (func(), error) {
	return func(ctx context.Context) (func(), error) {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600) // #nosec G304 -- a path of this product's
		if err != nil {
			return nil, fmt.Errorf("lock the login right: %w", err)
		}
		for {
			err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
			if err == nil {
				return func() { _ = f.Close() }, nil
			}
			if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
				return nil, errors.Join(fmt.Errorf("lock the login right: %w", err), f.Close())
			}
			again := time.NewTimer(100 * time.Millisecond)
			select {
			case <-ctx.Done():
				again.Stop()
				return nil, errors.Join(ErrLocked, f.Close())
			case <-again.C:
			}
		}
	}
}
