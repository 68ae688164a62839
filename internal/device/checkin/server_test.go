package checkin

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// authority signs the certificates of one test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{}
	template := &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, Subject: pkix.Name{CommonName: "test CA"}}
	a.cert, a.key = a.sign(t, template)
	return a
}

// sign makes a key and a certificate for it, self-signed for the first.
func (a *authority) sign(t *testing.T, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2190, 1, 1, 0, 0, 0, 0, time.UTC) // synctest begins in 2000
	parent, signer := template, key
	if a.cert != nil {
		parent, signer = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

func (a *authority) certificate(t *testing.T, template *x509.Certificate) tls.Certificate {
	cert, key := a.sign(t, template)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

// org is a server over real TLS: a main listener for discovery and a device
// listener that wants a client certificate of TLS 1.3.
type org struct {
	t        *testing.T
	ca       *authority
	main     *httptest.Server
	device   *httptest.Server
	mu       sync.Mutex
	got      []wire.CheckIn
	bodies   [][]byte
	peers    []string
	answer   func(n int, c wire.CheckIn, w http.ResponseWriter) // n counts from 1
	known    string                                             // the body at WellKnownPath; "" for the real one
	versions []uint16
}

func newOrg(t *testing.T) *org {
	o := &org{t: t, ca: newAuthority(t)}
	serverCert := func() tls.Certificate {
		return o.ca.certificate(t, &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	}
	o.device = httptest.NewUnstartedServer(http.HandlerFunc(o.checkIn))
	o.device.TLS = &tls.Config{MinVersion: tls.VersionTLS13, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: o.ca.pool(), Certificates: []tls.Certificate{serverCert()}}
	o.main = httptest.NewUnstartedServer(http.HandlerFunc(o.wellKnown))
	o.main.TLS = &tls.Config{Certificates: []tls.Certificate{serverCert()}}
	for _, s := range []*httptest.Server{o.device, o.main} {
		s.Config.ErrorLog = zap.NewStdLog(zap.NewNop())
		s.StartTLS()
		t.Cleanup(s.Close)
	}
	return o
}

func (o *org) wellKnown(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != wire.WellKnownPath {
		http.NotFound(w, r)
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.known != "" {
		_, _ = io.WriteString(w, o.known)
		return
	}
	_ = json.NewEncoder(w).Encode(wire.WellKnown{DeviceURL: o.device.URL})
}

func (o *org) checkIn(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	var c wire.CheckIn
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	if err != nil || r.URL.Path != wire.CheckInPath || r.Method != http.MethodPost {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.got, o.bodies = append(o.got, c), append(o.bodies, raw)
	o.peers, o.versions = append(o.peers, r.TLS.PeerCertificates[0].Subject.CommonName), append(o.versions, r.TLS.Version)
	o.answer(len(o.got), c, w)
}

// accept answers like a server that takes everything.
func accept(c wire.CheckIn, w http.ResponseWriter, change func(*wire.CheckInAnswer)) {
	a := wire.CheckInAnswer{Now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), DeviceID: "dev1", NextIn: 300}
	for _, e := range c.Events {
		a.Events = append(a.Events, e.ID)
	}
	for _, s := range c.Secrets {
		a.Secrets = append(a.Secrets, wire.SecretResult{GUID: s.GUID, Generation: s.Generation, Result: wire.SecretConfirmed})
	}
	if change != nil {
		change(&a)
	}
	_ = json.NewEncoder(w).Encode(a)
}

func acceptAll(_ int, c wire.CheckIn, w http.ResponseWriter) { accept(c, w, nil) }

func refuse(w http.ResponseWriter, status int, body string) {
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func (o *org) requests() []wire.CheckIn {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]wire.CheckIn(nil), o.got...)
}

// mac is the device side of one test: what the daemon implements.
type mac struct {
	mu        sync.Mutex
	record    Record
	saves     []Record
	events    []wire.Event
	uploads   []wire.SecretUpload
	results   []wire.SecretResult
	delivered []string
	applied   []wire.CheckInAnswer
	restored  []uint64
	cert      tls.Certificate
	certErr   error
	fail      map[string]error // by method
	url       string
	logs      *observer.ObservedLogs
	start     time.Time
	reports   []time.Duration // when, by Continuous
}

func (m *mac) Report(context.Context) (wire.CheckIn, error) {
	m.mu.Lock()
	m.reports = append(m.reports, m.Continuous())
	m.mu.Unlock()
	// Seq, token, secrets and events are not the reporter's: they must not get through.
	return wire.CheckIn{Boot: "boot", Seq: 99, Token: "reporter", Device: wire.Device{Serial: "C02", Agent: "1.0"}, Accounts: []wire.Account{}}, m.fail["Report"]
}
func (m *mac) Uploads(context.Context) ([]wire.SecretUpload, error) {
	return m.uploads, m.fail["Uploads"]
}
func (m *mac) Results(_ context.Context, r []wire.SecretResult) error {
	m.results = append(m.results, r...)
	m.uploads = nil
	return m.fail["Results"]
}
func (m *mac) Pending(most int) ([]wire.Event, error) {
	return append([]wire.Event(nil), m.events[:min(most, len(m.events))]...), m.fail["Pending"]
}
func (m *mac) Delivered(ids []string) error {
	m.delivered = append(m.delivered, ids...)
	kept := m.events[:0:0]
	for _, e := range m.events {
		gone := false
		for _, id := range ids {
			gone = gone || id == e.ID
		}
		if !gone {
			kept = append(kept, e)
		}
	}
	m.events = kept
	return m.fail["Delivered"]
}
func (m *mac) Apply(_ context.Context, _ wire.CheckIn, a wire.CheckInAnswer, _ Exchange) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.applied = append(m.applied, a)
	return m.fail["Apply"]
}
func (m *mac) Restored(_ context.Context, last uint64) error {
	m.restored = append(m.restored, last)
	return m.fail["Restored"]
}
func (m *mac) Certificate(context.Context) (tls.Certificate, error) { return m.cert, m.certErr }
func (m *mac) Load() (Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.record, m.fail["Load"]
}
func (m *mac) Save(r Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.fail["Save"]; err != nil {
		return err
	}
	m.record = r
	m.saves = append(m.saves, r)
	return nil
}
func (m *mac) Wall() time.Time           { return time.Now() }
func (m *mac) Continuous() time.Duration { return time.Since(m.start) }

// newMac is a device with a certificate of the org, and its runner.
func newMac(t *testing.T, o *org) (*mac, *Runner) {
	m := &mac{start: time.Now(), fail: map[string]error{}, url: o.main.URL}
	m.cert = o.ca.certificate(t, &x509.Certificate{Subject: pkix.Name{CommonName: "mac"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	return m, m.runner(o.ca.pool())
}

func (m *mac) runner(roots *x509.CertPool) *Runner {
	core, logs := observer.New(zap.InfoLevel)
	m.logs = logs
	return New(Options{
		URL: func() string { return m.url }, Identity: m, Roots: roots, Reporter: m, Secrets: m, Events: m, Answers: m, State: m,
		Clock: m, Random: func() float64 { return 0 }, Log: zap.New(core),
	})
}
