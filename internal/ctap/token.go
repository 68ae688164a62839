package ctap

// Permission is what a token may be used for (CTAP 2.1 §6.5.5.7).
type Permission byte

// The permissions that Latchkey asks for.
const (
	PermitMakeCredential Permission = 0x01
	PermitGetAssertion   Permission = 0x02
)

// Token is a pinUvAuthToken: it shows the key that its user was verified, and
// opens what it was asked for until the key forgets it. It never prints.
type Token struct {
	protocol protocol
	secret   []byte
}

// Forget overwrites the token, also in its copies.
func (t Token) Forget() { clear(t.secret) }

// prove is the pinUvAuthParam for a message.
func (t *Token) prove(message []byte) []byte { return t.protocol.authenticate(t.secret, message) }
