package macos

import "crypto"

// Bounds of what is taken from the keychain.
const (
	maxIdentities   = 100
	maxCertificates = 1000
)

// The item that holds the key of the device store.
const (
	sealingService = "dev.latchkey.servicedaemon"
	sealingAccount = "store"
	sealingLabel   = "Latchkey device store"
)

// Identity is a certificate of the keychain with the use of its private key,
// which stays there.
type Identity struct {
	Certificate []byte        // DER
	Key         crypto.Signer // asks macOS for each signature; nil when Err is set
	Err         error         // why it cannot be used
}
