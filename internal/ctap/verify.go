package ctap

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
)

// Why an assertion proves nothing.
var (
	ErrOtherCredential = errors.New("the assertion is of another credential")
	ErrRP              = errors.New("the assertion is for another relying party")
	ErrNotPresent      = errors.New("nobody touched the key")
	ErrNotVerified     = errors.New("the key did not verify its user")
	ErrSignature       = errors.New("the signature is not the key's")
	ErrCloned          = errors.New("the key's counter did not grow: there may be a copy of the key")
)

// Enrolled is what is known of a key since its credential was made.
type Enrolled struct {
	RPID                    string
	CredentialID, PublicKey []byte // PublicKey is a COSE_Key
	Counter                 uint32 // of the last assertion, or of the new credential
}

// Verify checks an assertion against an enrolled key, without the key (the
// steps of WebAuthn §7.2 that are left where relying party and client are one):
// the credential, the relying party, the touch, the user where requireUV, the
// signature over the client data, and that the counter grew. A key that counts
// nothing has 0 both times. It returns the counter to keep. ErrCloned comes with
// the counter too, and only once all else is right.
func Verify(a Assertion, enrolled Enrolled, clientDataJSON []byte, requireUV bool) (counter uint32, err error) {
	if len(enrolled.CredentialID) == 0 || subtle.ConstantTimeCompare(a.CredentialID, enrolled.CredentialID) != 1 {
		return 0, ErrOtherCredential
	}
	data, err := parseAuthData(a.AuthData)
	if err != nil {
		return 0, nonsense("%w", err)
	}
	rp := sha256.Sum256([]byte(enrolled.RPID))
	switch {
	case subtle.ConstantTimeCompare(data.rpIDHash[:], rp[:]) != 1:
		return 0, ErrRP
	case !data.has(flagPresent):
		return 0, ErrNotPresent
	case requireUV && !data.has(flagVerified):
		return 0, ErrNotVerified
	}
	key, err := parsePublicKey(enrolled.PublicKey)
	if err != nil {
		return 0, fmt.Errorf("the enrolled key: %w", err)
	}
	hash := sha256.Sum256(clientDataJSON)
	if !key.verifies(slices.Concat(a.AuthData, hash[:]), a.Signature) {
		return 0, ErrSignature
	}
	if grew := data.counter > enrolled.Counter; !grew && (data.counter != 0 || enrolled.Counter != 0) {
		return data.counter, fmt.Errorf("%w (%d after %d)", ErrCloned, data.counter, enrolled.Counter)
	}
	return data.counter, nil
}
