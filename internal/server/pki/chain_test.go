package pki_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/pki"
)

// authority is one of the org's own.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// ownCA makes an authority below another one, or a root.
func ownCA(t *testing.T, name string, above *authority, now time.Time, change func(*x509.Certificate)) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(1000 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	if change != nil {
		change(template)
	}
	a := &authority{key: key}
	if above == nil {
		above = &authority{cert: template, key: key}
	}
	a.cert = above.sign(t, template, key.Public())
	return a
}

func (a *authority) sign(t *testing.T, template *x509.Certificate, key crypto.PublicKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key, a.key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// leaf is a Device Access certificate, whose marker may be critical.
func (a *authority) leaf(t *testing.T, now time.Time, critical bool, change func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mac"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(100 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		ExtraExtensions: []pkix.Extension{{Id: []int{1, 3, 6, 1, 4, 1, 51150, 13, 1}, Critical: critical, Value: []byte{2, 1, 1}}}}
	if change != nil {
		change(template)
	}
	return a.sign(t, template, a.key.Public())
}

func TestChainsThatAreRefused(t *testing.T) {
	now := time.Now()
	root := ownCA(t, "Corp Root", nil, now, nil)
	below := ownCA(t, "Corp Devices", root, now, nil)
	text := func(list ...*x509.Certificate) (s string) {
		for _, c := range list {
			s += string(pki.PEM(c))
		}
		return s
	}
	der, err := x509.MarshalECPrivateKey(root.key)
	if err != nil {
		t.Fatal(err)
	}
	key := string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))
	old := ownCA(t, "Corp Old", nil, now, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = now.Add(-50*time.Hour), now.Add(-25*time.Hour) })
	later := ownCA(t, "Corp Later", nil, now, func(c *x509.Certificate) { c.NotBefore = now.Add(25 * time.Hour) })
	unsigning := ownCA(t, "Corp List", root, now, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign })
	many := []*x509.Certificate{}
	for i := range 11 {
		many = append(many, ownCA(t, fmt.Sprint("CA ", i), nil, now, nil).cert)
	}
	for name, c := range map[string]struct{ raw, problem string }{
		"a root":                         {text(root.cert), ""},
		"both, and words between":        {"0 s:CN=Corp Devices\r\n" + strings.ReplaceAll(text(below.cert), "\n", "\r\n") + "1 s:CN=Corp Root\n" + text(root.cert), ""},
		"without its root":               {text(below.cert), ""},
		"ten":                            {text(many[:10]...), ""},
		"eleven":                         {text(many...), "more than 10 certificates"},
		"nothing":                        {"", "it is no PEM"},
		"words":                          {"hello", "it is no PEM"},
		"DER":                            {string(root.cert.Raw), "it is no PEM"},
		"too long":                       {text(root.cert) + strings.Repeat("\n", pki.MaxChain), "at most 65536"},
		"a private key":                  {text(root.cert) + key, "there is a private key in it. Nothing was stored"},
		"a private key that is cut off":  {text(root.cert) + key[:60], "there is a private key in it"},
		"a request":                      {strings.ReplaceAll(text(root.cert), "CERTIFICATE", "CERTIFICATE REQUEST"), `block 1 is a "CERTIFICATE REQUEST"`},
		"rubbish":                        {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "certificate 1 cannot be read"},
		"the second is cut off":          {text(root.cert) + text(below.cert)[:200], "1 of 2 blocks are damaged or cut off"},
		"the first is damaged":           {"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n" + text(root.cert), "1 of 2 blocks are damaged"},
		"a device's":                     {text(root.cert, below.leaf(t, now, false, nil)), "certificate 2 (CN=mac) is no certificate of an authority"},
		"expired":                        {text(root.cert, old.cert), "certificate 2 (CN=Corp Old) expired on " + now.Add(-25*time.Hour).UTC().Format(time.DateOnly)},
		"not valid yet":                  {text(later.cert), "(CN=Corp Later) is not valid before"},
		"one that may not sign":          {text(unsigning.cert), "may not sign certificates"},
		"twice the same":                 {text(root.cert, below.cert, root.cert), "certificate 3 (CN=Corp Root) is in it twice"},
		"an authority of another format": {strings.ReplaceAll(text(root.cert), "CERTIFICATE", "X509 CRL"), `is a "X509 CRL", and no certificate`},
	} {
		found, err := pki.ReadChain([]byte(c.raw), now)
		var refused *pki.ChainError
		switch {
		case c.problem == "" && (err != nil || len(found) == 0):
			t.Errorf("%s: %v", name, err)
		case c.problem != "" && (!errors.As(err, &refused) || !strings.Contains(err.Error(), c.problem)):
			t.Errorf("%s: %v, want %q", name, err, c.problem)
		case err != nil && (strings.Contains(err.Error(), key[40:80]) || len(found) != 0):
			t.Errorf("%s: the refusal has the key, or comes with certificates: %v", name, err)
		}
	}
}

func TestChainsAreKeptAndRemoved(t *testing.T) {
	o := newOrg(t)
	one, other := ownCA(t, "Corp Root", nil, o.now, nil), ownCA(t, strings.Repeat("long", 100), nil, o.now, nil)
	o.update(func(tx *sql.Tx) error {
		made, err := pki.AddChain(t.Context(), tx, append([]byte("secret words\n"), pki.PEM(one.cert)...), "sam@example.com", o.now)
		if err != nil || len(pki.Subject(other.cert)) != 200 {
			t.Fatalf("%v; a subject of %d bytes", err, len(pki.Subject(other.cert)))
		}
		var refused *pki.ChainError
		if _, err := pki.AddChain(t.Context(), tx, pki.PEM(one.cert), "pat@example.com", o.now); !errors.As(err, &refused) || !strings.Contains(err.Error(), "already") {
			t.Errorf("a second time: %v", err)
		}
		if _, err := pki.AddChain(t.Context(), tx, pki.PEM(other.cert), "pat@example.com", o.now.Add(time.Second)); err != nil {
			t.Error(err)
		}
		found, err := pki.Chains(t.Context(), tx)
		if err != nil || len(found) != 2 || found[0].ID != made.ID || found[0].CreatedBy != "sam@example.com" || !found[0].Certificates[0].Equal(one.cert) {
			t.Errorf("%+v %v", found, err)
		}
		var stored string
		if err := tx.QueryRow(`SELECT certificates FROM own_chains WHERE id = $1`, made.ID).Scan(&stored); err != nil || strings.Contains(stored, "secret words") {
			t.Errorf("stored %q %v", stored, err)
		}
		if gone, err := pki.RemoveChain(t.Context(), tx, made.ID); err != nil || !gone.Certificates[0].Equal(one.cert) {
			t.Errorf("removed %+v %v", gone, err)
		}
		if _, err := pki.RemoveChain(t.Context(), tx, made.ID); !errors.Is(err, pki.ErrUnknownChain) {
			t.Errorf("removed again: %v", err)
		}
		for i := range 30 {
			_, err = pki.AddChain(t.Context(), tx, pki.PEM(ownCA(t, fmt.Sprint(i), nil, o.now, nil).cert), "sam", o.now)
			if found, _ := pki.Chains(t.Context(), tx); (err != nil) != (i >= 19) || len(found) > 20 {
				t.Errorf("chain %d: %v, %d are kept", i, err, len(found))
			}
		}
		return nil
	})
}

func TestTrust(t *testing.T) {
	o := newOrg(t)
	text, _ := o.challenge(pki.Static, "")
	issued := o.enrol(text, rsaKey(t, 2048)).Certificate
	root := ownCA(t, "Corp Root", nil, o.now, nil)
	devices, others := ownCA(t, "Corp Devices", root, o.now, nil), ownCA(t, "Corp Web", root, o.now, nil)
	foreign := ownCA(t, "Corp Devices", nil, o.now, nil) // of the same name
	o.update(func(tx *sql.Tx) error {
		_, err := pki.AddChain(t.Context(), tx, pki.PEM(devices.cert), "sam", o.now)
		return err
	})
	type opinion struct{ own, ok bool }
	trust := &pki.Trust{Authority: o.authority, DB: o.db, Now: func() time.Time { return o.now }}
	says := func(name string, want opinion, shown ...*x509.Certificate) {
		t.Helper()
		v, err := trust.Verify(t.Context(), shown)
		if v.Own != want.own || (err == nil) != want.ok || err != nil && !errors.Is(err, pki.ErrUntrusted) {
			t.Errorf("%s: own %v, %v; want %+v", name, v.Own, err, want)
		}
		// What is remembered of it says the same, however things have changed.
		var chains map[string]bool
		o.update(func(tx *sql.Tx) (err error) { chains, err = pki.ChainIDs(t.Context(), tx); return err })
		if v, err = trust.Recall(t.Context(), shown); (err == nil && v.Stands(chains)) != want.ok || err == nil && want.ok && v.Own != want.own {
			t.Errorf("%s, remembered: %+v, %v; want %+v", name, v, err, want)
		}
	}
	good, no := opinion{true, true}, opinion{}
	alone := devices.leaf(t, o.now, false, nil)
	web := others.leaf(t, o.now, false, nil)
	says("nothing", no)
	says("issued here", opinion{false, true}, issued)
	says("of the chain", good, alone)
	says("with all above", good, alone, devices.cert, root.cert)
	critical := devices.leaf(t, o.now, true, nil)
	says("a critical marker", good, critical)
	if len(critical.UnhandledCriticalExtensions) != 1 {
		t.Error("the certificate was changed")
	}
	more := pkix.Extension{Id: []int{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}}
	says("another critical extension besides", no, devices.leaf(t, o.now, true, func(c *x509.Certificate) { c.ExtraExtensions = append(c.ExtraExtensions, more) }))
	says("for servers", no, devices.leaf(t, o.now, false, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }))
	says("of another authority of that name", no, foreign.leaf(t, o.now, false, nil), devices.cert)
	says("of another one below the same root", no, web, others.cert, root.cert)
	says("its own word", no, root.cert)

	o.update(func(tx *sql.Tx) error {
		_, err := pki.AddChain(t.Context(), tx, slices.Concat(pki.PEM(devices.cert), pki.PEM(root.cert)), "sam", o.now)
		return err
	})
	says("below a root that is trusted since", good, web, others.cert)
	says("without what is in between", no, web)
	o.now = o.now.Add(101 * time.Hour)
	says("expired", no, alone)
	o.now = o.now.Add(1000 * time.Hour)
	says("of an authority that has expired", no, devices.leaf(t, o.now, false, nil))
}
