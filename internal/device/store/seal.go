package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// KeySize is the length of a sealing key in bytes (AES-256).
const KeySize = 32

// sealer is AES-256-GCM with the record's key as associated data, so that a
// sealed value moved to another record does not open there.
type sealer struct{ aead cipher.AEAD }

func newSealer(key []byte) (sealer, error) {
	if len(key) != KeySize {
		return sealer{}, fmt.Errorf("sealing key: %d bytes, want %d", len(key), KeySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return sealer{}, fmt.Errorf("sealing key: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return sealer{}, fmt.Errorf("sealing key: %w", err)
	}
	return sealer{aead: aead}, nil
}

func (s sealer) seal(name string, value []byte) ([]byte, error) {
	return s.aead.Seal(nil, nil, value, []byte(name)), nil
}

func (s sealer) open(name string, sealed []byte) ([]byte, error) {
	value, err := s.aead.Open([]byte{}, nil, sealed, []byte(name))
	if err != nil {
		return nil, errors.New("the seal is broken")
	}
	return value, nil
}

// FileKey is the sealing key of machines without a System keychain: a file of
// mode 0600 beside the store, made at the first call.
func FileKey(dir string) ([]byte, error) {
	path := filepath.Join(dir, "store.key")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the state folder: %w", err)
	}
	key, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKey(path)
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

// syncFolder makes a rename last through a power cut: a store without its key
// would be lost.
func syncFolder(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
