package rootfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Present reports whether the file is there and really root's: a plain file,
// not a link, owned by root or by this process's own user where it does not run
// as root, and not writable by others. Anything else is no decision of root's.
func Present(path string) bool {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return false
	}
	ours := st.Uid == 0 || st.Uid == uint32(os.Geteuid())
	return ours && st.Mode&unix.S_IFMT == unix.S_IFREG && st.Mode&0o022 == 0
}

// Leave makes the file, with a text for who finds it, and is done when it is on
// the disk. One that counts already stays as it is.
func Leave(path, text string) error {
	if Present(path) {
		return nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o644) // #nosec G302 G304 -- the login window's user may read what was decided
	if err != nil {
		return fmt.Errorf("leave the decision: %w", err)
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("leave the decision %s: %w", path, err), os.Remove(path))
	}
	return nil
}

// TakeBack removes the file. One that is not there is as good.
func TakeBack(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("take the decision back: %w", err)
	}
	return nil
}
