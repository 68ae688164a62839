package mechanism

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"syscall"

	"github.com/latchkey-mfa/latchkey/internal/device/xipc"
)

// maxFile bounds the files that the plug-in reads.
const maxFile = 1 << 20

// othersWrite are the mode bits that would let a stranger change a file.
const othersWrite = 0o022

// openTrusted opens a regular file that only root, or this process's own user
// where that is no shared one, could have written. It follows no link.
func openTrusted(path string) (*os.File, error) {
	// O_NONBLOCK: a pipe in the file's place must not hold the login up.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := checkTrusted(f); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

func checkTrusted(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return errors.New("the owner is not known")
	case !info.Mode().IsRegular():
		return fmt.Errorf("want a regular file, have %v", info.Mode())
	case !slices.Contains(xipc.DefaultServerUIDs(), owner.Uid):
		return fmt.Errorf("belongs to user %d, want one of %v", owner.Uid, xipc.DefaultServerUIDs())
	case info.Mode().Perm()&othersWrite != 0:
		return fmt.Errorf("has mode %v: others can write to it", info.Mode())
	}
	return nil
}

// readTrusted reads one JSON value from such a file.
func readTrusted(path string, into any) error {
	f, err := openTrusted(path)
	if err != nil {
		return err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return err
	}
	if len(raw) > maxFile {
		return fmt.Errorf("%s: more than %d bytes", path, maxFile)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: something follows the value", path)
	}
	return nil
}
