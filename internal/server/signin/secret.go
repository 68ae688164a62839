package signin

import (
	"crypto/hmac"
	"crypto/rand"
	"fmt"
	"io"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
)

// Secret is a text that opens something: a set-up code, a recovery code, the
// token of a session. It prints as a placeholder, also in JSON; Text is the only
// way to see it. The zero Secret is none.
type Secret struct{ text string }

const placeholder = "[secret]"

// Text is the secret itself, to be shown or set as a cookie, and never logged.
func (s Secret) Text() string { return s.text }

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.text == "" }

// String hides the secret from logs and errors.
func (Secret) String() string { return placeholder }

// Format hides the secret from every verb, %#v included.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, placeholder) }

// MarshalText hides the secret from what is marshalled.
func (Secret) MarshalText() ([]byte, error) { return []byte(placeholder), nil }

// prefix makes a leaked session token findable by secret scanners.
const prefix = "lka_"

// newToken is the id of a new session, its secret, and the two as a token.
func newToken() (id, secret string, token Secret) {
	id, secret = store.NewID("ses"), rand.Text()
	return id, secret, Secret{prefix + id + "_" + secret}
}

// split takes a token apart.
func split(token string) (id, secret string, ok bool) {
	rest, ok := strings.CutPrefix(token, prefix)
	if !ok || len(token) > 128 {
		return "", "", false
	}
	return strings.Cut(rest, "_")
}

// Kinds of digests.
const (
	digestSession  = "session"
	digestSetUp    = "set-up code"
	digestRecovery = "recovery code"
	digestAccount  = "account"
	digestClient   = "client"
	digestProvider = "session of the provider"
)

// digest is how a random secret is stored. It needs no slow hash, and has a key
// so that who can write to the database, but does not have the master key, can
// plant no session and no code.
func (s *Service) digest(kind string, fields ...string) string {
	return s.vault.Digest(vault.ForAdminDigests, append([]string{kind}, fields...)...)
}

// same compares digests.
func same(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }
