package tlscert_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"golang.org/x/crypto/acme/autocert"

	"github.com/latchkey-mfa/latchkey/internal/server/store/storetest"
	"github.com/latchkey-mfa/latchkey/internal/server/tlscert"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// write puts a new certificate with that serial number into the two files.
func write(t *testing.T, cert, key string, serial int64, at time.Time) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	made := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "mfa.example.com"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, made, made, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	put(t, cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), at)
	put(t, key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), at)
}

func put(t *testing.T, path string, content []byte, at time.Time) {
	t.Helper()
	if err := errors.Join(os.WriteFile(path, content, 0o600), os.Chtimes(path, at, at)); err != nil {
		t.Fatal(err)
	}
}

// A certificate that was renewed in its files is shown; half of one is not, and
// the one before it stays.
func TestFilesAreReadAgain(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	core, said := observer.New(zap.InfoLevel)
	open := func() (*tlscert.Files, error) {
		return tlscert.OpenFiles(cert, key, zap.New(core), func() time.Time { return now })
	}
	if _, err := open(); err == nil || !strings.Contains(err.Error(), cert) {
		t.Errorf("without files: %v", err)
	}
	write(t, cert, key, 1, now)
	f, err := open()
	if err != nil {
		t.Fatal(err)
	}
	serial := func() int64 {
		t.Helper()
		pair, err := f.GetCertificate(&tls.ClientHelloInfo{})
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf.SerialNumber.Int64()
	}
	for _, step := range []struct {
		name string
		do   func()
		pass time.Duration
		want int64
	}{
		{"at first", func() {}, 0, 1},
		{"renewed, at once", func() { write(t, cert, key, 2, now.Add(time.Second)) }, time.Second, 1},
		{"renewed", func() {}, 10 * time.Second, 2},
		{"half written", func() { put(t, cert, []byte("-----BEGIN"), now.Add(2*time.Second)) }, 10 * time.Second, 2},
		{"of another key", func() {
			write(t, cert, filepath.Join(dir, "other.pem"), 3, now.Add(3*time.Second))
		}, 10 * time.Second, 2},
		{"gone", func() { _ = os.Remove(cert) }, 10 * time.Second, 2},
		{"whole again", func() { write(t, cert, key, 4, now.Add(4*time.Second)) }, 10 * time.Second, 4},
		{"a clock that goes back", func() { write(t, cert, key, 5, now.Add(5*time.Second)) }, -time.Hour, 5},
	} {
		step.do()
		now = now.Add(step.pass)
		if got := serial(); got != step.want {
			t.Errorf("%s: certificate %d is shown, want %d", step.name, got, step.want)
		}
	}
	if n := said.FilterMessageSnippet("cannot be used").Len(); n != 2 {
		t.Errorf("told %d times of a pair that cannot be used", n)
	}
}

// What the client keeps is sealed, is the same for all servers, and cannot be
// put in the place of something else.
func TestCache(t *testing.T) {
	v, err := vault.Create(filepath.Join(t.TempDir(), "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	db, ctx := storetest.Open(t), t.Context()
	one, other := &tlscert.Cache{DB: db, Vault: v, Now: time.Now}, &tlscert.Cache{DB: db, Vault: v, Now: time.Now}
	if _, err := one.Get(ctx, "mfa.example.com"); !errors.Is(err, autocert.ErrCacheMiss) {
		t.Fatal(err)
	}
	for _, text := range []string{"PRIVATE KEY 1", "PRIVATE KEY 2"} {
		if err := one.Put(ctx, "mfa.example.com", []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := other.Get(ctx, "mfa.example.com"); err != nil || string(got) != text {
			t.Errorf("%q %v", got, err)
		}
	}
	err = db.Update(ctx, func(tx *sql.Tx) error {
		var sealed string
		if err := tx.QueryRow(`SELECT sealed FROM acme_cache`).Scan(&sealed); err != nil || bytes.Contains([]byte(sealed), []byte("PRIVATE")) {
			t.Errorf("it lies in the clear: %q %v", sealed, err)
		}
		_, err := tx.Exec(`UPDATE acme_cache SET name = 'acme_account+key'`)
		return err
	})
	if got, openErr := other.Get(ctx, "acme_account+key"); err != nil || openErr == nil {
		t.Errorf("moved, it opens: %q %v", got, err)
	}
	if err := errors.Join(one.Delete(ctx, "acme_account+key"), one.Delete(ctx, "none")); err != nil {
		t.Error(err)
	}
	if _, err := other.Get(ctx, "acme_account+key"); !errors.Is(err, autocert.ErrCacheMiss) {
		t.Error(err)
	}
}

func TestCheck(t *testing.T) {
	for _, bad := range []tlscert.ACME{{}, {Hosts: make([]string, 21)}, {Hosts: []string{"localhost"}}, {Hosts: []string{"192.0.2.7"}}, {Hosts: []string{"*.example.com"}}, {Hosts: []string{"MFA.example.com"}},
		{Hosts: []string{"https://mfa.example.com"}}, {Hosts: []string{"a.example.com"}, Directory: "http://ca.example.com"}, {Hosts: []string{"a.example.com"}, Directory: "ca"}} {
		if err := bad.Check(); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
	if err := (tlscert.ACME{Hosts: []string{"mfa.example.com"}, Directory: tlscert.LetsEncrypt}).Check(); err != nil {
		t.Error(err)
	}
	for name, content := range map[string]string{"none": "", "empty": "x"} {
		path := filepath.Join(t.TempDir(), name)
		if content != "" {
			put(t, path, []byte(content), time.Now())
		}
		if _, err := (tlscert.ACME{Hosts: []string{"mfa.example.com"}, RootsFile: path}).Manager(nil); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
	named := tlscert.Named(func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &tls.Certificate{}, nil })
	if _, err := named(&tls.ClientHelloInfo{}); err == nil || !strings.Contains(err.Error(), "names no server") {
		t.Error(err)
	}
}
