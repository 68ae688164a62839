package pki_test

import (
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"encoding/pem"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
)

func TestAuthorityIsKeptAndSealed(t *testing.T) {
	o := newOrg(t)
	o.update(func(tx *sql.Tx) error {
		again, err := pki.OpenDevice(t.Context(), tx, o.vault, o.now)
		if err != nil || !again.Certificate.Equal(o.authority.Certificate) {
			t.Errorf("opened again: %v", err)
		}
		var sealed string
		if err := tx.QueryRow(`SELECT sealed_key FROM authorities`).Scan(&sealed); err != nil {
			return err
		}
		if block, _ := pem.Decode([]byte(sealed)); block != nil || strings.Contains(sealed, "PRIVATE") {
			t.Error("the key lies in the database in the clear")
		}
		other, err := vault.Create(filepath.Join(t.TempDir(), "other"))
		if err != nil {
			return err
		}
		if _, err := pki.OpenDevice(t.Context(), tx, other, o.now); !errors.Is(err, vault.ErrSealed) {
			t.Errorf("another master key opened it: %v", err)
		}
		return nil
	})
}

func TestEvaluationTLS(t *testing.T) {
	o := newOrg(t)
	var pair tls.Certificate
	var ca *x509.Certificate
	o.update(func(tx *sql.Tx) (err error) {
		pair, ca, err = pki.EvaluationTLS(t.Context(), tx, o.vault, []string{"mfa.example.com", "127.0.0.1"}, o.now)
		return err
	})
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	for _, host := range []string{"mfa.example.com", "127.0.0.1"} {
		if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: host, CurrentTime: o.now}); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	if !strings.Contains(ca.Subject.CommonName, "not for production") {
		t.Errorf("the authority is called %q", ca.Subject.CommonName)
	}
}
