package console_test

import (
	"database/sql"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
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
