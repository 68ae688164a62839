package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// FileKey is the sealing key of machines without a System keychain: a file of
// mode 0600 beside the store, made at the first call.
func FileKey(dir string) ([]byte, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the state folder: %w", err)
	}
	key, err := readKeyFile(filepath.Join(dir, keyName))
	if err == nil && key == nil {
		return makeKey(filepath.Join(dir, keyName))
	}
	return key, err
}

// makeKey writes the key whole before it has its name: a kill in between
// leaves no short key.
func makeKey(path string) ([]byte, error) {
	key := make([]byte, KeySize)
	rand.Read(key)
	temp, err := os.CreateTemp(filepath.Dir(path), ".key-")
	if err != nil {
		return nil, fmt.Errorf("make the sealing key: %w", err)
	}
	defer os.Remove(temp.Name())
	_, err = temp.Write(key)
	err = errors.Join(err, temp.Sync(), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		return nil, fmt.Errorf("make the sealing key: %w", err)
	}
	return key, nil
}
