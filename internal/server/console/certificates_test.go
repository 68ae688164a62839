package console_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/servertest"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// print is the fingerprint of the Mac's certificate.
func (m *mac) print() string { return pki.Fingerprint(m.id.Certificate) }

// What was issued is listed with its Mac, and what is revoked opens nothing.
func TestIssuedCertificates(t *testing.T) {
	s := newSite(t)
	amy, bob := s.mac("C02AMY", "amy"), s.mac("C02BOB", "bob")
	s.Enrol(s.Challenge(pki.Dynamic, "C02CAT")) // and has not checked in
	b := s.admin("sam@example.com", access.OrgAdmin)
	b.get("/certificates").is(200).has("amy's Mac in use C02AMY", "bob's Mac in use C02BOB", "no check-in yet c02cat", "CN=mac", amy.print()).hasNot(`tag bad">revoked`)
	b.get("/certificates?filter=expiring").is(200).has("No certificate.").hasNot(amy.print())
	b.post("/certificates/issued/"+amy.print()+"/revoke", nil).to("/certificates")
	b.get("/certificates?told=revoked").has("Revoked.")
	b.get("/certificates?filter=revoked").is(200).has(amy.print()).hasNot(bob.print(), "/certificates/issued/")
	if status, _, _ := s.CheckIn(&amy.id, amy.in); status != 401 {
		t.Errorf("a revoked certificate is answered with %d", status)
	}
	bob.checkIn()
	if e := s.Events(systemlog.CertificateRevoke); len(e) != 1 || e[0].Actor.AlternateID != "sam@example.com" || len(e[0].Targets) != 2 {
		t.Errorf("events %+v", e)
	}
	b.post("/certificates/issued/none/revoke", nil).is(404)
	b.get("/certificates?filter=" + url.QueryEscape("<script>alert(1)")).is(400).hasNot("<script>alert")

	s.Pass(340 * 24 * time.Hour)
	b = s.admin("pat@example.com", access.OrgAdmin)
	b.get("/certificates?filter=expiring").has(bob.print(), "expiring").hasNot(amy.print())
	s.Pass(26 * 24 * time.Hour)
	b = s.admin("kim@example.com", access.OrgAdmin)
	b.get("/certificates?filter=expiring").hasNot(bob.print())
	b.get("/certificates").has("C02BOB", "expired")
}

func TestIssuedCertificatesByPages(t *testing.T) {
	s := newSite(t)
	s.Update(func(tx *sql.Tx) error {
		for i := range 60 {
			_, err := tx.Exec(`INSERT INTO certificates (fingerprint, serial_number, subject, challenge_id, tied_serial, renews, device_id, issued_at, not_after)
				VALUES ($1, $1, 'CN=<b>mac', '', '', '', '', 1, 2)`, fmt.Sprintf("print%02d", i))
			if err != nil {
				return err
			}
		}
		return nil
	})
	b := s.admin("sam@example.com", access.ReadOnlyAdmin)
	seen, path := map[string]bool{}, "/certificates?filter=all"
	for pages := 1; ; pages++ {
		page := b.get(path).is(200).has("CN=<b>mac").hasNot("<b>", ">Revoke<", "New challenge")
		for i := range 60 {
			if name := fmt.Sprintf("print%02d", i); strings.Contains(page.body, name+"<") {
				seen[name] = true
			}
		}
		_, next, more := strings.Cut(page.body, `href="/certificates?after=`)
		if !more {
			if len(seen) != 60 || pages != 3 {
				t.Errorf("%d certificates on %d pages", len(seen), pages)
			}
			return
		}
		next, _, _ = strings.Cut(next, `#`)
		path = "/certificates?after=" + strings.ReplaceAll(next, "&amp;", "&")
	}
}

// corp is an authority of the org's own, in PEM, and what it gave a Mac.
func (s *site) corp(name string) (authority string, mac servertest.Identity) {
	s.T.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		s.T.Fatal(err)
	}
	above := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: s.Now().Add(-time.Hour), NotAfter: s.Now().Add(99 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "of corp"}, NotBefore: above.NotBefore, NotAfter: above.NotAfter,
		ExtraExtensions: []pkix.Extension{{Id: []int{1, 3, 6, 1, 4, 1, 51150, 13, 1}, Critical: true, Value: []byte{2, 1, 1}}}}
	made := []*x509.Certificate{}
	for _, template := range []*x509.Certificate{above, leaf} {
		der, err := x509.CreateCertificate(rand.Reader, template, above, key.Public(), key)
		if err != nil {
			s.T.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			s.T.Fatal(err)
		}
		made = append(made, cert)
	}
	return string(pki.PEM(made[0])), servertest.Identity{Key: key, Certificate: made[1]}
}

// upload sends the form with a file in it.
func (b *browser) upload(path, content string) answer {
	b.s.T.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "../../chain.pem")
	if err != nil {
		b.s.T.Fatal(err)
	}
	_, _ = io.WriteString(part, content)
	_ = form.WriteField("chain", "")
	_ = form.Close()
	r, err := http.NewRequestWithContext(b.s.T.Context(), "POST", b.s.url+path, &body)
	if err != nil {
		b.s.T.Fatal(err)
	}
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, c := range b.cookies {
		r.AddCookie(c)
	}
	response, err := b.client.Do(r)
	if err != nil {
		b.s.T.Fatal(err)
	}
	defer response.Body.Close()
	raw, _ := io.ReadAll(response.Body)
	return answer{b: b, status: response.StatusCode, header: response.Header, body: string(raw), what: "upload to " + path}
}

// A chain of the org's own authority is pasted or uploaded; what it gives to
// Macs waits to be confirmed.
func TestChainOfTheOrgsOwnCA(t *testing.T) {
	s := newSite(t)
	b := s.admin("sam@example.com", access.OrgAdmin)
	b.get("/certificates").has("Every certificate comes from this server", "Add the chain of your own CA")
	pasted, id := s.corp("Corp <b>Devices</b>")
	b.post("/certificates/chains", url.Values{"chain": {strings.ReplaceAll(pasted, "\n", "\r\n")}}).to("/certificates")
	b.post("/certificates/chains", url.Values{"chain": {pasted}}).is(400).has("trusted already")
	s.Pass(time.Minute)
	filed, _ := s.corp("Corp Filed")
	more, _ := s.corp("Corp More")
	b.upload("/certificates/chains", filed+more).to("/certificates")
	page := b.get("/certificates").is(200).has(`Corp \<b\>Devices`, "Corp Filed", "Remove all 2 of the chain", "sam@example.com").hasNot("<b>")
	block, _ := pem.Decode([]byte(pasted))
	if cert, err := x509.ParseCertificate(block.Bytes); err != nil || !strings.Contains(page.body, pki.Fingerprint(cert)) {
		t.Errorf("the fingerprint is not on the page: %v", err)
	}

	in := s.mac("C02AMY", "amy").in
	in.Device.Serial, in.Device.UDID, in.Seq, in.Token = "C02OWN", "udid-own", 1, ""
	if status, _, refusal := s.CheckIn(&id, in); status != 403 || refusal.Reason != "unverified" {
		t.Fatalf("%d %+v", status, refusal)
	}
	b.get("/certificates").has("waits to be confirmed C02OWN", "CN=of corp own CA")
	b.post("/devices/confirm", url.Values{"serials": {"C02OWN"}}).is(200)
	if status, _, refusal := s.CheckIn(&id, in); status != 200 {
		t.Fatalf("%d %+v", status, refusal)
	}

	key := "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----\n"
	for name, a := range map[string]answer{
		"there is a private key in it. Nothing was stored": b.post("/certificates/chains", url.Values{"chain": {pasted + key}}),
		"a private key in it":                              b.upload("/certificates/chains", key),
		"no certificate of an authority":                   b.upload("/certificates/chains", string(pki.PEM(id.Certificate))),
		"it is no PEM":                                     b.post("/certificates/chains", nil),
		"at most 65536":                                    b.upload("/certificates/chains", filed+strings.Repeat(" ", 70_000)),
		"cut off, or is too long":                          b.upload("/certificates/chains", strings.Repeat(" ", 200_000)),
	} {
		a.is(400).has(name).hasNot("MIIEvQIBADANBgkqhkiG9w0BAQEFAASC")
	}
	chain, _, _ := strings.Cut(page.body[strings.Index(page.body, "/certificates/chains/"):], `"`)
	b.post(chain, nil).to("/certificates")
	b.post(chain, nil).is(404)
	b.get("/certificates").has("Corp Filed").hasNot("Devices\\")
	reader := s.admin("kim@example.com", access.ReadOnlyAdmin)
	reader.get("/certificates").has("Corp Filed").hasNot("Remove all", "Add the chain")
}

// The ways to enrol are told, and what is secret is shown once.
func TestSCEPConfigurations(t *testing.T) {
	s := newSite(t)
	b := s.admin("sam@example.com", access.OrgAdmin)
	b.get("/certificates").is(200).has(s.url+"/scep", "Dynamic", "Static", "Delegated", "POST "+s.url+"/api/v1/latchkey/scep-challenges", "latchkey.enrolment.manage").hasNot("data-secret")
	for kind, state := range map[string]string{"dynamic": "C02AMY good", "static": "good"} {
		form := url.Values{"kind": {kind}}
		if kind == "dynamic" {
			form.Set("serial", "C02AMY")
		}
		page := b.post("/certificates", form).is(200).has("The challenge is shown once", kind+" "+state)
		_, secret, _ := strings.Cut(page.body, "data-secret>")
		secret, _, _ = strings.Cut(secret, "<")
		if len(secret) < 20 {
			t.Fatalf("%s: %q", kind, secret)
		}
		s.Enrol(secret)
		b.get("/certificates").hasNot(secret, "data-secret")
	}
	b.get("/certificates").has("C02AMY used")
	b.post("/certificates", url.Values{"kind": {"delegated"}}).is(400)
}
