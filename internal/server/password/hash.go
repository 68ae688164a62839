package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The cost of a password: RFC 9106's second choice with one lane, as two may be
// computed at a time. It stands with each hash, so that it can be raised.
const (
	argonTime   = 3
	argonMemory = 64 << 10 // KiB
	argonLanes  = 1
	argonSalt   = 16
	argonKey    = 32
	argonAtOnce = 2
	// What is read from the database may not cost more than this.
	maxArgonTime   = 16
	maxArgonMemory = 1 << 20
)

// placeholder is what a hash prints as.
const placeholder = "[secret]"

// Cost is what one computation takes: passes, KiB, and lanes.
type Cost struct {
	Time, Memory uint32
	Lanes        uint8
}

// String is the cost as it stands with a hash.
func (c Cost) String() string { return fmt.Sprintf("m=%d,t=%d,p=%d", c.Memory, c.Time, c.Lanes) }

// hash is a stored password. It prints as a placeholder.
type hash struct {
	cost      Cost
	salt, key []byte
}

// String hides the hash from logs.
func (hash) String() string { return placeholder }

// GoString hides the hash from %#v.
func (hash) GoString() string { return placeholder }

// Hasher computes password hashes, a few at a time: each takes 64 MiB, and
// whoever reaches the server may ask for one.
type Hasher struct {
	Cost Cost // of what is stored from now on; tests lower it
	// Compute is argon2.IDKey; tests count its calls.
	Compute func(password, salt []byte, time, memory uint32, lanes uint8, length uint32) []byte
	slots   chan struct{}
}

// NewHasher is one with the cost that is in force.
func NewHasher() *Hasher {
	return &Hasher{Cost: Cost{argonTime, argonMemory, argonLanes}, slots: make(chan struct{}, argonAtOnce), Compute: argon2.IDKey}
}

// derive waits for a slot, or for the context's end.
func (a *Hasher) derive(ctx context.Context, password string, c Cost, salt []byte) ([]byte, error) {
	select {
	case a.slots <- struct{}{}:
		defer func() { <-a.slots }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait to compute a password's hash: %w", ctx.Err())
	}
	return a.Compute([]byte(password), salt, c.Time, c.Memory, c.Lanes, argonKey), nil
}

// Hash is a password as it is stored. The error is the context's.
func (a *Hasher) Hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, argonSalt)
	// crypto/rand never fails on the supported systems: it ends the program.
	_, _ = rand.Read(salt)
	key, err := a.derive(ctx, password, a.Cost, salt)
	if err != nil {
		return "", err
	}
	return hash{a.Cost, salt, key}.text(), nil
}

// Fits reports whether the password is the stored one. Where nothing is stored,
// or the password is longer than any, it computes as much, so that the time does
// not tell who has one. The error is the context's, or that what is stored is no
// hash.
func (a *Hasher) Fits(ctx context.Context, stored, password string) (bool, error) {
	if len(password) > maxBytes {
		password = "" // no password is; the cost is that of any other
	}
	h := hash{a.Cost, make([]byte, argonSalt), make([]byte, argonKey)}
	if stored != "" {
		var err error
		if h, err = parseHash(stored); err != nil {
			return false, err
		}
	}
	key, err := a.derive(ctx, password, h.cost, h.salt)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(key, h.key) == 1 && stored != "", nil
}

// text is the hash in the form that the reference implementation prints.
func (h hash) text() string {
	return fmt.Sprintf("$argon2id$v=%d$%s$%s$%s", argon2.Version, h.cost,
		base64.RawStdEncoding.EncodeToString(h.salt), base64.RawStdEncoding.EncodeToString(h.key))
}

var errHash = errors.New("a stored password is no Argon2id hash that this server can compute")

// parseHash is the inverse of text, and takes nothing else. Its error does not
// quote what it read.
func parseHash(stored string) (h hash, err error) {
	part := strings.Split(stored, "$")
	if len(stored) > 256 || len(part) != 6 {
		return hash{}, errHash
	}
	if _, err := fmt.Sscanf(part[3], "m=%d,t=%d,p=%d", &h.cost.Memory, &h.cost.Time, &h.cost.Lanes); err != nil {
		return hash{}, errHash
	}
	h.salt, _ = base64.RawStdEncoding.DecodeString(part[4]) // what does not decode does not come out the same below
	h.key, _ = base64.RawStdEncoding.DecodeString(part[5])
	sane := h.cost.Time >= 1 && h.cost.Time <= maxArgonTime && h.cost.Lanes >= 1 && h.cost.Memory >= 8*uint32(h.cost.Lanes) && h.cost.Memory <= maxArgonMemory
	if !sane || len(h.salt) < 8 || len(h.key) != argonKey || h.text() != stored {
		return hash{}, errHash
	}
	return h, nil
}
