package ctap

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/fxamacker/cbor/v2"
)

// The COSE algorithms whose signatures Verify can check.
const (
	ES256 = -7   // ECDSA on P-256 with SHA-256
	EdDSA = -8   // on Ed25519
	RS256 = -257 // RSASSA-PKCS1-v1_5 with SHA-256
)

// The key of an RSA credential, in bits, and the only exponent that is taken.
const (
	minRSA      = 2048
	maxRSA      = 4096
	rsaExponent = 65537
)

type coseKey struct {
	KeyType   int             `cbor:"1,keyasint"`
	Algorithm int             `cbor:"3,keyasint"`
	First     cbor.RawMessage `cbor:"-1,keyasint"` // the curve, or the modulus of RSA
	Second    []byte          `cbor:"-2,keyasint"` // x, or the exponent of RSA
	Y         []byte          `cbor:"-3,keyasint"`
}

// publicKey is that of a credential.
type publicKey struct {
	algorithm int
	key       crypto.PublicKey
}

// parsePublicKey reads a COSE_Key (RFC 9053 §7) of one of the algorithms above,
// and checks that it is one.
func parsePublicKey(raw []byte) (publicKey, error) {
	var k coseKey
	if err := decodeCBOR(raw, &k); err != nil {
		return publicKey{}, fmt.Errorf("public key: %w", err)
	}
	read, known := map[[2]int]func(coseKey) (crypto.PublicKey, error){
		{2, ES256}: readEC, {1, EdDSA}: readEd, {3, RS256}: readRSA,
	}[[2]int{k.KeyType, k.Algorithm}]
	if !known {
		return publicKey{}, fmt.Errorf("public key of the type %d and algorithm %d, which is not known here", k.KeyType, k.Algorithm)
	}
	key, err := read(k)
	if err != nil {
		return publicKey{}, fmt.Errorf("public key: %w", err)
	}
	return publicKey{algorithm: k.Algorithm, key: key}, nil
}

func (k coseKey) onCurve(curve int) error {
	var named int
	if err := decodeCBOR(k.First, &named); err != nil || named != curve {
		return errors.New("another curve than that of its algorithm")
	}
	return nil
}

func readEC(k coseKey) (crypto.PublicKey, error) {
	if err := k.onCurve(coseP256); err != nil {
		return nil, err
	}
	if len(k.Second) != 32 || len(k.Y) != 32 {
		return nil, errors.New("coordinates of a wrong length")
	}
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, k.Second, k.Y))
}

func readEd(k coseKey) (crypto.PublicKey, error) {
	const ed25519Curve = 6
	if err := k.onCurve(ed25519Curve); err != nil {
		return nil, err
	}
	if len(k.Second) != ed25519.PublicKeySize {
		return nil, errors.New("a point of a wrong length")
	}
	return ed25519.PublicKey(k.Second), nil
}

func readRSA(k coseKey) (crypto.PublicKey, error) {
	var modulus []byte
	if err := decodeCBOR(k.First, &modulus); err != nil {
		return nil, errors.New("no modulus")
	}
	n, e := new(big.Int).SetBytes(modulus), new(big.Int).SetBytes(k.Second)
	if n.BitLen() < minRSA || n.BitLen() > maxRSA || n.Bit(0) == 0 || e.Cmp(big.NewInt(rsaExponent)) != 0 {
		return nil, fmt.Errorf("RSA of %d bits; taken are %d to %d with the exponent %d", n.BitLen(), minRSA, maxRSA, rsaExponent)
	}
	return &rsa.PublicKey{N: n, E: rsaExponent}, nil
}

func (k publicKey) verifies(signed, signature []byte) bool {
	sum := sha256.Sum256(signed)
	switch key := k.key.(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(key, sum[:], signature)
	case ed25519.PublicKey:
		return ed25519.Verify(key, signed, signature)
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) == nil
	}
	return false
}
