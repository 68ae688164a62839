package devaccounts

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/argon2"
)

// What Hash makes: RFC 9106, the second recommended option.
const (
	hashMemory  = 64 * 1024 // KiB
	hashTime    = 3
	hashThreads = 4
	saltSize    = 16
	keySize     = 32
)

// Bounds of what a file may ask for, so that it cannot take the machine down.
const (
	maxPassword = 256        // bytes
	maxMemory   = 256 * 1024 // KiB
	maxTime     = 16
	maxThreads  = 16
	minSalt     = 8  // bytes
	minKey      = 16 // bytes
	maxKey      = 64 // bytes, of salt and key alike
)

// passwordHash is what $argon2id$… says. The zero value fits no password.
type passwordHash struct {
	memory, time uint32
	threads      uint8
	salt, key    []byte
}

// Verify reports whether the password is that of the account. It compares in
// constant time; an account without a hash has no password that fits.
func Verify(account Account, password []byte) bool {
	h := account.password
	if len(h.key) == 0 || len(password) > maxPassword {
		return false
	}
	got := argon2.IDKey(password, h.salt, h.time, h.memory, h.threads, uint32(len(h.key)))
	return subtle.ConstantTimeCompare(got, h.key) == 1
}

// Hash makes the text for the field "password", with a salt drawn from random,
// which should be crypto/rand.Reader. An empty password and one of more than
// 256 bytes are refused.
func Hash(random io.Reader, password []byte) (string, error) {
	if len(password) == 0 || len(password) > maxPassword {
		return "", fmt.Errorf("hash the password: it has %d bytes, allowed are 1 to %d", len(password), maxPassword)
	}
	h := passwordHash{memory: hashMemory, time: hashTime, threads: hashThreads, salt: make([]byte, saltSize)}
	if _, err := io.ReadFull(random, h.salt); err != nil {
		return "", fmt.Errorf("draw a salt: %w", err)
	}
	h.key = argon2.IDKey(password, h.salt, h.time, h.memory, h.threads, keySize)
	return h.text(), nil
}

func (h passwordHash) text() string {
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, h.memory, h.time, h.threads, encode(h.salt), encode(h.key))
}

// errHashForm never holds the text itself: a hash can be attacked offline.
var errHashForm = errors.New("not of the form $argon2id$v=19$m=KiB,t=passes,p=threads$salt$hash (make one with 'authhost account add')")

func parseHash(text string) (passwordHash, error) {
	var h passwordHash
	var version int
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return passwordHash{}, errHashForm
	}
	if !scanned(parts[2], "v=%d", &version) || version != argon2.Version ||
		!scanned(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.time, &h.threads) {
		return passwordHash{}, errHashForm
	}
	var badSalt, badKey error
	h.salt, badSalt = base64.RawStdEncoding.Strict().DecodeString(parts[4])
	h.key, badKey = base64.RawStdEncoding.Strict().DecodeString(parts[5])
	if badSalt != nil || badKey != nil {
		return passwordHash{}, errHashForm
	}
	return h, h.check()
}

// scanned reports whether text is the format with these numbers and nothing
// else.
func scanned(text, format string, into ...any) bool {
	if _, err := fmt.Sscanf(text, format, into...); err != nil {
		return false
	}
	values := make([]any, len(into))
	for i, v := range into {
		switch p := v.(type) {
		case *int:
			values[i] = *p
		case *uint32:
			values[i] = *p
		case *uint8:
			values[i] = *p
		}
	}
	return fmt.Sprintf(format, values...) == text
}

func (h passwordHash) check() error {
	switch {
	case h.threads < 1 || h.threads > maxThreads:
		return fmt.Errorf("p=%d, allowed are 1 to %d threads", h.threads, maxThreads)
	case h.time < 1 || h.time > maxTime:
		return fmt.Errorf("t=%d, allowed are 1 to %d passes", h.time, maxTime)
	case h.memory < 8*uint32(h.threads) || h.memory > maxMemory:
		return fmt.Errorf("m=%d, allowed are %d to %d KiB", h.memory, 8*uint32(h.threads), maxMemory)
	case len(h.salt) < minSalt || len(h.salt) > maxKey:
		return fmt.Errorf("the salt has %d bytes, allowed are %d to %d", len(h.salt), minSalt, maxKey)
	case len(h.key) < minKey || len(h.key) > maxKey:
		return fmt.Errorf("the hash has %d bytes, allowed are %d to %d", len(h.key), minKey, maxKey)
	}
	return nil
}

// decoy is a hash that no password is known for, as dear as those of Hash.
func decoy() passwordHash {
	return passwordHash{memory: hashMemory, time: hashTime, threads: hashThreads,
		salt: make([]byte, saltSize), key: make([]byte, keySize)}
}
