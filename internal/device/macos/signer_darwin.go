package macos

import (
	"context"
	"crypto"
	"errors"
	"io"
	"runtime"
)

// signer has the keychain sign. It holds a reference to the private key, never
// the key: nothing here asks macOS to export it, and a key that is marked as not
// exportable could not be.
type signer struct {
	keychain *Keychain
	key      uintptr
	public   crypto.PublicKey
}

// identity is a SecIdentity as what TLS can use.
func (k *Keychain) identity(ref uintptr) Identity {
	s := k.security
	var certificate, key uintptr
	if err := statusError("read an identity's certificate", s.certificateOf(ref, &certificate)); err != nil {
		return Identity{Err: err}
	}
	defer s.release(certificate)
	der, err := s.der(certificate)
	if err != nil {
		return Identity{Err: err}
	}
	public, err := publicKey(der)
	if err != nil {
		return Identity{Certificate: der, Err: err}
	}
	if err := statusError("find its private key", s.keyOf(ref, &key)); err != nil {
		return Identity{Certificate: der, Err: err}
	}
	held := &signer{keychain: k, key: key, public: public}
	runtime.AddCleanup(held, s.release, key)
	return Identity{Certificate: der, Key: held}
}

// Public implements crypto.Signer.
func (s *signer) Public() crypto.PublicKey { return s.public }

// Sign implements crypto.Signer for digests of the SHA-2 family. macOS has its
// own random numbers.
func (s *signer) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	name, err := algorithm(s.public, digest, opts)
	if err != nil {
		return nil, err
	}
	digest = append([]byte(nil), digest...) // the caller may go on before macOS does
	// crypto/tls has no context to give: the limit of the calls is the bound.
	return Do(context.Background(), s.keychain.calls, "sign with the key in the System keychain", func() ([]byte, error) {
		defer runtime.KeepAlive(s)
		return s.keychain.security.signature(s.key, name, digest)
	})
}

func (s *security) signature(key uintptr, name string, digest []byte) ([]byte, error) {
	o := s.owned()
	defer o.end()
	data := o.data(digest)
	if o.err != nil {
		return nil, o.err
	}
	var failed uintptr
	signature := o.keep(s.sign(key, s.name[name], data, &failed))
	if signature != 0 {
		return s.readData(signature)
	}
	if o.keep(failed) == 0 {
		return nil, errors.New("macOS does not say why")
	}
	return nil, statusError(name, int32(s.errorCode(failed)))
}
