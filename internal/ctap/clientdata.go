package ctap

import (
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The kinds of client data (WebAuthn §5.8.1).
const (
	KindCreate = "webauthn.create"
	KindGet    = "webauthn.get"
)

// ClientData is the collected client data that a key signs the hash of, in the
// one serialization of WebAuthn §5.8.1.1. The challenge is raw bytes.
func ClientData(kind string, challenge []byte, origin string) []byte {
	return fmt.Appendf(nil, `{"type":%s,"challenge":"%s","origin":%s,"crossOrigin":false}`,
		quoted(kind), base64.RawURLEncoding.EncodeToString(challenge), quoted(origin))
}

// quoted is CCDToString (WebAuthn §5.8.1.2): only what must be is escaped, so
// encoding/json, which escapes more, would not do.
func quoted(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range strings.ToValidUTF8(text, string(utf8.RuneError)) {
		switch {
		case r == '"' || r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case r < 0x20:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
