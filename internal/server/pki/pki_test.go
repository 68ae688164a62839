package pki_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"math/big"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	kitlog "github.com/go-kit/kit/log"
	scepclient "github.com/micromdm/scep/v2/client"
	"github.com/smallstep/scep"
	"github.com/smallstep/scep/x509util"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/store/storetest"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
)

func TestMain(m *testing.M) {
	pki.UseAES()
	goleak.VerifyTestMain(m)
}

// org is a SCEP server with its database.
type org struct {
	t          *testing.T
	db         *store.DB
	vault      *vault.Vault
	challenges *pki.Challenges
	authority  *pki.Authority
	log        *systemlog.Log
	url        string
	now        time.Time
}

func newOrg(t *testing.T) *org {
	t.Helper()
	dir := t.TempDir()
	o := &org{t: t, now: time.Now().Truncate(time.Second)}
	var err error
	if o.vault, err = vault.Create(filepath.Join(dir, "key")); err != nil {
		t.Fatal(err)
	}
	o.db = storetest.Open(t)
	clock := func() time.Time { return o.now }
	o.log = systemlog.New([]byte("k"), clock)
	o.challenges = pki.NewChallenges(o.vault)
	o.update(func(tx *sql.Tx) (err error) {
		o.authority, err = pki.OpenDevice(t.Context(), tx, o.vault, o.now)
		return err
	})
	issuer := &pki.Issuer{Authority: o.authority, Challenges: o.challenges, DB: o.db, Log: o.log, Now: clock}
	srv := httptest.NewServer(pki.NewSCEP(issuer, zap.NewNop()))
	t.Cleanup(srv.Close)
	o.url = srv.URL + "/scep"
	return o
}

func (o *org) update(do func(tx *sql.Tx) error) {
	o.t.Helper()
	if err := o.db.Update(context.Background(), do); err != nil {
		o.t.Fatal(err)
	}
}

func (o *org) challenge(kind, serial string) (text, id string) {
	o.t.Helper()
	o.update(func(tx *sql.Tx) error {
		c, made, err := o.challenges.Create(context.Background(), tx, kind, serial, "admin", o.now)
		text, id = made, c.ID
		return err
	})
	return text, id
}

func rsaKey(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// csr asks for a certificate for key with a challenge.
func csr(t *testing.T, key any, challenge string) *x509.CertificateRequest {
	t.Helper()
	der, err := x509util.CreateCertificateRequest(rand.Reader, &x509util.CertificateRequest{
		CertificateRequest: x509.CertificateRequest{Subject: pkix.Name{CommonName: "C02TEST", Organization: []string{"Somebody Else"}}},
		ChallengePassword:  challenge,
	}, key)
	if err != nil {
		t.Fatal(err)
	}
	out, err := x509.ParseCertificateRequest(der)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func selfSigned(t *testing.T, key *rsa.PrivateKey, now time.Time) *x509.Certificate {
	t.Helper()
	tpl := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "self"}, NotBefore: now.Add(-72 * time.Hour), NotAfter: now.Add(72 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment}
	der, err := x509.CreateCertificate(rand.Reader, tpl, tpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, _ := x509.ParseCertificate(der)
	return cert
}

// exchange sends a request through the independent client and returns the
// answer, opened.
func (o *org) exchange(kind scep.MessageType, req *x509.CertificateRequest, signer *x509.Certificate, key *rsa.PrivateKey) *scep.PKIMessage {
	o.t.Helper()
	client, err := scepclient.New(o.url, kitlog.NewNopLogger())
	if err != nil {
		o.t.Fatal(err)
	}
	der, _, err := client.GetCACert(o.t.Context(), "")
	if err != nil {
		o.t.Fatal(err)
	}
	ca, err := x509.ParseCertificate(der)
	if err != nil {
		o.t.Fatal(err)
	}
	msg, err := scep.NewCSRRequest(req, &scep.PKIMessage{MessageType: kind, Recipients: []*x509.Certificate{ca}, SignerKey: key, SignerCert: signer})
	if err != nil {
		o.t.Fatal(err)
	}
	raw, err := client.PKIOperation(o.t.Context(), msg.Raw)
	if err != nil {
		o.t.Fatal(err)
	}
	if bytes.Contains(raw, []byte{0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x07}) {
		o.t.Fatal("the answer is encrypted with DES")
	}
	reply, err := scep.ParsePKIMessage(raw, scep.WithCACerts([]*x509.Certificate{ca}))
	if err != nil {
		o.t.Fatal(err)
	}
	if reply.PKIStatus == scep.SUCCESS {
		if !bytes.Contains(raw, []byte{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a}) {
			o.t.Fatal("the answer is not encrypted with AES-256-CBC")
		}
		if err := reply.DecryptPKIEnvelope(signer, key); err != nil {
			o.t.Fatal(err)
		}
	}
	return reply
}

// enrol gets a certificate with a challenge.
func (o *org) enrol(challenge string, key *rsa.PrivateKey) *scep.PKIMessage {
	o.t.Helper()
	return o.exchange(scep.PKCSReq, csr(o.t, key, challenge), selfSigned(o.t, key, o.now), key)
}

func TestEnrolmentByAnIndependentClient(t *testing.T) {
	o := newOrg(t)
	text, _ := o.challenge(pki.Dynamic, "C02TEST")
	key := rsaKey(t, 2048)
	reply := o.enrol(text, key)
	if reply.PKIStatus != scep.SUCCESS {
		t.Fatalf("refused: %s", reply.FailInfo)
	}
	cert := reply.Certificate
	if _, err := cert.Verify(x509.VerifyOptions{Roots: o.authority.Pool(), CurrentTime: o.now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Fatal(err)
	}
	if !pki.HasMarker(cert) || cert.Subject.CommonName != "C02TEST" || len(cert.Subject.Organization) != 0 {
		t.Fatalf("marker %v, subject %v", pki.HasMarker(cert), cert.Subject)
	}
	if cert.IsCA || cert.KeyUsage&x509.KeyUsageCertSign != 0 {
		t.Fatal("a device got a certificate that can sign others")
	}
	o.update(func(tx *sql.Tx) error {
		known, err := pki.FindCertificate(t.Context(), tx, pki.Fingerprint(cert))
		if err == nil && (known.TiedSerial != "c02test" || !known.ChallengeAt.Equal(o.now)) {
			t.Errorf("known as %+v", known)
		}
		return err
	})
	ca := o.authority.Certificate
	if want := x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment | x509.KeyUsageCertSign; ca.KeyUsage&want != want {
		t.Fatalf("CA key usage %b", ca.KeyUsage)
	}
}

func TestChallenges(t *testing.T) {
	o := newOrg(t)
	key := rsaKey(t, 2048)
	dynamic, _ := o.challenge(pki.Dynamic, "")
	static, staticID := o.challenge(pki.Static, "")
	late, _ := o.challenge(pki.Dynamic, "")
	for _, c := range []struct {
		name, text string
		before     func()
		ok         bool
	}{
		{"a dynamic one", dynamic, nil, true},
		{"the same a second time", dynamic, nil, false},
		{"a static one", static, nil, true},
		{"the same a second time", static, nil, true},
		{"an unknown one", "AAAAAAAAAAAAAAAAAAAAAAAAAA", nil, false},
		{"none", "", nil, false},
		{"a very long one", strings.Repeat("A", 200), nil, false},
		{"a dynamic one after a day", late, func() { o.now = o.now.Add(pki.ChallengeLife) }, false},
		{"a static one after a day", static, nil, true},
		{"a static one that was revoked", static, func() {
			o.update(func(tx *sql.Tx) error { return o.challenges.Revoke(t.Context(), tx, staticID, o.now) })
		}, false},
	} {
		if c.before != nil {
			c.before()
		}
		if got := o.enrol(c.text, key).PKIStatus == scep.SUCCESS; got != c.ok {
			t.Errorf("%s: certificate issued %v, want %v", c.name, got, c.ok)
		}
	}
	o.update(func(tx *sql.Tx) error {
		_, _, err := o.challenges.Create(t.Context(), tx, pki.Static, "C02", "admin", o.now)
		if err == nil {
			t.Error("a static challenge was tied to a serial number")
		}
		var n int
		if err := tx.QueryRow(`SELECT count(*) FROM scep_challenges WHERE hash = $1 OR id = $1`, dynamic).Scan(&n); err != nil || n != 0 {
			t.Errorf("the database holds a challenge in the clear (%v)", err)
		}
		events, err := o.log.Find(t.Context(), tx, systemlog.Query{Type: systemlog.ChallengeRefused, Limit: 10})
		if len(events) != 6 {
			t.Errorf("%d refusals in the system log, want 6", len(events))
		}
		return err
	})
}

// A dynamic challenge that two requests bring at once is good for one.
func TestChallengeRace(t *testing.T) {
	o := newOrg(t)
	text, _ := o.challenge(pki.Dynamic, "")
	key := rsaKey(t, 2048)
	var mu sync.Mutex
	var wg sync.WaitGroup
	issued := 0
	for range 4 {
		wg.Go(func() {
			if o.enrol(text, key).PKIStatus == scep.SUCCESS {
				mu.Lock()
				issued++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if issued != 1 {
		t.Fatalf("%d certificates for one challenge", issued)
	}
}

func TestRefusedRequests(t *testing.T) {
	o := newOrg(t)
	static, _ := o.challenge(pki.Static, "")
	key, other := rsaKey(t, 2048), rsaKey(t, 2048)
	weak := rsaKey(t, 1024)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		kind   scep.MessageType
		csr    *x509.CertificateRequest
		signer *rsa.PrivateKey
		info   scep.FailInfo
	}{
		"a key of 1024 bits":               {scep.PKCSReq, csr(t, weak, static), weak, scep.BadAlg},
		"an elliptic key":                  {scep.PKCSReq, csr(t, curve, static), key, scep.BadAlg},
		"signed with another key":          {scep.PKCSReq, csr(t, key, static), other, scep.BadMessageCheck},
		"an update":                        {scep.UpdateReq, csr(t, key, static), key, scep.BadRequest},
		"a renewal by a self-signed cert.": {scep.RenewalReq, csr(t, key, static), key, scep.BadCertID},
	} {
		reply := o.exchange(c.kind, c.csr, selfSigned(t, c.signer, o.now), c.signer)
		if reply.PKIStatus != scep.FAILURE || reply.FailInfo != c.info {
			t.Errorf("%s: status %s, %s", name, reply.PKIStatus, reply.FailInfo)
		}
	}
}

func TestRenewal(t *testing.T) {
	o := newOrg(t)
	text, _ := o.challenge(pki.Dynamic, "C02TEST")
	key, next := rsaKey(t, 2048), rsaKey(t, 2048)
	first := o.enrol(text, key).Certificate
	renewed := o.exchange(scep.RenewalReq, csr(t, next, ""), first, key)
	if renewed.PKIStatus != scep.SUCCESS {
		t.Fatalf("refused: %s", renewed.FailInfo)
	}
	o.update(func(tx *sql.Tx) error {
		known, err := pki.FindCertificate(t.Context(), tx, pki.Fingerprint(renewed.Certificate))
		if known.Renews != pki.Fingerprint(first) || known.TiedSerial != "c02test" {
			t.Errorf("renewed as %+v", known)
		}
		return err
	})
	o.update(func(tx *sql.Tx) error {
		_, err := tx.Exec(`UPDATE certificates SET revoked_at = 1 WHERE fingerprint = $1`, pki.Fingerprint(first))
		return err
	})
	if reply := o.exchange(scep.RenewalReq, csr(t, next, ""), first, key); reply.PKIStatus == scep.SUCCESS {
		t.Fatal("a revoked certificate was renewed")
	}
}

func TestRenewalAfterExpiry(t *testing.T) {
	o := newOrg(t)
	text, _ := o.challenge(pki.Dynamic, "")
	key := rsaKey(t, 2048)
	first := o.enrol(text, key).Certificate
	o.now = first.NotAfter.Add(time.Minute)
	if reply := o.exchange(scep.RenewalReq, csr(t, key, ""), first, key); reply.PKIStatus == scep.SUCCESS {
		t.Fatal("an expired certificate was renewed")
	}
}
