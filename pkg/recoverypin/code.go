package recoverypin

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"time"
)

// Labels keep the three uses of a secret apart (recovery-pin-v1, "Code" and
// "Life of a secret").
const (
	labelTime      = "recovery-pin/v1/time"
	labelChallenge = "recovery-pin/v1/challenge"
	labelRotate    = "recovery-pin/v1/rotate"
)

// SecretSize is the length of a recovery secret in bytes.
const SecretSize = 32

// Secret is the key that a device and its server share for one user of one
// device. It prints as a placeholder.
type Secret [SecretSize]byte

// NewSecret draws a secret from random, which should be crypto/rand.Reader.
func NewSecret(random io.Reader) (Secret, error) {
	var k Secret
	if _, err := io.ReadFull(random, k[:]); err != nil {
		return Secret{}, fmt.Errorf("draw a recovery secret: %w", err)
	}
	return k, nil
}

// String hides the secret from logs and errors.
func (Secret) String() string { return "[recovery secret]" }

// GoString hides the secret from %#v.
func (Secret) GoString() string { return "[recovery secret]" }

// KeyID names a secret without giving it away: the first 8 bytes of its
// SHA-256.
func (k Secret) KeyID() [8]byte {
	sum := sha256.Sum256(k[:])
	return [8]byte(sum[:8])
}

// RotationProof is what a device sends with the secret next to show that it
// holds k, the secret before it.
func (k Secret) RotationProof(next Secret) []byte {
	return k.mac(labelRotate, next[:])
}

// ProvesRotation reports, in constant time, whether proof shows that the
// sender of next holds k.
func (k Secret) ProvesRotation(next Secret, proof []byte) bool {
	return hmac.Equal(k.RotationProof(next), proof)
}

func (k Secret) mac(label string, body []byte) []byte {
	h := hmac.New(sha256.New, k[:])
	h.Write([]byte(label))
	h.Write([]byte{0})
	h.Write(body)
	return h.Sum(nil)
}

// code writes the eight digits of label and body to the front of d and the
// check digit behind them.
func (k Secret) code(label string, body []byte) PIN {
	n := binary.BigEndian.Uint64(k.mac(label, body)) % 100_000_000
	var p PIN
	for i := 7; i >= 0; i-- {
		p.digits[i] = '0' + byte(n%10)
		n /= 10
	}
	p.digits[8] = '0' + damm(p.digits[:8])
	return p
}

// Timed is the PIN that a server issues at t. Only whole seconds count.
func Timed(k Secret, t time.Time) PIN { return timedAt(k, t.Unix()) }

func timedAt(k Secret, unix int64) PIN {
	var body [8]byte
	binary.BigEndian.PutUint64(body[:], uint64(unix))
	return k.code(labelTime, body[:])
}

// ForDeviceCode is the PIN that answers a device code shown on a Mac.
func ForDeviceCode(k Secret, code DeviceCode) PIN {
	return k.code(labelChallenge, code.digits[:])
}
