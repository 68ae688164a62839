package vault

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// ErrExposed is a key file that others may read or write.
var ErrExposed = errors.New("the key file is open to others")

// maxKeyFile bounds what is read of the key file.
const maxKeyFile = 4096

// Create makes a new master key at path, mode 0600. It never replaces one:
// without the old key everything sealed with it is lost.
func Create(path string) (*Vault, error) {
	var v Vault
	_, _ = rand.Read(v.master[:])
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create the master key: %w", err)
	}
	_, err = fmt.Fprintln(f, base64.StdEncoding.EncodeToString(v.master[:]))
	if err = errors.Join(err, f.Sync(), f.Close(), syncFolder(path)); err != nil {
		// A half-written key would be taken for a good one at the next start.
		return nil, errors.Join(fmt.Errorf("write the master key %s: %w", path, err), os.Remove(path))
	}
	return &v, nil
}

// syncFolder makes the file's name durable too: a database sealed with a key
// whose name was lost in a power cut could never be opened.
func syncFolder(path string) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Open reads the master key at path. Errors: fs.ErrNotExist, ErrExposed, or
// one that says what is wrong with the file.
func Open(path string) (*Vault, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, fmt.Errorf("open the master key: %w", err)
	}
	defer f.Close()
	if err := private(f); err != nil {
		return nil, fmt.Errorf("master key %s: %w", path, err)
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return nil, fmt.Errorf("read the master key %s: %w", path, err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(raw)))
	if err != nil || len(key) != KeySize {
		// The decoder's error is left out: it would quote the key.
		return nil, fmt.Errorf("master key %s: want %d bytes in base64 on one line", path, KeySize)
	}
	return &Vault{master: [KeySize]byte(key)}, nil
}

func private(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("not a regular file")
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("%w: mode %04o, want 0600", ErrExposed, mode)
	}
	// Who owns the file can change it, and with it everything it seals.
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != 0 && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%w: owned by uid %d", ErrExposed, st.Uid)
	}
	return nil
}

// Exists reports whether there is something at path.
func Exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
