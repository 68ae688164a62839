package pki

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"math/big"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/smallstep/scep"
	"github.com/smallstep/scep/x509util"
)

// FuzzRequest: a SCEP message from anyone is opened, refused with a reason that
// can be answered, or no message at all. What is opened has a signer, and a key
// that gets a certificate is RSA of a size that is allowed.
func FuzzRequest(f *testing.F) {
	a, good := conversation(f)
	f.Add(good)
	f.Add([]byte{0x30, 0x80, 1, 2, 3})
	f.Add(bytes.Replace(good, []byte{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a}, []byte{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x02}, 1))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := a.read(raw)
		var refusal *refusedError
		switch {
		case err == nil && (r.PKIMessage == nil || r.signer == nil):
			t.Fatal("opened without a signer")
		case err != nil && !errors.Is(err, errMessage) && !errors.As(err, &refusal):
			t.Fatalf("neither refused nor no message: %v", err)
		case err != nil && errors.As(err, &refusal) && r.PKIMessage == nil:
			t.Fatal("a refusal that cannot be answered")
		}
		if err != nil || r.CSRReqMessage == nil {
			return
		}
		key, err := r.publicKey()
		if err == nil && (key.N.BitLen() < minRSA || key.N.BitLen() > maxRSA) {
			t.Errorf("a key of %d bits", key.N.BitLen())
		}
		if err == nil && r.newRequest(key) == nil && (r.ChallengePassword == "" || len(r.ChallengePassword) > maxChallenge) {
			t.Errorf("a challenge of %d bytes", len(r.ChallengePassword))
		}
	})
}

// conversation is an authority and a request to it.
func conversation(f *testing.F) (*Authority, []byte) {
	f.Helper()
	caKey, err1 := rsa.GenerateKey(rand.Reader, 2048)
	key, err2 := rsa.GenerateKey(rand.Reader, 2048)
	if err := errors.Join(err1, err2); err != nil {
		f.Fatal(err)
	}
	certificate := func(name string, ca bool, key *rsa.PrivateKey) *x509.Certificate {
		template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour),
			IsCA: ca, BasicConstraintsValid: ca, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment}
		cert, err := sign(template, template, key.Public(), key)
		if err != nil {
			f.Fatal(err)
		}
		return cert
	}
	ca := certificate("Device CA", true, caKey)
	der, err := x509util.CreateCertificateRequest(rand.Reader, &x509util.CertificateRequest{
		CertificateRequest: x509.CertificateRequest{Subject: pkix.Name{CommonName: "C02"}, SignatureAlgorithm: x509.SHA256WithRSA}, ChallengePassword: "challenge"}, key)
	if err != nil {
		f.Fatal(err)
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		f.Fatal(err)
	}
	msg, err := scep.NewCSRRequest(csr, &scep.PKIMessage{MessageType: scep.PKCSReq, Recipients: []*x509.Certificate{ca}, SignerKey: key, SignerCert: certificate("C02", false, key)})
	if err != nil {
		f.Fatal(err)
	}
	return &Authority{Certificate: ca, key: caKey}, msg.Raw
}

// FuzzGET: the message of a GET is the base64 that the client sent, or refused.
func FuzzGET(f *testing.F) {
	f.Add([]byte("message"), false)
	f.Add([]byte{0xfb, 0xef, 0xbe}, true)
	f.Fuzz(func(t *testing.T, raw []byte, unescaped bool) {
		text := base64.StdEncoding.EncodeToString(raw)
		if !unescaped {
			text = url.QueryEscape(text)
		}
		got, err := message(httptest.NewRecorder(), httptest.NewRequest("GET", "/scep?operation=PKIOperation&message="+text, nil))
		if len(raw) <= maxMessage && (err != nil || !bytes.Equal(got, raw)) {
			t.Errorf("%x came as %x, %v", raw, got, err)
		}
		if got, err := message(httptest.NewRecorder(), httptest.NewRequest("GET", "/scep?message="+url.QueryEscape(string(raw)), nil)); err == nil && len(got) > maxMessage {
			t.Errorf("%d bytes", len(got))
		}
	})
}

// FuzzMarker: one shape of the extension marks a certificate, no other.
func FuzzMarker(f *testing.F) {
	f.Add([]byte{2, 1, 1})
	f.Add([]byte{2, 2, 0, 1})
	f.Add([]byte{2, 1, 1, 0})
	f.Fuzz(func(t *testing.T, value []byte) {
		c := &x509.Certificate{Extensions: []pkix.Extension{{Id: markerOID(), Value: value}}}
		if HasMarker(c) != (string(value) == "\x02\x01\x01") {
			t.Errorf("%x", value)
		}
	})
}

// FuzzChain: what is taken is certificates of authorities that have not
// expired, and no key; what is refused is refused in words.
func FuzzChain(f *testing.F) {
	a, _ := conversation(f)
	good := PEM(a.Certificate)
	f.Add(good)
	f.Add(append([]byte("subject=CN = Device CA\n"), good...))
	f.Add(append(good, good...))
	f.Add(good[:len(good)-3])
	f.Add([]byte("-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n"))
	now := a.Certificate.NotBefore.Add(time.Minute)
	f.Fuzz(func(t *testing.T, raw []byte) {
		found, err := ReadChain(raw, now)
		var refused *ChainError
		switch {
		case err != nil && (!errors.As(err, &refused) || refused.Problem == "" || len(found) != 0):
			t.Fatalf("refused as %v, with %d certificates", err, len(found))
		case err == nil && (len(found) == 0 || len(found) > maxCertificates || len(raw) > MaxChain || bytes.Contains(raw, []byte("PRIVATE KEY-----"))):
			t.Fatalf("%d certificates of %d bytes were taken", len(found), len(raw))
		}
		for _, c := range found {
			if !c.IsCA || now.After(c.NotAfter) {
				t.Errorf("%s was taken", Subject(c))
			}
		}
	})
}
