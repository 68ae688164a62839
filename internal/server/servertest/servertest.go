// Package servertest is a whole org for tests: database, vault, log, authority
// and Macs that enrol through SCEP and check in over mutual TLS.
//
// Everything in it is the real part; only the clock is the test's. It must
// never be imported by anything but tests.
package servertest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/smallstep/scep"
	"github.com/smallstep/scep/x509util"
	"go.uber.org/zap"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/credential"
	"github.com/latchkey-mfa/latchkey/internal/server/deviceapi"
	"github.com/latchkey-mfa/latchkey/internal/server/factor"
	"github.com/latchkey-mfa/latchkey/internal/server/password"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/recovery"
	"github.com/latchkey-mfa/latchkey/internal/server/signin"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/store/storetest"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// Org is an org server without its listeners for people.
type Org struct {
	T          testing.TB
	DB         *store.DB
	Where      string // the database, as store.Open takes it
	Vault      *vault.Vault
	Log        *systemlog.Log
	Book       *recovery.Book
	Challenges *pki.Challenges
	Authority  *pki.Authority
	SCEP       *pki.SCEP
	Device     *httptest.Server
	Trust      *pki.Trust
	Factors    *factor.Book

	devices *http.ServeMux // of Device

	mu   sync.Mutex
	now  time.Time
	keys int // that Macs of this org have
}

// New is an org at a fixed moment. pki.UseAES must have been called.
func New(t testing.TB) *Org {
	t.Helper()
	dir := t.TempDir()
	o := &Org{T: t, now: time.Now().UTC().Truncate(time.Second)}
	var err error
	made, err := authorities()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "master.key"), made.masterKey, 0o600); err != nil {
		t.Fatal(err)
	}
	if o.Vault, err = vault.Open(filepath.Join(dir, "master.key")); err != nil {
		t.Fatal(err)
	}
	o.Where = storetest.Where(t)
	if o.DB, err = store.Open(context.Background(), o.Where); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.DB.Close() })
	o.Log = systemlog.New(o.Vault.Key(vault.ForLog), o.Now)
	o.Challenges = pki.NewChallenges(o.Vault)
	o.Book = &recovery.Book{DB: o.DB, Vault: o.Vault, Log: o.Log, Now: o.Now}
	var server tls.Certificate
	o.Update(func(tx *sql.Tx) (err error) {
		for _, a := range made.rows {
			if _, err := tx.Exec(`INSERT INTO authorities (name, certificate, sealed_key) VALUES ($1, $2, $3)`, a[0], a[1], a[2]); err != nil {
				return err
			}
		}
		if o.Authority, err = pki.OpenDevice(context.Background(), tx, o.Vault, o.now); err != nil {
			return err
		}
		server, _, err = pki.EvaluationTLS(context.Background(), tx, o.Vault, []string{"127.0.0.1"}, o.now)
		return err
	})
	o.SCEP = pki.NewSCEP(&pki.Issuer{Authority: o.Authority, Challenges: o.Challenges, DB: o.DB, Log: o.Log, Now: o.Now}, zap.NewNop())
	o.Factors = &factor.Book{DB: o.DB, Vault: o.Vault, Log: o.Log, Hasher: password.NewHasher(), Now: o.Now}
	if o.Factors.Party, err = credential.NewParty("https://mfa.example.com"); err != nil {
		t.Fatal(err)
	}
	o.Factors.Hasher.Cost = password.Cost{Time: 1, Memory: 8, Lanes: 1}
	o.Trust = &pki.Trust{Authority: o.Authority, DB: o.DB, Now: o.Now}
	api := &deviceapi.Server{DB: o.DB, Vault: o.Vault, Log: o.Log, Book: o.Book, Trust: o.Trust, Zap: zap.NewNop(), Now: o.Now, Every: 15 * time.Minute, Pace: deviceapi.NewPace(1000, 10000)}
	o.devices = http.NewServeMux()
	o.devices.Handle("/", api.Handler())
	o.Device = httptest.NewUnstartedServer(o.devices)
	o.Device.TLS = deviceapi.TLS(server, o.Trust, o.Now)
	o.Device.Config.ErrorLog = nil
	o.Device.StartTLS()
	t.Cleanup(o.Device.Close)
	return o
}

// Now is the org's time.
func (o *Org) Now() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.now
}

// Pass lets time pass.
func (o *Org) Pass(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now = o.now.Add(d)
}

// Update runs do in a transaction and ends the test when it fails.
func (o *Org) Update(do func(tx *sql.Tx) error) {
	o.T.Helper()
	if err := o.DB.Update(context.Background(), do); err != nil {
		o.T.Fatal(err)
	}
}

// Events are those of a type, the oldest first; all for "".
func (o *Org) Events(kind string) (found []systemlog.Event) {
	o.T.Helper()
	o.Update(func(tx *sql.Tx) (err error) {
		found, err = o.Log.Find(context.Background(), tx, systemlog.Query{Type: kind, Limit: systemlog.MaxLimit})
		return err
	})
	return found
}

// As is a context with a caller of that role.
func (o *Org) As(role access.Role, login string) context.Context {
	ctx, _ := access.With(context.Background(), access.Caller{TokenID: "tok-" + login, Name: "test", Login: login, Role: role})
	return ctx
}

// Challenge makes a SCEP challenge.
func (o *Org) Challenge(kind, serial string) (text string) {
	o.T.Helper()
	o.Update(func(tx *sql.Tx) (err error) {
		_, text, err = o.Challenges.Create(context.Background(), tx, kind, serial, "test", o.Now())
		return err
	})
	return text
}

// Identity is a key with its certificate.
type Identity struct {
	Key         *rsa.PrivateKey
	Certificate *x509.Certificate
}

// Enrol gets a certificate through SCEP.
func (o *Org) Enrol(challenge string) Identity {
	o.T.Helper()
	key := o.key()
	self := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "enrolling"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, self, self, key.Public(), key)
	if err != nil {
		o.T.Fatal(err)
	}
	signer, err := x509.ParseCertificate(der)
	if err != nil {
		o.T.Fatal(err)
	}
	return o.exchange(scep.PKCSReq, challenge, signer, key, key)
}

// Renew gets a certificate for a new key, signed for by id.
func (o *Org) Renew(id Identity) Identity {
	o.T.Helper()
	key := o.key()
	return o.exchange(scep.RenewalReq, "", id.Certificate, id.Key, key)
}

func (o *Org) exchange(kind scep.MessageType, challenge string, signer *x509.Certificate, signerKey, key *rsa.PrivateKey) Identity {
	o.T.Helper()
	der, err := x509util.CreateCertificateRequest(rand.Reader, &x509util.CertificateRequest{
		CertificateRequest: x509.CertificateRequest{Subject: pkix.Name{CommonName: "mac"}}, ChallengePassword: challenge}, key)
	if err != nil {
		o.T.Fatal(err)
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		o.T.Fatal(err)
	}
	msg, err := scep.NewCSRRequest(csr, &scep.PKIMessage{MessageType: kind, SignerCert: signer, SignerKey: signerKey, Recipients: []*x509.Certificate{o.Authority.Certificate}})
	if err != nil {
		o.T.Fatal(err)
	}
	w := httptest.NewRecorder()
	o.SCEP.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/scep?operation=PKIOperation", bytes.NewReader(msg.Raw)))
	reply, err := scep.ParsePKIMessage(w.Body.Bytes(), scep.WithCACerts([]*x509.Certificate{o.Authority.Certificate}))
	if err != nil || reply.PKIStatus != scep.SUCCESS {
		o.T.Fatalf("enrol: %v %d %s", err, w.Code, w.Body)
	}
	if err := reply.DecryptPKIEnvelope(signer, signerKey); err != nil {
		o.T.Fatal(err)
	}
	return Identity{Key: key, Certificate: reply.Certificate}
}

// Serve adds a handler to the device listener.
func (o *Org) Serve(pattern string, h http.Handler) { o.devices.Handle(pattern, h) }

// Post sends body to the device listener with the identity's certificate, or
// none.
func (o *Org) Post(id *Identity, body []byte) (int, http.Header, []byte) {
	o.T.Helper()
	client := o.Client(id)
	defer client.CloseIdleConnections()
	resp, err := client.Post(o.Device.URL+wire.CheckInPath, "application/json", bytes.NewReader(body))
	if err != nil {
		o.T.Fatal(err)
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		o.T.Fatal(err)
	}
	return resp.StatusCode, resp.Header, out
}

// Client is a client of the device listener with the identity's certificate, or
// none.
func (o *Org) Client(id *Identity) *http.Client {
	cfg := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13} //nolint:gosec // the server's name is not what is tested
	if id != nil {
		cfg.Certificates = []tls.Certificate{{Certificate: [][]byte{id.Certificate.Raw}, PrivateKey: id.Key}}
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: cfg}}
}

// CheckIn sends a check-in and reads the answer: one of the two last results.
func (o *Org) CheckIn(id *Identity, in wire.CheckIn) (int, wire.CheckInAnswer, wire.APIError) {
	o.T.Helper()
	raw, err := json.Marshal(in)
	if err != nil {
		o.T.Fatal(err)
	}
	status, _, body := o.Post(id, raw)
	var answer wire.CheckInAnswer
	var refusal wire.APIError
	into := any(&answer)
	if status != http.StatusOK {
		into = &refusal
	}
	if err := json.Unmarshal(body, into); err != nil {
		o.T.Fatalf("answer %d: %v: %s", status, err, body)
	}
	return status, answer, refusal
}

// Administrators is the accounts of administrators.
func (o *Org) Administrators() *signin.Service {
	o.T.Helper()
	s, err := signin.New(signin.Config{DB: o.DB, Vault: o.Vault, Log: o.Log, Now: o.Now, PublicURL: "https://mfa.example.com", Hasher: o.Factors.Hasher})
	if err != nil {
		o.T.Fatal(err)
	}
	return s
}
