package identity

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"time"

	"github.com/smallstep/pkcs7"
	"github.com/smallstep/scep"
	"github.com/smallstep/scep/x509util"
)

// keyBits of the device's RSA key. SCEP can carry no other kind.
const keyBits = 2048

// Enrolment is what an administrator gives a device to obtain its certificate.
type Enrolment struct {
	Authority  Authority
	Challenge  Challenge
	CommonName string // the server binds a device by what it reports, not by this
}

// Refused is the certificate authority's no.
type Refused struct{ Info string }

// Error says what SCEP lets an authority say.
func (e *Refused) Error() string {
	return "the certificate authority refuses the request: " + e.Info
}

// Enrol makes a key, obtains a certificate for it and stores both. The result
// is the certificate; with an error nothing was stored.
func (f Folder) Enrol(ctx context.Context, e Enrolment) (*x509.Certificate, error) {
	// Refused rather than repaired: setting it here would race with others.
	if pkcs7.ContentEncryptionAlgorithm != pkcs7.EncryptionAlgorithmAES256CBC {
		return nil, errors.New("enrol: UseAES was not called, so the challenge would be encrypted with DES")
	}
	if e.CommonName == "" || len(e.CommonName) > 64 {
		return nil, fmt.Errorf("enrol: the common name has %d bytes; 1 to 64 are allowed", len(e.CommonName))
	}
	ca, err := e.Authority.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("enrol: %w", err)
	}
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, fmt.Errorf("enrol: make a key: %w", err)
	}
	leaf, err := e.exchange(ctx, ca, key, f.Now())
	if err != nil {
		return nil, fmt.Errorf("enrol: %w", err)
	}
	chain := append([]*x509.Certificate{leaf}, ca.intermediates()...)
	if err := ca.vouches(leaf, key, f.Now()); err != nil {
		return nil, fmt.Errorf("enrol: the certificate that was issued cannot be used: %w", err)
	}
	if _, err := f.Store(key, chain); err != nil {
		return nil, err
	}
	return leaf, nil
}

// exchange sends the request and reads the certificate out of the answer.
func (e Enrolment) exchange(ctx context.Context, ca *authority, key *rsa.PrivateKey, now time.Time) (*x509.Certificate, error) {
	subject := pkix.Name{CommonName: e.CommonName}
	request, err := x509util.CreateCertificateRequest(rand.Reader, &x509util.CertificateRequest{
		CertificateRequest: x509.CertificateRequest{Subject: subject, SignatureAlgorithm: x509.SHA256WithRSA},
		ChallengePassword:  string(e.Challenge),
	}, key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate request: %w", err)
	}
	csr, err := x509.ParseCertificateRequest(request)
	if err != nil {
		return nil, fmt.Errorf("make a certificate request: %w", err)
	}
	signer, err := selfSigned(key, subject, now)
	if err != nil {
		return nil, fmt.Errorf("make a certificate request: %w", err)
	}
	msg, err := scep.NewCSRRequest(csr, &scep.PKIMessage{
		MessageType: scep.PKCSReq, Recipients: []*x509.Certificate{ca.recipient}, SignerKey: key, SignerCert: signer,
	})
	if err != nil {
		return nil, fmt.Errorf("make a certificate request: %w", err)
	}
	raw, _, err := ca.ask(ctx, http.MethodPost, "PKIOperation", msg.Raw)
	if err != nil {
		return nil, err
	}
	var leaf *x509.Certificate
	err = guarded(func() error { leaf, err = answer(raw, msg, ca, signer, key); return err })
	if err != nil {
		return nil, fmt.Errorf("read the SCEP server's answer: %w", err)
	}
	return leaf, nil
}

// selfSigned signs the request (RFC 8894 §2.3): it says no more than that the
// sender has the key.
func selfSigned(key *rsa.PrivateKey, subject pkix.Name, now time.Time) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: subject, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment, SignatureAlgorithm: x509.SHA256WithRSA,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// answer checks that the authority signed it, for this request, and opens it.
func answer(raw []byte, sent *scep.PKIMessage, ca *authority, signer *x509.Certificate, key *rsa.PrivateKey) (*x509.Certificate, error) {
	got, err := scep.ParsePKIMessage(raw, scep.WithCACerts(ca.all))
	if err != nil {
		return nil, err
	}
	if got.MessageType != scep.CertRep || got.CertRepMessage == nil {
		return nil, errors.New("it is no answer to a certificate request")
	}
	// An old answer must not pass for this one.
	if got.TransactionID != sent.TransactionID || !slices.Equal(got.RecipientNonce, scep.RecipientNonce(sent.SenderNonce)) {
		return nil, errors.New("it answers another request")
	}
	switch got.PKIStatus {
	case scep.SUCCESS:
	case scep.FAILURE:
		return nil, &Refused{Info: meaning(got.FailInfo)}
	default:
		return nil, &Refused{Info: "it wants to decide later, which is not supported; let it decide by the challenge"}
	}
	if err := got.DecryptPKIEnvelope(signer, key); err != nil {
		return nil, err
	}
	return got.Certificate, nil
}

// meaning is RFC 8894 §3.2.1.4 in words.
func meaning(info scep.FailInfo) string {
	switch info {
	case scep.BadAlg:
		return "it does not take the algorithms (badAlg)"
	case scep.BadMessageCheck:
		return "the request did not arrive intact (badMessageCheck)"
	case scep.BadRequest:
		return "the challenge is wrong, used up or expired, or the request is not allowed (badRequest)"
	case scep.BadTime:
		return "the clocks differ too much (badTime)"
	case scep.BadCertID:
		return "it does not know the certificate (badCertID)"
	}
	return "for a reason of its own"
}

// intermediates are what a server needs besides its root.
func (a *authority) intermediates() []*x509.Certificate {
	var out []*x509.Certificate
	for _, c := range a.all {
		if c.IsCA && c.CheckSignatureFrom(c) != nil {
			out = append(out, c)
		}
	}
	return out
}

// vouches checks the certificate as the server will.
func (a *authority) vouches(leaf *x509.Certificate, key *rsa.PrivateKey, now time.Time) error {
	if leaf == nil {
		return errors.New("there is none in the answer")
	}
	if why := unusable(Candidate{Key: key, Chain: []*x509.Certificate{leaf}}, now); why != nil {
		return why
	}
	roots := x509.NewCertPool()
	for _, c := range a.all {
		if c.IsCA {
			roots.AddCert(c)
		}
	}
	// The marker may be critical, and is checked above.
	check := *leaf
	check.UnhandledCriticalExtensions = slices.DeleteFunc(slices.Clone(leaf.UnhandledCriticalExtensions), markerOID().Equal)
	_, err := check.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	return err
}
