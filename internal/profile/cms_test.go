package profile

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"
)

// identityOf makes a certificate for a key.
func identityOf(t testing.TB, key crypto.Signer) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "Profile signing"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func chainOf(t testing.TB, key crypto.Signer) []*x509.Certificate {
	t.Helper()
	return []*x509.Certificate{identityOf(t, key)}
}

func signers(t testing.TB) map[string]crypto.Signer {
	t.Helper()
	small, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]crypto.Signer{"RSA": small, "ECDSA": curve}
}

// TestSigned: a signed profile is read through its signature, which is
// reported; PEM as well.
func TestSigned(t *testing.T) {
	plain, err := os.ReadFile("testdata/good/profile.mobileconfig")
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range signers(t) {
		signed, err := Sign(plain, []*x509.Certificate{identityOf(t, key)}, key)
		if err != nil {
			t.Fatal(err)
		}
		for form, data := range map[string][]byte{"DER": signed, "PEM": pem.EncodeToMemory(&pem.Block{Type: "PKCS7", Bytes: signed})} {
			p, err := Read(data)
			if err != nil || p.Signature == nil || !p.Signature.Intact || !strings.Contains(p.Signature.Signer, "Profile signing") {
				t.Fatalf("%s, %s: %+v, %v", name, form, p, err)
			}
			if !bytes.Equal(p.src, plain) {
				t.Errorf("%s, %s: the content is another", name, form)
			}
		}
		// A change of what was signed shows, and is not mended in place.
		changed := bytes.Replace(signed, []byte("<string>System</string>"), []byte("<string>Systex</string>"), 1)
		r, err := new(Linter).Lint(File{Name: "a", Data: changed})
		if err != nil || len(r.Findings) != 2 || r.Findings[0].Rule != "signature" || r.Findings[1].Rule != "scope" || r.Findings[1].Fixable {
			t.Errorf("%s: %v, %v", name, r.Findings, err)
		}
		fixed, err := Fix(File{Name: "a", Data: changed})
		if err != nil || !bytes.Equal(fixed.Data, changed) {
			t.Errorf("%s: a signed file is changed: %v", name, err)
		}
	}
}

// TestDamagedSignature: what is no CMS message is said to be that.
func TestDamagedSignature(t *testing.T) {
	key := signers(t)["ECDSA"]
	whole, err := Sign([]byte("<plist><dict/></plist>"), []*x509.Certificate{identityOf(t, key)}, key)
	if err != nil {
		t.Fatal(err)
	}
	bomb := bytes.Repeat([]byte{0x30, 0x80}, MaxSize/2)
	claims := []byte{0x30, 0x83, 0x0f, 0x42, 0x40} // a megabyte that is not there
	for name, data := range map[string][]byte{"cut short": whole[:len(whole)-40], "nested without end": bomb, "longer than the file": claims, "more behind": append(bytes.Clone(whole), 0)} {
		r, err := new(Linter).Lint(File{Name: "a", Data: data})
		if err != nil || len(r.Findings) != 1 || r.Findings[0].Rule != "cms" {
			t.Errorf("%s: %v, %v", name, r.Findings, err)
		}
	}
	if _, err := Sign(nil, nil, nil); err == nil {
		t.Error("signed without a key")
	}
}

// TestStreamedSignature: the form without lengths, as openssl writes it with
// -stream, is read as well.
func TestStreamedSignature(t *testing.T) {
	// ContentInfo, indefinite: OID data, [0] OCTET STRING in two pieces.
	ber := []byte{0x30, 0x80, 0x06, 0x01, 0x2a, 0xa0, 0x80, 0x24, 0x80, 0x04, 0x01, 'a', 0x04, 0x01, 'b', 0, 0, 0, 0, 0, 0}
	if !bounded(ber) {
		t.Error("refused")
	}
	for cut := range len(ber) {
		if bounded(ber[:cut]) {
			t.Errorf("the first %d bytes are taken for all", cut)
		}
	}
}
