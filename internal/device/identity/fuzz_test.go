package identity

import (
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/smallstep/scep"
)

// FuzzSCEPServer: a SCEP server is whoever answers at the address until its
// certificate is known. What it says of itself makes an authority that one can
// encrypt for and that has the pinned certificate, or an error.
func FuzzSCEPServer(f *testing.F) {
	s := newSCEPServer(f)
	f.Add("AES\nSHA-256\nPOSTPKIOperation\n", "application/x-x509-ca-cert", s.ca.Raw)
	f.Add("SCEPStandard", "application/x-x509-ca-ra-cert", []byte{0x30, 0x80, 1, 2, 3})
	f.Add("DES3", "", []byte{})
	f.Fuzz(func(t *testing.T, caps, kind string, raw []byte) {
		a := &authority{url: "http://scep.example/", client: &http.Client{Transport: spoken{caps: caps, kind: kind, raw: raw}}}
		if a.capabilities(t.Context()) != nil || a.certificates(t.Context()) != nil {
			return
		}
		pin := make([]byte, 32)
		if a.choose(pin) == nil {
			t.Error("a certificate with another fingerprint was taken")
		}
		if a.choose(nil) == nil && (a.recipient == nil || a.recipient.PublicKeyAlgorithm != x509.RSA) {
			t.Errorf("would encrypt for %+v", a.recipient)
		}
	})
}

// spoken answers without a network, so that thousands of servers can.
type spoken struct {
	caps, kind string
	raw        []byte
}

func (s spoken) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	if r.URL.Query().Get("operation") == "GetCACaps" {
		_, _ = w.WriteString(s.caps)
	} else {
		w.Header()["Content-Type"] = []string{s.kind}
		_, _ = w.Write(s.raw)
	}
	return w.Result(), nil
}

// FuzzAnswer: of a SCEP server's answer only a certificate comes out that its
// authority signed for this request; anything else is an error, and no panic.
func FuzzAnswer(f *testing.F) {
	s := newSCEPServer(f)
	key := keys()[1]
	subject := pkix.Name{CommonName: "C02"}
	signer, err := selfSigned(key, subject, time.Now())
	if err != nil {
		f.Fatal(err)
	}
	csr := &x509.CertificateRequest{Subject: subject, SignatureAlgorithm: x509.SHA256WithRSA}
	sent, good := answered(f, s, csr, signer, key)
	f.Add(good)
	f.Add(sent.Raw)
	f.Add([]byte{0x30, 0x80, 1, 2, 3})
	ca := &authority{all: []*x509.Certificate{s.ca}, recipient: s.ca}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var cert *x509.Certificate
		err := guarded(func() (err error) { cert, err = answer(raw, sent, ca, signer, key); return err })
		if err == nil && cert == nil {
			t.Error("neither a certificate nor an error")
		}
	})
}

func answered(f *testing.F, s *scepServer, template *x509.CertificateRequest, signer *x509.Certificate, key *rsa.PrivateKey) (*scep.PKIMessage, []byte) {
	f.Helper()
	der, err := x509.CreateCertificateRequest(nil, template, key)
	if err != nil {
		f.Fatal(err)
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		f.Fatal(err)
	}
	sent, err := scep.NewCSRRequest(csr, &scep.PKIMessage{MessageType: scep.PKCSReq, Recipients: []*x509.Certificate{s.ca}, SignerKey: key, SignerCert: signer})
	if err != nil {
		f.Fatal(err)
	}
	s.reply = func(msg *scep.PKIMessage, cert *x509.Certificate) []byte {
		return s.must(msg.Success(s.ca, s.key, cert))
	}
	return sent, s.operate(sent.Raw)
}

// FuzzChallenge: a challenge is one line of a bounded length, and prints as
// nothing of it.
func FuzzChallenge(f *testing.F) {
	f.Add([]byte("hunter2"))
	f.Add([]byte(" \t"))
	f.Add([]byte(strings.Repeat("x", maxChallenge+1)))
	f.Fuzz(func(t *testing.T, line []byte) {
		c, err := challenge(line)
		if err == nil && (c == "" || len(c) > maxChallenge || len(c.String()) != len("[challenge]")) {
			t.Errorf("took %d bytes", len(c))
		}
		if err != nil && len(line) > 8 && strings.Contains(err.Error(), string(line)) {
			t.Error("the error quotes the challenge")
		}
	})
}

// FuzzAuthority: the challenge goes to no address without TLS or a pin.
func FuzzAuthority(f *testing.F) {
	pin := strings.Repeat("ab", 32)
	f.Add("https://scep.example/scep", "")
	f.Add("http://scep.example/scep", pin)
	f.Add("https://a:b@scep.example/#x", pin)
	f.Add("https:scep", "AB:CD")
	f.Fuzz(func(t *testing.T, address, fingerprint string) {
		pin, err := Authority{URL: address, Fingerprint: fingerprint}.check()
		if err != nil {
			return
		}
		if !strings.HasPrefix(strings.ToLower(address), "https:") && len(pin) != 32 {
			t.Errorf("%q without a pin", address)
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
