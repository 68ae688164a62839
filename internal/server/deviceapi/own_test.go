package deviceapi_test

import (
	"bytes"
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
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/servertest"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// corp is an authority of the org's own, with one key for all that it needs.
type corp struct {
	o    *servertest.Org
	key  *rsa.PrivateKey
	cert *x509.Certificate
	id   string // of its chain, once it is trusted
	next int64
}

func newCorp(o *servertest.Org) *corp {
	o.T.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		o.T.Fatal(err)
	}
	c := &corp{o: o, key: key}
	c.cert = c.sign(&x509.Certificate{Subject: pkix.Name{CommonName: "Corp Devices"}, NotAfter: o.Now().Add(2000 * time.Hour), IsCA: true, BasicConstraintsValid: true})
	return c
}

func (c *corp) sign(template *x509.Certificate) *x509.Certificate {
	c.o.T.Helper()
	c.next++
	template.SerialNumber, template.NotBefore = big.NewInt(c.next), c.o.Now().Add(-time.Hour)
	above := c.cert
	if above == nil {
		above = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, above, c.key.Public(), c.key)
	if err != nil {
		c.o.T.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		c.o.T.Fatal(err)
	}
	return cert
}

// marked is the extension of Device Access.
func marked(critical bool) []pkix.Extension {
	return []pkix.Extension{{Id: []int{1, 3, 6, 1, 4, 1, 51150, 13, 1}, Critical: critical, Value: []byte{2, 1, 1}}}
}

// issue makes a certificate of a Mac.
func (c *corp) issue(extensions []pkix.Extension) servertest.Identity {
	c.o.T.Helper()
	return servertest.Identity{Key: c.key, Certificate: c.sign(&x509.Certificate{Subject: pkix.Name{CommonName: "mac"}, NotAfter: c.o.Now().Add(1000 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, ExtraExtensions: extensions})}
}

// trusted has the org trust it.
func (c *corp) trusted() *corp {
	c.o.T.Helper()
	c.o.Update(func(tx *sql.Tx) error {
		chain, err := pki.AddChain(c.o.T.Context(), tx, pki.PEM(c.cert), "sam@example.com", c.o.Now())
		c.id = chain.ID
		return err
	})
	return c
}

func (c *corp) removed() {
	c.o.T.Helper()
	c.o.Update(func(tx *sql.Tx) error { _, err := pki.RemoveChain(c.o.T.Context(), tx, c.id); return err })
}

// connection is one that stays open, with the certificate of a Mac.
func connection(o *servertest.Org, id servertest.Identity) *http.Client {
	pair := tls.Certificate{Certificate: [][]byte{id.Certificate.Raw}, PrivateKey: id.Key}
	transport := &http.Transport{MaxConnsPerHost: 1, TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13, ClientSessionCache: tls.NewLRUClientSessionCache(4),
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }}}
	o.T.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}
}

// send is the status of a check-in, or the error of the handshake.
func send(o *servertest.Org, client *http.Client, in wire.CheckIn) (int, error) {
	o.T.Helper()
	raw, err := json.Marshal(in)
	if err != nil {
		o.T.Fatal(err)
	}
	resp, err := client.Post(o.Device.URL+wire.CheckInPath, "application/json", bytes.NewReader(raw))
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// shutOut wants the handshake to fail.
func shutOut(o *servertest.Org, id servertest.Identity) {
	o.T.Helper()
	if status, err := send(o, connection(o, id), request("C02A", 99)); err == nil {
		o.T.Errorf("the handshake went through, and the check-in was answered with %d", status)
	}
}

func TestCertificateOfAnAuthorityOfTheOrgs(t *testing.T) {
	stories{
		"it waits until an administrator confirms it": func(t *testing.T, o *servertest.Org) {
			id := newCorp(o).trusted().issue(marked(false))
			try(t, o, id, request("C02A", 1), 403, wire.RefusedUnverified)
			try(t, o, id, request("C02A", 1), 403, wire.RefusedUnverified)
			if d := device(o, "C02A"); d.Trust != directory.Unverified || d.Claim != pki.Fingerprint(id.Certificate) {
				t.Errorf("%s, claim %s", d.Trust, d.Claim)
			}
			confirm(o, "C02A")
			try(t, o, id, request("C02A", 1), 200, "")
			try(t, o, id, request("C02A", 2), 200, "")
			try(t, o, id, request("C02B", 1), 403, wire.RefusedUnverified) // another Mac with it
		},
		"one whose marker is critical, too": func(t *testing.T, o *servertest.Org) {
			id := newCorp(o).trusted().issue(marked(true))
			try(t, o, id, request("C02A", 1), 403, wire.RefusedUnverified)
			confirm(o, "C02A")
			try(t, o, id, request("C02A", 1), 200, "")
		},
		"a Mac that is bound exchanges it by its token, and waits without": func(t *testing.T, o *servertest.Org) {
			bound := o.Enrol(o.Challenge(pki.Dynamic, "C02A"))
			in := request("C02A", 1)
			token := try(t, o, bound, in, 200, "").Token
			c := newCorp(o).trusted()
			id := c.issue(marked(false))
			in.Seq = 2
			try(t, o, id, in, 403, wire.RefusedReenrolled)
			if d := device(o, "C02A"); d.Trust != directory.Reenrolled {
				t.Errorf("trust %s", d.Trust)
			}
			try(t, o, bound, in, 200, "") // and goes on with the one before
			confirm(o, "C02A")
			in.Seq, in.Token = 1, ""
			in.Token = try(t, o, id, in, 200, "").Token
			in.Seq = 2
			try(t, o, c.issue(marked(false)), in, 200, "") // next year's, with the token that it has now
			in.Seq, in.Token = 3, token
			try(t, o, c.issue(marked(false)), in, 403, wire.RefusedReenrolled) // the token of long ago is worth nothing
			in.Seq, in.Token = 4, ""
			next := o.Enrol(o.Challenge(pki.Dynamic, "C02A")) // and back
			try(t, o, next, in, 200, "")
		},
		"without the marker it opens nothing": func(t *testing.T, o *servertest.Org) {
			c := newCorp(o).trusted()
			try(t, o, c.issue(nil), request("C02A", 1), 401, "")
			try(t, o, c.issue([]pkix.Extension{{Id: marked(false)[0].Id, Value: []byte{2, 1, 0}}}), request("C02A", 1), 401, "")
			if n := len(o.Events(systemlog.DeviceEnrol)); n != 0 {
				t.Errorf("%d Macs were welcomed", n)
			}
		},
	}.run(t)
}

func TestCertificateOfAnAuthorityThatDoesNotCount(t *testing.T) {
	stories{
		"another critical extension stays unhandled": func(t *testing.T, o *servertest.Org) {
			shutOut(o, newCorp(o).trusted().issue(append(marked(true), pkix.Extension{Id: []int{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}})))
		},
		"another authority is shut out": func(t *testing.T, o *servertest.Org) {
			newCorp(o).trusted()
			shutOut(o, newCorp(o).issue(marked(false))) // of the same name
		},
		"one that has expired is shut out": func(t *testing.T, o *servertest.Org) {
			c := newCorp(o).trusted()
			id := c.issue(marked(false))
			try(t, o, id, request("C02A", 1), 403, wire.RefusedUnverified)
			confirm(o, "C02A")
			open := connection(o, id)
			if status, err := send(o, open, request("C02A", 1)); status != 200 {
				t.Fatalf("%d %v", status, err)
			}
			o.Pass(1001 * time.Hour)
			if status, err := send(o, open, request("C02A", 2)); status != 401 {
				t.Errorf("over a connection from before: %d %v", status, err)
			}
			shutOut(o, id)
			young := c.issue(marked(false))
			o.Pass(999*time.Hour + time.Minute) // now the authority has expired
			shutOut(o, young)
		},
		"after its authority was removed it is shut out": func(t *testing.T, o *servertest.Org) {
			c := newCorp(o).trusted()
			id := c.issue(marked(false))
			try(t, o, id, request("C02A", 1), 403, wire.RefusedUnverified)
			confirm(o, "C02A")
			open := connection(o, id)
			if status, err := send(o, open, request("C02A", 1)); status != 200 {
				t.Fatalf("%d %v", status, err)
			}
			c.removed()
			if status, err := send(o, open, request("C02A", 2)); status != 401 {
				t.Errorf("over a connection from before: %d %v", status, err)
			}
			open.CloseIdleConnections()
			if status, err := send(o, open, request("C02A", 2)); err == nil {
				t.Errorf("with a session from before: %d", status)
			}
			shutOut(o, id)
			c.trusted() // and without a restart back again
			try(t, o, id, request("C02A", 2), 200, "")
		},
		"one that is revoked opens nothing": func(t *testing.T, o *servertest.Org) {
			id := newCorp(o).trusted().issue(marked(false))
			try(t, o, id, request("C02A", 1), 403, wire.RefusedUnverified)
			confirm(o, "C02A")
			try(t, o, id, request("C02A", 1), 200, "")
			o.Update(func(tx *sql.Tx) error {
				list, err := pki.ListIssued(t.Context(), tx, pki.OnlyAll, directory.Page{Limit: 10}, o.Now())
				if err != nil || len(list) != 1 || !list[0].Own || list[0].DeviceID == "" || list[0].Subject != "CN=mac" {
					t.Errorf("listed %+v %v", list, err)
				}
				return pki.RevokeCertificate(t.Context(), tx, pki.Fingerprint(id.Certificate), o.Now())
			})
			try(t, o, id, request("C02A", 2), 401, "")
			try(t, o, id, request("C02B", 1), 401, "")
		},
		"the server's authority named as one of the org's own opens nothing more": func(t *testing.T, o *servertest.Org) {
			id := o.Enrol(o.Challenge(pki.Dynamic, "C02A"))
			o.Update(func(tx *sql.Tx) error {
				if _, err := pki.AddChain(t.Context(), tx, pki.PEM(o.Authority.Certificate), "sam", o.Now()); err != nil {
					return err
				}
				_, err := tx.Exec(`DELETE FROM certificates`) // as after an older database was put back
				return err
			})
			try(t, o, id, request("C02A", 1), 401, "")
		},
	}.run(t)
}

// One that a revoked certificate signed for is not the Mac's for that.
func TestARevokedCertificateVouchesForNone(t *testing.T) {
	o := servertest.New(t)
	id := o.Enrol(o.Challenge(pki.Dynamic, "C02A"))
	try(t, o, id, request("C02A", 1), 200, "")
	next := o.Renew(id)
	o.Update(func(tx *sql.Tx) error {
		return pki.RevokeCertificate(t.Context(), tx, pki.Fingerprint(id.Certificate), o.Now())
	})
	try(t, o, next, request("C02A", 2), 403, wire.RefusedReenrolled)
}
