package recoverypin

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
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
	return newMAC(k, label).of(body)
}

// mac makes codes of one secret and label. It keeps the keyed state and its
// buffers: a check makes hundreds of codes.
type mac struct {
	keyed   hash.Hash
	message []byte // label, 0x00, and room for a body
	sum     []byte
}

func newMAC(k Secret, label string) *mac {
	m := &mac{keyed: hmac.New(sha256.New, k[:]), message: make([]byte, 0, len(label)+1+SecretSize), sum: make([]byte, 0, sha256.Size)}
	m.message = append(append(m.message, label...), 0)
	return m
}

// of is the HMAC of a body, good until the next call.
func (m *mac) of(body []byte) []byte {
	m.keyed.Reset()
	m.keyed.Write(append(m.message, body...))
	return m.keyed.Sum(m.sum)
}

// number is the code of a body before it is written down, below 10^8.
func (m *mac) number(body []byte) uint32 {
	return uint32(binary.BigEndian.Uint64(m.of(body)) % 100_000_000)
}

// pinOf writes a code down in eight digits with their check digit.
func pinOf(number uint32) PIN {
	var p PIN
	for i := 7; i >= 0; i-- {
		p.digits[i] = '0' + byte(number%10)
		number /= 10
	}
	p.digits[8] = '0' + damm(p.digits[:8])
	return p
}

// Timed is the PIN that a server issues at t. Only whole seconds count.
func Timed(k Secret, t time.Time) PIN { return pinOf(newMAC(k, labelTime).timed(t.Unix())) }

// timed is the code of a second; m is one of labelTime.
func (m *mac) timed(unix int64) uint32 {
	var body [8]byte
	binary.BigEndian.PutUint64(body[:], uint64(unix))
	return m.number(body[:])
}

// ForDeviceCode is the PIN that answers a device code shown on a Mac.
func ForDeviceCode(k Secret, code DeviceCode) PIN {
	return pinOf(newMAC(k, labelChallenge).number(code.digits[:]))
}
