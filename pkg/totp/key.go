package totp

import (
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// Bounds of a secret in bytes. NewKey draws KeySize, the length that RFC 4226
// recommends; the least is its requirement R6.
const (
	KeySize    = 20
	MinKeySize = 16
	MaxKeySize = 64
)

// ErrKeySize: a secret is shorter than MinKeySize or longer than MaxKeySize.
var ErrKeySize = errors.New("a totp secret has 16 to 64 bytes")

// Key is a secret shared with one authenticator app. The zero Key matches no
// code.
type Key struct{ secret []byte }

// NewKey draws a key of KeySize bytes from random, which should be
// crypto/rand.Reader.
func NewKey(random io.Reader) (Key, error) {
	secret := make([]byte, KeySize)
	if _, err := io.ReadFull(random, secret); err != nil {
		return Key{}, fmt.Errorf("draw a totp secret: %w", err)
	}
	return Key{secret}, nil
}

// KeyFrom is the key of a stored secret, which it copies. The error is
// ErrKeySize.
func KeyFrom(secret []byte) (Key, error) {
	if len(secret) < MinKeySize || len(secret) > MaxKeySize {
		return Key{}, ErrKeySize
	}
	return Key{append([]byte(nil), secret...)}, nil
}

// Secret is a copy of the secret, to be sealed and stored.
func (k Key) Secret() []byte { return append([]byte(nil), k.secret...) }

// IsZero reports whether there is no key.
func (k Key) IsZero() bool { return len(k.secret) == 0 }

const placeholder = "[totp key]"

// String hides the key from logs and errors.
func (Key) String() string { return placeholder }

// Format hides the key from every verb, %d and %#v included.
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, placeholder) }

// Text is the secret for a person who types it into an app: base32 without
// padding, in groups of four ("JBSW Y3DP EHPK 3PXP").
func (k Key) Text() string {
	plain := k.base32()
	var b strings.Builder
	for i := range len(plain) {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteByte(plain[i])
	}
	return b.String()
}

// URI is the key for an app that scans it:
// otpauth://totp/ISSUER:ACCOUNT?secret=…&issuer=ISSUER&algorithm=SHA1&digits=6&period=30.
// All but unreserved characters are escaped, a space as %20. The colon divides
// issuer and account in the label, so one inside the issuer becomes a space, as
// do control characters and what is no UTF-8.
func (k Key) URI(issuer, account string) string {
	issuer = clean(strings.ReplaceAll(issuer, ":", " "))
	account = clean(account)
	label := escape(account)
	if issuer != "" {
		label = escape(issuer) + ":" + label
	}
	uri := "otpauth://totp/" + label + "?secret=" + k.base32()
	if issuer != "" {
		uri += "&issuer=" + escape(issuer)
	}
	return uri + fmt.Sprintf("&algorithm=SHA1&digits=%d&period=%d", Digits, int(Period.Seconds()))
}

func (k Key) base32() string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(k.secret)
}

func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))
	return strings.TrimSpace(s)
}

// escape is percent-encoding of all but RFC 3986's unreserved characters.
// Package url leaves '&' and '+' in a path and writes '+' for a space in a
// query; apps read both wrong.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; unreserved(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func unreserved(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("-._~", c) >= 0
}
