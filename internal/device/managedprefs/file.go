package managedprefs

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/latchkey-mfa/latchkey/internal/plist"
	"github.com/latchkey-mfa/latchkey/internal/policy"
)

// FileName is the name of the file in the managed preferences folder.
const FileName = policy.Domain + ".plist"

// Untrusted says why what is there must not be believed.
type Untrusted struct {
	Path    string
	Found   string // "owned by uid 501"
	Allowed string
}

// Error names the path and what is wrong with it.
func (e *Untrusted) Error() string {
	return fmt.Sprintf("%s is %s; allowed: %s", e.Path, e.Found, e.Allowed)
}

// File reads FileName in a folder.
type File struct{ Dir string }

var _ Reader = File{}

// Read opens the folder and in it the file, follows no link on the way, and
// checks both after opening, so that nothing can be exchanged in between. It
// reads every time: a profile is a few kilobytes, and times of change can be
// set back.
func (f File) Read(context.Context) ([]byte, error) {
	dir, err := open(unix.AT_FDCWD, f.Dir, f.Dir, unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	path := filepath.Join(f.Dir, FileName)
	file, err := open(int(dir.Fd()), FileName, path, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	// One byte more than is allowed, for the property list reader to refuse.
	raw, err := io.ReadAll(io.LimitReader(file, plist.MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return raw, nil
}

// open opens a name in a folder and checks what it got. Without O_NONBLOCK a
// pipe in the file's place would hang the daemon.
func open(dir int, name, path string, flags int) (*os.File, error) {
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC|flags, 0)
	switch {
	case err == unix.ELOOP, err == unix.ENOTDIR:
		return nil, untrusted(path, "a link or of another type", flags)
	case err != nil:
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	file := os.NewFile(uintptr(fd), path)
	if err := check(fd, path, flags); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func check(fd int, path string, flags int) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("look at %s: %w", path, err)
	}
	kind := uint32(unix.S_IFREG)
	if flags&unix.O_DIRECTORY != 0 {
		kind = unix.S_IFDIR
	}
	// Refused by default: only root writes managed preferences, and a daemon
	// that is not root can be given nothing by others than its own user.
	switch own := uint32(os.Geteuid()); {
	case uint32(st.Mode)&unix.S_IFMT != kind:
		return untrusted(path, "of another type", flags)
	case st.Uid != 0 && st.Uid != own:
		return untrusted(path, fmt.Sprintf("owned by uid %d", st.Uid), flags)
	case st.Mode&0o022 != 0:
		return untrusted(path, fmt.Sprintf("writable by others (mode %#o)", st.Mode&0o777), flags)
	}
	return nil
}

func untrusted(path, found string, flags int) *Untrusted {
	what := "a file"
	if flags&unix.O_DIRECTORY != 0 {
		what, found = "a folder", "in a folder that is "+found
	}
	owner := "root"
	if own := os.Geteuid(); own != 0 {
		owner = fmt.Sprintf("root or uid %d", own)
	}
	return &Untrusted{Path: path, Found: found, Allowed: what + " owned by " + owner + " that nobody else can write"}
}
