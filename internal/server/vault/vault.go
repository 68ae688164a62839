package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
)

// KeySize is the length of the master key in bytes.
const KeySize = 32

// ErrSealed is a sealed value that does not open: the wrong master key, or the
// value was changed or moved to another row.
var ErrSealed = errors.New("sealed value does not open with this master key in this place")

// Purpose keeps the keys derived from the master key apart.
type Purpose string

// The purposes.
const (
	ForRecovery  Purpose = "latchkey/v1/recovery-secret"
	ForPKI       Purpose = "latchkey/v1/pki-key"
	ForAnswers   Purpose = "latchkey/v1/check-in-answer"
	ForChallenge Purpose = "latchkey/v1/scep-challenge"
	ForLog       Purpose = "latchkey/v1/system-log"
	ForCheck     Purpose = "latchkey/v1/key-check"
	ForAdmins    Purpose = "latchkey/v1/admin-factor"
	// ForAdminDigests is apart from ForAdmins: a key has one use.
	ForAdminDigests Purpose = "latchkey/v1/admin-digest"

	ForFactors       Purpose = "latchkey/v1/user-factor"
	ForFactorDigests Purpose = "latchkey/v1/user-factor-digest"
	ForClients       Purpose = "latchkey/v1/client-digest"
	ForTokenKeys     Purpose = "latchkey/v1/token-key"
	ForWebPush       Purpose = "latchkey/v1/web-push"
	ForSingleSignOn  Purpose = "latchkey/v1/single-sign-on"
	ForACME          Purpose = "latchkey/v1/acme"
)

// Vault seals with the master key. It prints as a placeholder, and must not be
// copied.
type Vault struct {
	master  [KeySize]byte
	ciphers sync.Map // cipher.AEAD by Purpose: to derive one takes longer than to use it
}

// String hides the key from logs.
func (*Vault) String() string { return "[vault]" }

// GoString hides the key from %#v.
func (*Vault) GoString() string { return "[vault]" }

// Key is the 32-byte key for one purpose.
func (v *Vault) Key(p Purpose) []byte {
	// The only error of HKDF is a length beyond 255 hashes.
	key, err := hkdf.Key(sha256.New, v.master[:], nil, string(p), KeySize)
	if err != nil {
		panic(err)
	}
	return key
}

// Digest is how a secret that is random is stored: it needs no slow hash, and
// has a key so that who can write to the database, but does not have the master
// key, can plant none. No two lists of fields have the same.
func (v *Vault) Digest(p Purpose, fields ...string) string {
	mac := hmac.New(sha256.New, v.Key(p))
	_, _ = mac.Write(additional(fields)) // a hash takes everything
	return hex.EncodeToString(mac.Sum(nil))
}

// Check names the master key without giving it away, so that a database can
// tell whether it is its own.
func (v *Vault) Check() string {
	return base64.RawStdEncoding.EncodeToString(v.Key(ForCheck)[:12])
}

// Seal encrypts plain for one place, which the fields of place name. The same
// fields in the same order open it.
func (v *Vault) Seal(p Purpose, plain []byte, place ...string) (string, error) {
	gcm, err := v.cipher(p)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, gcm.NonceSize(), gcm.NonceSize()+len(plain)+gcm.Overhead())
	// crypto/rand never fails on the supported systems: it ends the program.
	_, _ = rand.Read(nonce)
	return base64.RawStdEncoding.EncodeToString(gcm.Seal(nonce, nonce, plain, additional(place))), nil
}

// Open is the inverse of Seal. The error is ErrSealed.
func (v *Vault) Open(p Purpose, sealed string, place ...string) ([]byte, error) {
	gcm, err := v.cipher(p)
	if err != nil {
		return nil, err
	}
	raw, err := base64.RawStdEncoding.DecodeString(sealed)
	if err != nil || len(raw) < gcm.NonceSize() {
		return nil, ErrSealed
	}
	plain, err := gcm.Open(nil, raw[:gcm.NonceSize()], raw[gcm.NonceSize():], additional(place))
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

func (v *Vault) cipher(p Purpose) (cipher.AEAD, error) {
	if made, ok := v.ciphers.Load(p); ok {
		return made.(cipher.AEAD), nil
	}
	block, err := aes.NewCipher(v.Key(p))
	if err != nil {
		return nil, fmt.Errorf("make a cipher for %s: %w", p, err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("make a cipher for %s: %w", p, err)
	}
	v.ciphers.Store(p, gcm)
	return gcm, nil
}

// additional encodes the fields so that no two lists of fields look the same.
func additional(place []string) []byte {
	var out []byte
	for _, field := range place {
		out = binary.BigEndian.AppendUint32(out, uint32(len(field)))
		out = append(out, field...)
	}
	return out
}
