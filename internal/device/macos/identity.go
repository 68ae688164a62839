package macos

import (
	"crypto"
	"crypto/x509"
	"fmt"
)

// Bounds of what is taken from the keychain.
const (
	maxIdentities   = 100
	maxCertificates = 1000
)

// Identity is a certificate of the keychain with the use of its private key,
// which stays there.
type Identity struct {
	Certificate []byte        // DER
	Key         crypto.Signer // asks macOS for each signature; nil when Err is set
	Err         error         // why it cannot be used
}

// publicKey is the key that a certificate is for. What a signature of the
// private one is made with depends on its kind.
func publicKey(der []byte) (crypto.PublicKey, error) {
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("its certificate cannot be read: %w", err)
	}
	return certificate.PublicKey, nil
}
