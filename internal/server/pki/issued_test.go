package pki_test

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
)

// list is the certificates of a filter by pages of n, each by its number.
func (o *org) list(f pki.Filter, n int, names map[string]string) (found []string) {
	o.t.Helper()
	o.update(func(tx *sql.Tx) error {
		for after := ""; ; {
			page, err := pki.ListIssued(o.t.Context(), tx, f, directory.Page{After: after, Limit: n}, o.now)
			if err != nil || len(page) == 0 {
				return err
			}
			for _, c := range page {
				found = append(found, names[c.Fingerprint]+" "+string(c.State(o.now)))
			}
			after = page[len(page)-1].Fingerprint
		}
	})
	return found
}

func TestIssuedCertificatesAreListed(t *testing.T) {
	o := newOrg(t)
	text, _ := o.challenge(pki.Static, "")
	key := rsaKey(t, 2048)
	names, prints := map[string]string{}, []string{}
	for number := range 5 {
		cert := o.enrol(text, key).Certificate
		names[pki.Fingerprint(cert)] = fmt.Sprint(number)
		prints = append(prints, pki.Fingerprint(cert))
		o.now = o.now.Add(12 * time.Hour)
	}
	want := func(f pki.Filter, wanted ...string) {
		t.Helper()
		for n := range 6 { // 0 is taken for 1
			if got := strings.Join(o.list(f, n, names), ", "); got != strings.Join(wanted, ", ") {
				t.Errorf("%s by pages of %d: %s, want %s", f, n, got, strings.Join(wanted, ", "))
			}
		}
	}
	want(pki.OnlyAll, "4 good", "3 good", "2 good", "1 good", "0 good")
	want(pki.OnlyExpiring)
	want(pki.OnlyRevoked)

	o.now = o.now.Add(365*24*time.Hour - 4*12*time.Hour - pki.Soon + time.Hour) // an hour into the last 30 days of 1
	o.update(func(tx *sql.Tx) error {
		return errors.Join(pki.RevokeCertificate(t.Context(), tx, prints[3], o.now), pki.RevokeCertificate(t.Context(), tx, prints[0], o.now.Add(time.Second)),
			pki.RevokeCertificate(t.Context(), tx, prints[0], o.now.Add(time.Hour)), pki.RevokeCertificate(t.Context(), tx, "none", o.now))
	})
	want(pki.OnlyAll, "4 good", "3 revoked", "2 good", "1 expiring", "0 revoked")
	want(pki.OnlyExpiring, "1 expiring")
	want(pki.OnlyRevoked, "0 revoked", "3 revoked")

	o.now = o.now.Add(30 * 24 * time.Hour) // 1 has just ended
	want(pki.OnlyExpiring, "2 expiring", "4 expiring")
	want(pki.OnlyAll, "4 expiring", "3 revoked", "2 expiring", "1 expired", "0 revoked")
	o.update(func(tx *sql.Tx) error {
		if _, err := pki.ListIssued(t.Context(), tx, "some", directory.Page{Limit: 1}, o.now); !errors.Is(err, pki.ErrFilter) {
			t.Errorf("another filter: %v", err)
		}
		if page, err := pki.ListIssued(t.Context(), tx, pki.OnlyAll, directory.Page{After: "none", Limit: 9}, o.now); err != nil || len(page) != 0 {
			t.Errorf("behind a certificate that is not there: %v %v", page, err)
		}
		if c, err := pki.FindIssued(t.Context(), tx, prints[0]); err != nil || c.Subject != "CN=C02TEST" || c.RevokedAt.IsZero() {
			t.Errorf("%+v %v", c, err)
		}
		if _, err := pki.FindIssued(t.Context(), tx, "none"); !errors.Is(err, pki.ErrUnknownCertificate) {
			t.Errorf("an unknown one: %v", err)
		}
		return nil
	})
}
