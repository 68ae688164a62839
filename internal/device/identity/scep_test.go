package identity

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smallstep/pkcs7"
	"github.com/smallstep/scep"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	UseAES()
	goleak.VerifyTestMain(m)
}

// keys are slow to make, so all tests share two.
var keys = sync.OnceValue(func() [2]*rsa.PrivateKey {
	var out [2]*rsa.PrivateKey
	for i := range out {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		out[i] = key
	}
	return out
})

func markerExtension(critical bool) pkix.Extension {
	return pkix.Extension{Id: markerOID(), Critical: critical, Value: []byte{2, 1, 1}}
}

func sign(t testing.TB, template, parent *x509.Certificate, public *rsa.PublicKey, key *rsa.PrivateKey) *x509.Certificate {
	t.Helper()
	if template.SerialNumber == nil {
		serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
		if err != nil {
			t.Fatal(err)
		}
		template.SerialNumber = serial
	}
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// scepServer is a certificate authority out of smallstep/scep, with switches.
type scepServer struct {
	t         testing.TB
	ca        *x509.Certificate
	key       *rsa.PrivateKey
	challenge string
	caps      string
	leaf      func(*x509.Certificate)                                   // changes what is issued
	reply     func(msg *scep.PKIMessage, cert *x509.Certificate) []byte // replaces the answer
	messages  [][]byte
}

func newSCEPServer(t testing.TB) *scepServer {
	key := keys()[0]
	return &scepServer{
		t: t, key: key, ca: sign(t, caTemplate(), caTemplate(), &key.PublicKey, key), challenge: "hunter2",
		caps: "AES\nSHA-256\nPOSTPKIOperation\nRenewal\n",
	}
}

func caTemplate() *x509.Certificate {
	return &x509.Certificate{
		Subject: pkix.Name{CommonName: "Device Access CA"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}
}

func (s *scepServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Query().Get("operation") {
	case "GetCACaps":
		_, _ = io.WriteString(w, s.caps)
	case "GetCACert":
		w.Header().Set("Content-Type", "application/x-x509-ca-cert")
		_, _ = w.Write(s.ca.Raw)
	case "PKIOperation":
		raw, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost {
			http.Error(w, "POST", http.StatusBadRequest)
			return
		}
		s.messages = append(s.messages, raw)
		_, _ = w.Write(s.operate(raw))
	}
}

func (s *scepServer) operate(raw []byte) []byte {
	msg, err := scep.ParsePKIMessage(raw)
	if err == nil {
		err = msg.DecryptPKIEnvelope(s.ca, s.key)
	}
	if err != nil || msg.MessageType != scep.PKCSReq {
		s.t.Errorf("request: %v", err)
		return nil
	}
	public := msg.CSR.PublicKey.(*rsa.PublicKey)
	if public.N.BitLen() != 2048 || msg.CSR.CheckSignature() != nil || msg.CSR.SignatureAlgorithm != x509.SHA256WithRSA {
		s.t.Errorf("request with %d bits, %v", public.N.BitLen(), msg.CSR.SignatureAlgorithm)
	}
	template := &x509.Certificate{
		Subject: msg.CSR.Subject, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		ExtraExtensions: []pkix.Extension{markerExtension(true)},
	}
	if s.leaf != nil {
		s.leaf(template)
	}
	cert := sign(s.t, template, s.ca, public, s.key)
	if s.reply != nil {
		return s.reply(msg, cert)
	}
	if msg.ChallengePassword != s.challenge {
		return s.must(msg.Fail(s.ca, s.key, scep.BadRequest))
	}
	return s.must(msg.Success(s.ca, s.key, cert))
}

func (s *scepServer) must(msg *scep.PKIMessage, err error) []byte {
	if err != nil {
		s.t.Error(err)
		return nil
	}
	return msg.Raw
}

// enrol runs one enrolment against the server over plain http with its pin.
func (s *scepServer) enrol(t *testing.T, change func(*Enrolment)) (Folder, *x509.Certificate, error) {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	f := Folder{Dir: filepath.Join(t.TempDir(), "identity"), Now: time.Now}
	e := Enrolment{Authority: Authority{URL: server.URL, Fingerprint: fingerprint(s.ca)}, Challenge: "hunter2", CommonName: "C02XK1"}
	if change != nil {
		change(&e)
	}
	cert, err := f.Enrol(t.Context(), e)
	return f, cert, err
}

func TestEnrol(t *testing.T) {
	s := newSCEPServer(t)
	f, cert, err := s.enrol(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	if cert.Subject.CommonName != "C02XK1" || !HasMarker(cert) {
		t.Errorf("%v", cert.Subject)
	}
	c, err := f.Load()
	if err != nil || !c.Chain[0].Equal(cert) {
		t.Fatalf("%v, %v", c.Chain, err)
	}
	inForce, err := f.Certificate(t.Context())
	if err != nil || len(inForce.Certificate) != 1 || inForce.PrivateKey == nil {
		t.Errorf("%d certificates, %v", len(inForce.Certificate), err)
	}
	info, err := os.Stat(filepath.Join(f.Dir, c.Name))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's file has mode %v, %v", info.Mode(), err)
	}
	if entries, _ := os.ReadDir(f.Dir); len(entries) != 1 {
		t.Errorf("%d files are left", len(entries))
	}
}

// TestChallengeIsEncryptedWithAES: it neither stands in the clear nor in DES.
func TestChallengeIsEncryptedWithAES(t *testing.T) {
	s := newSCEPServer(t)
	if _, _, err := s.enrol(t, nil); err != nil {
		t.Fatal(err)
	}
	outer, err := pkcs7.Parse(s.messages[0])
	if err != nil {
		t.Fatal(err)
	}
	aes256, err := asn1.Marshal(pkcs7.OIDEncryptionAlgorithmAES256CBC)
	if err != nil {
		t.Fatal(err)
	}
	if content := string(outer.Content); !strings.Contains(content, string(aes256)) || strings.Contains(string(s.messages[0]), "hunter2") {
		t.Error("the request is not encrypted with AES-256")
	}
}

// TestUntrustedAuthorityGetsNoChallenge: a pin that does not fit ends it before
// anything is encrypted for that authority.
func TestUntrustedAuthorityGetsNoChallenge(t *testing.T) {
	s := newSCEPServer(t)
	_, _, err := s.enrol(t, func(e *Enrolment) { e.Authority.Fingerprint = strings.Repeat("00", 32) })
	if !errors.Is(err, ErrUntrustedAuthority) || len(s.messages) != 0 {
		t.Errorf("%v, %d messages", err, len(s.messages))
	}
}

// TestHTTPSVouches: without a pin TLS has to, and does not for a stranger.
func TestHTTPSVouches(t *testing.T) {
	s := newSCEPServer(t)
	server := httptest.NewUnstartedServer(s)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	f := Folder{Dir: t.TempDir(), Now: time.Now}
	e := Enrolment{Authority: Authority{URL: server.URL + "/scep?profile=mac", Roots: roots}, Challenge: "hunter2", CommonName: "C02"}
	if _, err := f.Enrol(t.Context(), e); err != nil {
		t.Error(err)
	}
	e.Authority.Roots = x509.NewCertPool()
	if _, err := f.Enrol(t.Context(), e); err == nil || !strings.Contains(err.Error(), "unknown authority") {
		t.Error(err)
	}
}

// TestRegistrationAuthority: the request is encrypted for the RA, which only
// counts because the pinned CA has signed it.
func TestRegistrationAuthority(t *testing.T) {
	s := newSCEPServer(t)
	ra := sign(t, &x509.Certificate{Subject: pkix.Name{CommonName: "RA"}, KeyUsage: x509.KeyUsageKeyEncipherment | x509.KeyUsageDigitalSignature}, s.ca, &keys()[1].PublicKey, s.key)
	bundle, err := scep.DegenerateCertificates([]*x509.Certificate{ra, s.ca})
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{all: []*x509.Certificate{ra, s.ca}}
	if err := guarded(func() error { got, err := scep.CACerts(bundle); a.all = got; return err }); err != nil || len(a.all) != 2 {
		t.Fatal(err)
	}
	pin, err := Authority{URL: "http://x", Fingerprint: fingerprint(s.ca)}.check()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.choose(pin); err != nil || !a.recipient.Equal(ra) {
		t.Errorf("%v, %v", a.recipient, err)
	}
	stranger := sign(t, &x509.Certificate{Subject: pkix.Name{CommonName: "RA"}, KeyUsage: x509.KeyUsageKeyEncipherment}, ra, &keys()[1].PublicKey, keys()[1])
	b := &authority{all: []*x509.Certificate{stranger, s.ca}}
	if err := b.choose(pin); err != nil || !b.recipient.Equal(s.ca) {
		t.Errorf("a stranger's certificate was chosen: %v", err)
	}
}

func TestEnrolWithoutAES(t *testing.T) {
	pkcs7.ContentEncryptionAlgorithm = pkcs7.EncryptionAlgorithmDESCBC
	defer UseAES()
	s := newSCEPServer(t)
	if _, _, err := s.enrol(t, nil); err == nil || !strings.Contains(err.Error(), "DES") || len(s.messages) != 0 {
		t.Error(err)
	}
}

func TestEnrolEndsWithTheContext(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	f := Folder{Dir: t.TempDir(), Now: time.Now}
	e := Enrolment{Authority: Authority{URL: "http://127.0.0.1:1", Fingerprint: strings.Repeat("00", 32)}, CommonName: "C02"}
	if _, err := f.Enrol(ctx, e); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestPEMOrderIsKeyThenLeaf(t *testing.T) {
	s := newSCEPServer(t)
	f, cert, err := s.enrol(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	entries, _ := os.ReadDir(f.Dir)
	raw, err := os.ReadFile(filepath.Join(f.Dir, entries[0].Name()))
	if err != nil {
		t.Fatal(err)
	}
	key, rest := pem.Decode(raw)
	leaf, _ := pem.Decode(rest)
	if key.Type != "PRIVATE KEY" || leaf.Type != "CERTIFICATE" || string(leaf.Bytes) != string(cert.Raw) {
		t.Errorf("%s, %s", key.Type, leaf.Type)
	}
}
