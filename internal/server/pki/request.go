package pki

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/smallstep/pkcs7"
	"github.com/smallstep/scep"
)

// UseAES makes the PKCS#7 library encrypt with AES. Its algorithm is a variable
// of the process and starts as single DES, which RFC 8894 forbids; so it is
// set once, by the program that wires the server, before anything is served.
func UseAES() { pkcs7.ContentEncryptionAlgorithm = pkcs7.EncryptionAlgorithmAES256CBC }

// Bounds of what a device may ask for.
const (
	maxMessage   = 64 << 10 // bytes of a SCEP message
	minRSA       = 2048
	maxRSA       = 8192
	maxChallenge = 128
)

// refusedError is a request that gets a SCEP failure.
type refusedError struct {
	info   scep.FailInfo
	reason string
}

func (e *refusedError) Error() string { return e.reason }

func refuse(info scep.FailInfo, format string, args ...any) error {
	return &refusedError{info: info, reason: fmt.Sprintf(format, args...)}
}

// errMessage is what is no SCEP message at all.
var errMessage = errors.New("not a SCEP message that this server takes")

// request is an opened SCEP message.
type request struct {
	*scep.PKIMessage
	signer *x509.Certificate
}

// read opens a message. With an error, r is usable for a failure answer only
// if its PKIMessage is set.
func (a *Authority) read(raw []byte) (r request, err error) {
	// The parsers below read bytes from anyone: what they trip over ends this
	// request, not the server.
	defer func() {
		if recover() != nil {
			r, err = request{}, errMessage
		}
	}()
	msg, err := scep.ParsePKIMessage(raw)
	if err != nil {
		return request{}, fmt.Errorf("%w: %w", errMessage, err)
	}
	outer, err := pkcs7.Parse(raw)
	if err != nil {
		return request{}, fmt.Errorf("%w: %w", errMessage, err)
	}
	r = request{PKIMessage: msg, signer: outer.GetOnlySigner()}
	if r.signer == nil {
		return request{}, fmt.Errorf("%w: it needs exactly one signer", errMessage)
	}
	if weaklyEncrypted(outer.Content) {
		// The challenge inside could be read on the way, and who sends DES would
		// also have to get DES back.
		return r, refuse(scep.BadAlg, "the request is encrypted with DES; this server takes AES")
	}
	if err := msg.DecryptPKIEnvelope(a.Certificate, a.key); err != nil {
		return r, refuse(scep.BadMessageCheck, "the request does not open with this server's key")
	}
	return r, nil
}

// weaklyEncrypted looks for the object identifiers of DES-CBC and 3DES-CBC. A
// search, because the content may be BER of any shape: that the seven bytes
// stand in a ciphertext by chance has odds of one in 2^40.
func weaklyEncrypted(content []byte) bool {
	des := []byte{0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x07}
	tripleDES := []byte{0x06, 0x08, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x03, 0x07}
	return bytes.Contains(content, des) || bytes.Contains(content, tripleDES)
}

// publicKey is the key of the request, when it is one that gets a certificate.
func (r request) publicKey() (*rsa.PublicKey, error) {
	if err := r.CSR.CheckSignature(); err != nil {
		return nil, refuse(scep.BadMessageCheck, "the certificate request is not signed with its own key")
	}
	key, ok := r.CSR.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, refuse(scep.BadAlg, "the key is no RSA key")
	}
	if n := key.N.BitLen(); n < minRSA || n > maxRSA {
		return nil, refuse(scep.BadAlg, "the RSA key has %d bits, want %d to %d", n, minRSA, maxRSA)
	}
	return key, nil
}

// newRequest checks what only a request for a first certificate must be.
func (r request) newRequest(key *rsa.PublicKey) error {
	if own, ok := r.signer.PublicKey.(*rsa.PublicKey); !ok || !own.Equal(key) {
		return refuse(scep.BadMessageCheck, "the message is not signed with the key that it asks a certificate for")
	}
	if r.ChallengePassword == "" || len(r.ChallengePassword) > maxChallenge {
		return refuse(scep.BadRequest, "the request carries no challenge")
	}
	return nil
}

// renewal checks that the signer is a certificate of this authority that is
// still good. Its row in the database is the caller's to check.
func (a *Authority) renewal(r request, now time.Time) error {
	_, err := r.signer.Verify(x509.VerifyOptions{Roots: a.Pool(), CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	if err != nil || !HasMarker(r.signer) {
		return refuse(scep.BadCertID, "the renewal is not signed by a valid certificate of this server")
	}
	return nil
}
