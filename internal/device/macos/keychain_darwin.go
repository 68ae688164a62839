package macos

import (
	"context"
	"errors"
	"time"
)

// Bounds of the keychain. securityd answers within milliseconds, or is stuck.
const (
	keychainLimit = 5 * time.Second
	keychainCalls = 8
)

// Keychain is the System keychain.
type Keychain struct {
	security *security
	calls    *Calls
}

// OpenKeychain binds Security.framework and keeps this process to the system's
// keychains. The keychain itself is opened at each use.
func OpenKeychain(ctx context.Context) (*Keychain, error) {
	calls := NewCalls(keychainCalls, keychainLimit)
	return Do(ctx, calls, "open Security.framework", func() (*Keychain, error) {
		s, err := openSecurity()
		if err != nil {
			return nil, err
		}
		return &Keychain{security: s, calls: calls}, s.prepare()
	})
}

// Read is the key of the device store, nil when there is none. Other errors
// than its absence are ErrLocked, ErrDenied, ErrNoKeychain, ErrHung.
func (k *Keychain) Read(ctx context.Context) ([]byte, error) {
	raw, err := Do(ctx, k.calls, "read the sealing key", k.readSealing)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return raw, err
}

// Add keeps the key of the device store. One that is there already is not
// replaced: the error then wraps ErrDuplicate.
func (k *Keychain) Add(ctx context.Context, key []byte) error {
	_, err := Do(ctx, k.calls, "keep the sealing key", func() (struct{}, error) { return struct{}{}, k.addSealing(key) })
	return err
}

// Identities are the certificates that have a private key in the System
// keychain, in no order.
func (k *Keychain) Identities(ctx context.Context) ([]Identity, error) {
	return Do(ctx, k.calls, "look for identities", k.identities)
}

// Certificates are all certificates of the System keychain, in DER, so that a
// chain can be built.
func (k *Keychain) Certificates(ctx context.Context) ([][]byte, error) {
	return Do(ctx, k.calls, "look for certificates", func() (found [][]byte, err error) {
		s, o := k.security, k.security.owned()
		defer o.end()
		refs, err := s.all(o, "kSecClassCertificate", maxCertificates)
		for _, ref := range refs {
			// One that cannot be read is no part of a chain.
			if der, err := s.der(ref); err == nil {
				found = append(found, der)
			}
		}
		return found, err
	})
}

func (k *Keychain) identities() (found []Identity, err error) {
	o := k.security.owned()
	defer o.end()
	refs, err := k.security.all(o, "kSecClassIdentity", maxIdentities)
	for _, ref := range refs {
		found = append(found, k.identity(ref))
	}
	return found, err
}
