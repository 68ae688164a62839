package ctap

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"slices"
)

// protocol is PIN/UV auth protocol 1 or 2 (CTAP 2.1 §6.5.6 and §6.5.7).
type protocol int

// shared is the secret of one exchange with a key: 32 bytes for AES in
// protocol 1, in which they are also for HMAC; 32 for HMAC and 32 for AES in 2.
type shared struct {
	protocol protocol
	secret   []byte
}

func (s shared) wipe() { clear(s.secret) }

// coseECDH is a public key of the agreement. The algorithm -25 is what the
// standard says, though it is not the one that is used (CTAP 2.1 §6.5.6).
type coseECDH struct {
	KeyType   int    `cbor:"1,keyasint"`
	Algorithm int    `cbor:"3,keyasint"`
	Curve     int    `cbor:"-1,keyasint"`
	X         []byte `cbor:"-2,keyasint"`
	Y         []byte `cbor:"-3,keyasint"`
}

const (
	coseEC2       = 2
	coseP256      = 1
	coseAgreement = -25
)

// public reads the key's side of an agreement: a point on P-256, and no other.
func (k coseECDH) public() (*ecdh.PublicKey, error) {
	if k.KeyType != coseEC2 || k.Curve != coseP256 || len(k.X) != 32 || len(k.Y) != 32 {
		return nil, nonsense("its key agreement key is no point on P-256")
	}
	key, err := ecdh.P256().NewPublicKey(slices.Concat([]byte{4}, k.X, k.Y))
	if err != nil {
		return nil, nonsense("its key agreement key: %w", err)
	}
	return key, nil
}

// agree makes a secret with a key, and our side of the agreement for it.
func (p protocol) agree(theirs coseECDH) (coseECDH, shared, error) {
	peer, err := theirs.public()
	if err != nil {
		return coseECDH{}, shared{}, err
	}
	mine, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return coseECDH{}, shared{}, err
	}
	z, err := mine.ECDH(peer)
	if err != nil {
		return coseECDH{}, shared{}, nonsense("its key agreement key: %w", err)
	}
	defer clear(z)
	secret, err := p.derive(z)
	point := mine.PublicKey().Bytes()
	return coseECDH{KeyType: coseEC2, Algorithm: coseAgreement, Curve: coseP256, X: point[1:33], Y: point[33:]}, shared{p, secret}, err
}

func (p protocol) derive(z []byte) ([]byte, error) {
	if p == 1 {
		sum := sha256.Sum256(z)
		return sum[:], nil
	}
	salt := make([]byte, 32)
	forHMAC, err := hkdf.Key(sha256.New, z, salt, "CTAP2 HMAC key", 32)
	if err != nil {
		return nil, err
	}
	forAES, err := hkdf.Key(sha256.New, z, salt, "CTAP2 AES key", 32)
	defer clear(forHMAC)
	defer clear(forAES)
	return slices.Concat(forHMAC, forAES), err
}

// authenticate is the proof that whoever sends a message has a secret: a
// token, or the first half of a shared secret.
func (p protocol) authenticate(secret, message []byte) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write(message)
	if p == 1 {
		return mac.Sum(nil)[:16]
	}
	return mac.Sum(nil)
}

func (s shared) block() (cipher.Block, error) {
	if len(s.secret) < 32 {
		return nil, errors.New("there is no shared secret")
	}
	return aes.NewCipher(s.secret[len(s.secret)-32:])
}

// encrypt enciphers whole blocks: AES-256-CBC, from zero in protocol 1, from a
// random block that is sent ahead in protocol 2.
func (s shared) encrypt(plain []byte) ([]byte, error) {
	block, err := s.block()
	if err != nil {
		return nil, err
	}
	iv := make([]byte, aes.BlockSize)
	if s.protocol != 1 {
		_, _ = rand.Read(iv) // never fails
	}
	out := make([]byte, len(plain))
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(out, plain)
	if s.protocol == 1 {
		return out, nil
	}
	return slices.Concat(iv, out), nil
}

// decryptToken deciphers a token of the key's: 16 or 32 bytes in protocol 1,
// 32 in protocol 2.
func (s shared) decryptToken(sealed []byte) ([]byte, error) {
	iv := make([]byte, aes.BlockSize)
	if s.protocol != 1 {
		if len(sealed) != 48 {
			return nil, nonsense("a sealed token of %d bytes, not 48", len(sealed))
		}
		iv, sealed = sealed[:16], sealed[16:]
	}
	if len(sealed) != 16 && len(sealed) != 32 {
		return nil, nonsense("a sealed token of %d bytes, not 16 or 32", len(sealed))
	}
	block, err := s.block()
	if err != nil {
		return nil, err
	}
	out := make([]byte, len(sealed))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(out, sealed)
	return out, nil
}
