package removal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/latchkey-mfa/latchkey/internal/device/loginright"
)

// home is the folder of all that is ours alone.
const home = "/Library/Application Support/Latchkey"

// thing is a file or a folder of ours.
type thing struct {
	path   string
	folder bool
	purge  bool // a later install takes it up again: it stays unless everything is to go
}

// things are all that the package lays down and the daemon writes, in the order
// in which they go.
func things() []thing {
	return []thing{
		{path: "/Library/Security/SecurityAgentPlugins/Latchkey.bundle", folder: true},
		{path: "/Library/LaunchDaemons/" + DaemonLabel + ".plist"},
		{path: "/Library/LaunchAgents/" + AgentLabel + ".plist"},
		{path: "/private/etc/newsyslog.d/latchkey.conf"},
		{path: "/private/etc/paths.d/latchkey"},
		{path: "/private/etc/manpaths.d/latchkey"},
		{path: home + "/run", folder: true},
		{path: home + "/share", folder: true},
		{path: home + "/gate.json"},
		{path: home + "/contact.json"},
		{path: home + "/kill-switch"},
		{path: home + "/" + loginright.ByHandName},
		{path: home + "/" + loginright.LockName},
		{path: home + "/state", folder: true, purge: true},
		{path: "/private/var/log/latchkey", folder: true, purge: true},
		{path: home + "/bin", folder: true}, // with the program that runs
	}
}

// Paths are all that a removal with Purge takes away, with what is below them, on
// a Mac.
func Paths() (paths []string) {
	for _, t := range things() {
		paths = append(paths, t.path)
	}
	return paths
}

// UnsafeError is something that stands where ours has to be, or above it, and
// that root must not remove through.
type UnsafeError struct {
	Path, Problem string
}

// Error names what is there.
func (e *UnsafeError) Error() string { return e.Path + " " + e.Problem }

// present are the things that are there and are to go. *UnsafeError where one of
// them is not as it was laid down.
func (r Removal) present() (there []thing, err error) {
	for _, t := range things() {
		if t.purge && !r.Purge {
			continue
		}
		switch found, problem := r.look(t); {
		case problem != nil:
			err = errors.Join(err, problem)
		case found:
			there = append(there, t)
		}
	}
	return there, err
}

// look finds a thing. All above it has to be a folder that only root can change:
// else what is removed may be something else a moment later.
func (r Removal) look(t thing) (found bool, err error) {
	for dir := filepath.Dir(t.path); dir != "/"; dir = filepath.Dir(dir) {
		info, err := os.Lstat(r.on(dir))
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if problem := r.problem(info, true); problem != "" {
			return false, &UnsafeError{r.on(dir), problem}
		}
	}
	info, err := os.Lstat(r.on(t.path))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if problem := r.problem(info, t.folder); problem != "" {
		return false, &UnsafeError{r.on(t.path), problem}
	}
	return true, nil
}

// problem is what is wrong with a file or folder, or "".
func (r Removal) problem(info fs.FileInfo, folder bool) string {
	owner, known := info.Sys().(*syscall.Stat_t)
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return "is a link, which is not followed"
	case folder && !info.IsDir():
		return "is no folder"
	case !folder && !info.Mode().IsRegular():
		return "is no file"
	case !known || !slices.Contains(r.Owners, owner.Uid):
		return "does not belong to root"
	case folder && info.Mode().Perm()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0:
		return fmt.Sprintf("has the mode %04o: others than root can change what is in it", info.Mode().Perm())
	}
	return ""
}

// remove removes a thing from within the folder above it, which is held open: a
// link that takes its place is removed as a link.
func (r Removal) remove(t thing) error {
	if _, err := r.look(t); err != nil {
		return err
	}
	above, err := os.OpenRoot(r.on(filepath.Dir(t.path)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove %s: %w", t.path, err)
	}
	defer above.Close()
	if err := above.RemoveAll(filepath.Base(t.path)); err != nil {
		return fmt.Errorf("remove %s: %w", t.path, err)
	}
	return nil
}

// tidy removes the folder of ours when nothing is in it any longer.
func (r Removal) tidy() {
	err := os.Remove(r.on(home))
	switch {
	case err == nil:
		r.Say("removed: %s", home)
	case !errors.Is(err, fs.ErrNotExist):
		r.Say("kept: %s, in which something is left", home)
	}
}
