package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Names below the state folder: of the key where there is no keychain, and of
// one that is not in use.
const (
	keyName    = "store.key"
	keySetAway = "store.key.not-in-use"
)

// Keychain keeps one key, where no copy of the state folder takes it along.
type Keychain interface {
	// Read is the key, nil when there is none.
	Read(ctx context.Context) ([]byte, error)
	// Add keeps a key. It never replaces one.
	Add(ctx context.Context, key []byte) error
}

// KeychainKey is the sealing key out of a keychain, made at the first call. A
// key that an earlier version has left in a file moves into the keychain, and
// the file goes once the keychain has given the key back. Whatever is cut short
// is taken up by the next call. It never falls back on a file: a keychain that
// is locked or says no is an error.
func KeychainKey(ctx context.Context, dir string, k Keychain) ([]byte, error) {
	file := filepath.Join(dir, keyName)
	old, err := readKeyFile(file)
	if err != nil {
		return nil, err
	}
	key, err := k.Read(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the sealing key: %w", err)
	}
	if key == nil {
		if key, err = keep(ctx, k, old); err != nil {
			return nil, err
		}
	}
	if len(key) != KeySize {
		return nil, fmt.Errorf("sealing key in the keychain: %d bytes, want %d; remove the item, and the store is set aside for a new one", len(key), KeySize)
	}
	return key, clearFile(file, old, key)
}

// keep puts a key into the keychain, the old one or else a new one, and gives
// what is there afterwards: another process may have been first, and only what
// can be read again may seal anything.
func keep(ctx context.Context, k Keychain, old []byte) ([]byte, error) {
	key := bytes.Clone(old)
	if key == nil {
		key = make([]byte, KeySize)
		rand.Read(key)
	}
	added := k.Add(ctx, key)
	there, err := k.Read(ctx)
	switch {
	case err != nil:
		return nil, fmt.Errorf("keep the sealing key: %w", errors.Join(added, err))
	case there == nil && added == nil:
		return nil, errors.New("keep the sealing key: the keychain has taken it, and does not have it")
	case there == nil:
		return nil, fmt.Errorf("keep the sealing key: %w", added)
	}
	return there, nil
}

// clearFile removes the file of a key that the keychain has. Another key's is
// kept under another name: a store that it sealed may be wanted again.
func clearFile(file string, old, key []byte) error {
	if old == nil {
		return nil
	}
	var err error
	if subtle.ConstantTimeCompare(old, key) == 1 {
		err = os.Remove(file)
	} else {
		err = os.Rename(file, filepath.Join(filepath.Dir(file), keySetAway))
	}
	if err = errors.Join(err, syncFolder(filepath.Dir(file))); err != nil {
		return fmt.Errorf("take the sealing key's file away: %w", err)
	}
	return nil
}

// readKeyFile is the key in a file, nil when there is none.
func readKeyFile(path string) ([]byte, error) {
	key, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the sealing key: %w", err)
	}
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Perm()&0o077 != 0 || !info.Mode().IsRegular() {
		// A key that others could have read or put there seals nothing.
		return nil, fmt.Errorf("sealing key %s: want a plain file of mode 0600", path)
	}
	if len(key) != KeySize {
		return nil, fmt.Errorf("sealing key %s: %d bytes, want %d", path, len(key), KeySize)
	}
	return key, nil
}

// syncFolder makes a rename last through a power cut: a store without its key
// would be lost.
func syncFolder(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
