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

// lockPatience is how long one waits for the other, who may be rehearsing.
const lockPatience = time.Minute

// ErrLocked: another Latchkey is editing the login right, and does not end.
var ErrLocked = errors.New("another latchkey or latchkeyd is editing the login right")

// FileLock locks the file at path, which it makes (mode 0600). The lock is the
// process's: it goes with it, however that ends.
func FileLock(path string) func(ctx context.Context) (func(), error) {
	return func(ctx context.Context) (func(), error) {
		ctx, cancel := context.WithTimeout(ctx, lockPatience)
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
