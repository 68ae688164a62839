package xipc

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

const (
	groupWrites = 0o020
	otherWrites = 0o002
)

// guarded fails unless only root and this process's own user can put something
// else into the folder: whoever can replace a socket can play the daemon.
func guarded(folder string) error {
	real, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return err
	}
	if real, err = filepath.Abs(real); err != nil {
		return err
	}
	if err := kept(real, groupWrites|otherWrites); err != nil {
		return err
	}
	for above := filepath.Dir(real); ; above = filepath.Dir(above) {
		if err := keptAbove(above); err != nil {
			return err
		}
		if above == filepath.Dir(above) {
			return nil
		}
	}
}

// kept fails where the folder belongs to a stranger or has one of the mode
// bits in forbidden.
func kept(folder string, forbidden fs.FileMode) error {
	info, owner, err := inspect(folder)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is no folder", folder)
	}
	if owner != 0 && owner != uint32(os.Geteuid()) {
		return fmt.Errorf("%s belongs to user %d, want root or %d", folder, owner, os.Geteuid())
	}
	if info.Mode().Perm()&forbidden != 0 {
		return fmt.Errorf("%s has mode %v: others can write to it", folder, info.Mode())
	}
	return nil
}

// keptAbove is kept for a parent: a sticky one, such as /tmp, lets nobody
// rename what is another's, and a group that may write to a folder of root's,
// as daemon may to /var/run on macOS, was chosen by root.
func keptAbove(folder string) error {
	info, owner, err := inspect(folder)
	if err != nil {
		return err
	}
	switch {
	case info.Mode()&fs.ModeSticky != 0:
		return kept(folder, 0)
	case owner == 0:
		return kept(folder, otherWrites)
	default:
		return kept(folder, groupWrites|otherWrites)
	}
}

func inspect(folder string) (fs.FileInfo, uint32, error) {
	info, err := os.Lstat(folder)
	if err != nil {
		return nil, 0, err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil, 0, fmt.Errorf("%s: the owner is not known", folder)
	}
	return info, owner.Uid, nil
}
