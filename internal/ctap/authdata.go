package ctap

import (
	"encoding/binary"
	"errors"
	"slices"

	"github.com/fxamacker/cbor/v2"
)

// The flags of authenticator data (WebAuthn §6.1).
const (
	flagPresent    = 0x01
	flagVerified   = 0x04
	flagCredential = 0x40
	flagExtensions = 0x80
)

// authData is what a key signs, apart from the hash of the client data.
type authData struct {
	rpIDHash   [32]byte
	flags      byte
	counter    uint32
	aaguid     [16]byte
	credential []byte // its ID; with publicKey only where flagCredential is set
	publicKey  []byte // COSE_Key
}

func (a authData) has(flag byte) bool { return a.flags&flag != 0 }

// parseAuthData takes authenticator data apart, and refuses a byte too many or
// too few (WebAuthn §6.1).
func parseAuthData(raw []byte) (authData, error) {
	const fixed = 37
	if len(raw) < fixed || len(raw) > MaxMessage {
		return authData{}, errors.New("authenticator data of a wrong length")
	}
	a := authData{rpIDHash: [32]byte(raw), flags: raw[32], counter: binary.BigEndian.Uint32(raw[33:])}
	rest, err := raw[fixed:], error(nil)
	if a.has(flagCredential) {
		if rest, err = a.takeCredential(rest); err != nil {
			return authData{}, err
		}
	}
	if a.has(flagExtensions) {
		var extensions map[string]cbor.RawMessage
		if rest, err = decodeFirstCBOR(rest, &extensions); err != nil {
			return authData{}, err
		}
	}
	if len(rest) > 0 {
		return authData{}, errors.New("authenticator data with bytes that its flags do not tell of")
	}
	return a, nil
}

// takeCredential reads attested credential data (WebAuthn §6.5.2).
func (a *authData) takeCredential(raw []byte) (rest []byte, err error) {
	if len(raw) < 18 {
		return nil, errors.New("authenticator data that ends within a credential")
	}
	size := int(binary.BigEndian.Uint16(raw[16:]))
	if size == 0 || size > maxCredentialID || len(raw) < 18+size {
		return nil, errors.New("authenticator data with a credential ID of a wrong length")
	}
	a.aaguid, a.credential = [16]byte(raw), slices.Clone(raw[18:18+size])
	var key cbor.RawMessage
	if rest, err = decodeFirstCBOR(raw[18+size:], &key); err != nil {
		return nil, err
	}
	a.publicKey = key
	_, err = parsePublicKey(key)
	return rest, err
}
