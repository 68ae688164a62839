package store

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
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
