package signin

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

// cost is what one computation takes.
type cost struct {
	time, memory uint32
	lanes        uint8
}

// hash is a stored password. It prints as a placeholder.
type hash struct {
	cost
	salt, key []byte
}

// String hides the hash from logs.
func (hash) String() string { return placeholder }

// GoString hides the hash from %#v.
func (hash) GoString() string { return placeholder }

// argon computes password hashes, a few at a time: each takes 64 MiB, and
// whoever reaches the server may ask for one.
type argon struct {
	cost  cost
	slots chan struct{}
	// compute is argon2.IDKey; tests count its calls.
	compute func(password, salt []byte, time, memory uint32, lanes uint8, length uint32) []byte
}

func newArgon() *argon {
	return &argon{cost: cost{argonTime, argonMemory, argonLanes}, slots: make(chan struct{}, argonAtOnce), compute: argon2.IDKey}
}

// derive waits for a slot, or for the context's end.
func (a *argon) derive(ctx context.Context, password string, c cost, salt []byte) ([]byte, error) {
	select {
	case a.slots <- struct{}{}:
		defer func() { <-a.slots }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait to compute a password's hash: %w", ctx.Err())
	}
	return a.compute([]byte(password), salt, c.time, c.memory, c.lanes, argonKey), nil
}

// hash is a password as it is stored.
func (a *argon) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, argonSalt)
	// crypto/rand never fails on the supported systems: it ends the program.
	_, _ = rand.Read(salt)
	key, err := a.derive(ctx, password, a.cost, salt)
	if err != nil {
		return "", err
	}
	return hash{a.cost, salt, key}.text(), nil
}

// fits reports whether the password is the stored one. Where nothing is stored
// it computes as much, so that the time does not tell who has an account.
func (a *argon) fits(ctx context.Context, stored, password string) (bool, error) {
	h := hash{a.cost, make([]byte, argonSalt), make([]byte, argonKey)}
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
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.time, h.lanes,
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
	if _, err := fmt.Sscanf(part[3], "m=%d,t=%d,p=%d", &h.memory, &h.time, &h.lanes); err != nil {
		return hash{}, errHash
	}
	h.salt, _ = base64.RawStdEncoding.DecodeString(part[4]) // what does not decode does not come out the same below
	h.key, _ = base64.RawStdEncoding.DecodeString(part[5])
	sane := h.time >= 1 && h.time <= maxArgonTime && h.lanes >= 1 && h.memory >= 8*uint32(h.lanes) && h.memory <= maxArgonMemory
	if !sane || len(h.salt) < 8 || len(h.key) != argonKey || h.text() != stored {
		return hash{}, errHash
	}
	return h, nil
}
