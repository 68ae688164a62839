package softkey

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
)

// The permissions of tokens (CTAP 2.1 §6.5.5.7).
const (
	mayMake   = 0x01
	mayAssert = 0x02
)

// pinSide is a key's side of one PIN protocol, made anew at each power-on.
type pinSide struct {
	agreement   *ecdh.PrivateKey
	token       [32]byte
	permissions byte
	rpID        string
	legacy      bool // a token of CTAP 2.0, which stays good
}

func newPINSide() (*pinSide, error) {
	private, err := ecdh.P256().GenerateKey(rand.Reader)
	return &pinSide{agreement: private}, err
}

func pinHash(pin []byte) []byte {
	sum := sha256.Sum256(pin)
	return sum[:16]
}

type pinRequest struct {
	Protocol    int         `cbor:"1,keyasint"`
	Sub         int         `cbor:"2,keyasint"`
	Agreement   map[int]any `cbor:"3,keyasint"`
	Proof       []byte      `cbor:"4,keyasint"`
	NewPIN      []byte      `cbor:"5,keyasint"`
	PINHash     []byte      `cbor:"6,keyasint"`
	Permissions byte        `cbor:"9,keyasint"`
	RPID        string      `cbor:"10,keyasint"`
}

func (r request) clientPIN(raw []byte) (any, status) {
	var p pinRequest
	if s := read(raw, &p); s != ok {
		return nil, s
	}
	k := r.key
	k.mu.Lock()
	defer k.mu.Unlock()
	side := k.power.pin[p.Protocol]
	switch {
	case p.Sub == 0x01:
		return map[int]any{3: k.memory.retries, 4: k.power.misses >= maxMisses}, ok
	case p.Sub == 0x07 && k.options.Fingerprint:
		return map[int]any{5: k.memory.uvRetries}, ok
	case side == nil:
		return nil, invalidParameter
	case p.Sub == 0x02:
		return map[int]any{1: side.public()}, ok
	}
	secret, err := side.agree(p.Protocol, p.Agreement)
	if err != nil {
		return nil, invalidParameter
	}
	return r.withSecret(p, secret)
}

// withSecret are the subcommands for which both sides have agreed on a secret.
func (r request) withSecret(p pinRequest, secret []byte) (any, status) {
	k := r.key
	switch {
	case p.Sub == 0x03 && k.memory.pinHash != nil:
		return nil, pinAuthInvalid
	case p.Sub == 0x03:
		return nil, k.setPIN(p, secret, p.NewPIN)
	case p.Sub == 0x04:
		if !hmac.Equal(prove(p.Protocol, secret, append(bytes.Clone(p.NewPIN), p.PINHash...)), p.Proof) {
			return nil, pinAuthInvalid
		}
		if s := k.checkPIN(p, secret); s != ok {
			return nil, s
		}
		return nil, k.setPIN(p, secret, append(bytes.Clone(p.NewPIN), p.PINHash...))
	case p.Sub == 0x05 && p.Permissions == 0, p.Sub == 0x09 && k.permissions() && p.Permissions != 0:
		if s := k.checkPIN(p, secret); s != ok {
			return nil, s
		}
		if k.options.ForcePINChange {
			return nil, pinPolicy
		}
		return k.newToken(p, secret)
	case p.Sub == 0x06 && k.permissions() && k.options.Fingerprint && p.Permissions != 0:
		if s := r.finger(); s != ok {
			return nil, s
		}
		return k.newToken(p, secret)
	}
	return nil, invalidSubcommand
}

// finger waits for one on the sensor. It is called with the key locked.
func (r request) finger() status {
	k := r.key
	if k.memory.uvRetries == 0 {
		return uvBlocked
	}
	k.mu.Unlock()
	s := r.waitForTouch()
	k.mu.Lock()
	if s != ok {
		return s
	}
	if !k.finger {
		if k.memory.uvRetries--; k.memory.uvRetries == 0 {
			return uvBlocked
		}
		return uvInvalid
	}
	k.memory.uvRetries = maxUVRetries
	return ok
}

// checkPIN spends a try (CTAP 2.1 §6.5.5.7.1).
func (k *Key) checkPIN(p pinRequest, secret []byte) status {
	switch {
	case k.memory.pinHash == nil:
		return pinNotSet
	case k.memory.retries == 0:
		return pinBlocked
	case k.power.misses >= maxMisses:
		return pinAuthBlocked
	}
	k.memory.retries--
	if given := open(p.Protocol, secret, p.PINHash); given != nil && hmac.Equal(given, k.memory.pinHash) {
		k.memory.retries, k.memory.uvRetries, k.power.misses = maxRetries, maxUVRetries, 0
		return ok
	}
	k.power.misses++
	side, err := newPINSide()
	if err != nil {
		return other
	}
	k.power.pin[p.Protocol].agreement = side.agreement
	switch {
	case k.memory.retries == 0:
		return pinBlocked
	case k.power.misses >= maxMisses:
		return pinAuthBlocked
	}
	return pinInvalid
}

func (k *Key) setPIN(p pinRequest, secret, proved []byte) status {
	if !hmac.Equal(prove(p.Protocol, secret, proved), p.Proof) {
		return pinAuthInvalid
	}
	padded := open(p.Protocol, secret, p.NewPIN)
	if len(padded) != 64 {
		return invalidParameter
	}
	pin := bytes.TrimRight(padded, "\x00")
	if len(pin) < 4 || len(pin) > 63 {
		return pinPolicy
	}
	k.memory.pinHash, k.memory.retries = pinHash(pin), maxRetries
	return ok
}

// newToken replaces all tokens by one of the protocol.
func (k *Key) newToken(p pinRequest, secret []byte) (any, status) {
	for _, side := range k.power.pin {
		_, _ = rand.Read(side.token[:]) // never fails
		side.permissions, side.rpID = 0, ""
	}
	side := k.power.pin[p.Protocol]
	side.permissions, side.rpID, side.legacy = p.Permissions, p.RPID, p.Sub == 0x05
	if side.legacy {
		side.permissions = mayMake | mayAssert
	}
	return map[int]any{2: seal(p.Protocol, secret, side.token[:])}, ok
}

// authorised checks the proof of a token for a use of it.
func (k *Key) authorised(protocol int, message, proof []byte, use byte, rpID string) status {
	side := k.power.pin[protocol]
	if side == nil {
		return invalidParameter
	}
	if side.permissions == 0 || !hmac.Equal(prove(protocol, side.token[:], message), proof) {
		return pinAuthInvalid
	}
	if side.permissions&use == 0 || side.rpID != "" && side.rpID != rpID {
		return pinAuthInvalid
	}
	if side.rpID == "" && !side.legacy {
		side.rpID = rpID
	}
	return ok
}

// used takes the permissions from a token that a touch was given for.
func (k *Key) used(protocol int) {
	if side := k.power.pin[protocol]; side != nil && !side.legacy {
		side.permissions = 0
	}
}

func (s *pinSide) public() map[int]any {
	point := s.agreement.PublicKey().Bytes()
	return map[int]any{1: 2, 3: -25, -1: 1, -2: point[1:33], -3: point[33:]}
}

func (s *pinSide) agree(protocol int, theirs map[int]any) ([]byte, error) {
	x, _ := theirs[-2].([]byte)
	y, _ := theirs[-3].([]byte)
	peer, err := ecdh.P256().NewPublicKey(append(append([]byte{4}, x...), y...))
	if err != nil {
		return nil, err
	}
	z, err := s.agreement.ECDH(peer)
	if err != nil {
		return nil, err
	}
	if protocol == 1 {
		sum := sha256.Sum256(z)
		return sum[:], nil
	}
	mac, err := hkdf.Key(sha256.New, z, make([]byte, 32), "CTAP2 HMAC key", 32)
	if err != nil {
		return nil, err
	}
	enc, err := hkdf.Key(sha256.New, z, make([]byte, 32), "CTAP2 AES key", 32)
	return append(mac, enc...), err
}

func prove(protocol int, secret, message []byte) []byte {
	mac := hmac.New(sha256.New, secret[:32])
	mac.Write(message)
	if protocol == 1 {
		return mac.Sum(nil)[:16]
	}
	return mac.Sum(nil)
}

func seal(protocol int, secret, plain []byte) []byte {
	block, err := aes.NewCipher(secret[len(secret)-32:])
	if err != nil {
		return nil
	}
	iv := make([]byte, 16)
	if protocol == 2 {
		_, _ = rand.Read(iv) // never fails
	}
	out := make([]byte, len(plain))
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(out, plain)
	if protocol == 2 {
		return append(iv, out...)
	}
	return out
}

// open gives nothing for what cannot be deciphered.
func open(protocol int, secret, sealed []byte) []byte {
	iv := make([]byte, 16)
	if protocol == 2 && len(sealed) >= 16 {
		iv, sealed = sealed[:16], sealed[16:]
	}
	block, err := aes.NewCipher(secret[len(secret)-32:])
	if err != nil || len(sealed) == 0 || len(sealed)%16 != 0 {
		return nil
	}
	out := make([]byte, len(sealed))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(out, sealed)
	return out
}
