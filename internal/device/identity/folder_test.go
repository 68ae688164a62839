package identity

import (
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// leaf is a self-signed certificate with the marker, changed by change.
func leaf(t testing.TB, key *rsa.PrivateKey, change func(*x509.Certificate)) *x509.Certificate {
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "mac"}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		ExtraExtensions: []pkix.Extension{markerExtension(false)},
	}
	if change != nil {
		change(template)
	}
	return sign(t, template, template, &key.PublicKey, key)
}

func issued(days int) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.NotBefore = time.Now().AddDate(0, 0, -days)
		c.NotAfter = c.NotBefore.AddDate(1, 0, 0)
	}
}

func store(t *testing.T, f Folder, key *rsa.PrivateKey, cert *x509.Certificate) string {
	t.Helper()
	path, err := f.Store(key, []*x509.Certificate{cert})
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadPicksTheOneIssuedLast(t *testing.T) {
	f := Folder{Dir: t.TempDir(), Now: time.Now}
	key := keys()[0]
	store(t, f, key, leaf(t, key, issued(30)))
	newest := leaf(t, key, issued(2))
	store(t, f, key, newest)
	store(t, f, key, leaf(t, key, issued(10)))
	// Newer still, and not to be used.
	store(t, f, key, leaf(t, key, func(c *x509.Certificate) { issued(1)(c); c.ExtraExtensions = nil }))
	store(t, f, key, leaf(t, key, func(c *x509.Certificate) { issued(1)(c); c.NotAfter = time.Now().Add(-time.Minute) }))
	store(t, f, key, leaf(t, key, func(c *x509.Certificate) { issued(-1)(c) }))
	c, err := f.Load()
	if err != nil || !c.Chain[0].Equal(newest) {
		t.Fatalf("%s, %v", c.Name, err)
	}
	f.Now = func() time.Time { return time.Now().AddDate(0, 0, 2) }
	if c, err := f.Load(); err != nil || c.Chain[0].NotBefore.Before(time.Now()) {
		t.Errorf("two days later: %s, %v", c.Name, err)
	}
}

func TestLoadSaysWhy(t *testing.T) {
	key, other := keys()[0], keys()[1]
	pemOf := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	good := leaf(t, key, nil)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	otherDER, err := x509.MarshalPKCS8PrivateKey(other)
	if err != nil {
		t.Fatal(err)
	}
	keyPEM, certPEM := pemOf("PRIVATE KEY", der), pemOf("CERTIFICATE", good.Raw)
	put := func(content string, mode os.FileMode) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
		}
	}
	cases := []struct {
		name string
		make func(*testing.T, string)
		want string
	}{
		{"no marker", put(keyPEM+pemOf("CERTIFICATE", leaf(t, key, func(c *x509.Certificate) { c.ExtraExtensions = nil }).Raw), 0o600), "marker extension 1.3.6.1.4.1.51150.13.1 is missing"},
		{"another key", put(pemOf("PRIVATE KEY", otherDER)+certPEM, 0o600), "for another key"},
		{"readable by others", put(keyPEM+certPEM, 0o644), "others can read or write it (mode 0644; 0600 is expected)"},
		{"no key", put(certPEM, 0o600), "a PRIVATE KEY and a CERTIFICATE are expected"},
		{"no certificate", put(keyPEM, 0o600), "a PRIVATE KEY and a CERTIFICATE are expected"},
		{"two keys", put(keyPEM+keyPEM+certPEM, 0o600), "two keys"},
		{"a broken key", put(pemOf("PRIVATE KEY", []byte("hunter2"))+certPEM, 0o600), "its key cannot be read"},
		{"a broken certificate", put(keyPEM+pemOf("CERTIFICATE", []byte("x")), 0o600), "certificate 1 cannot be read"},
		{"an old kind of key", put(pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))+certPEM, 0o600), `PEM block "RSA PRIVATE KEY"`},
		{"too long", put(strings.Repeat("x", maxFile+1), 0o600), "longer than"},
		{"empty", put("", 0o600), "are expected in it"},
		{"a link", func(t *testing.T, path string) {
			put(keyPEM+certPEM, 0o600)(t, path+".real")
			if err := os.Symlink(path+".real", path); err != nil {
				t.Fatal(err)
			}
		}, "cannot be opened"},
		{"a pipe", func(t *testing.T, path string) {
			if err := unix.Mkfifo(path, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "no regular file"},
		{"another user's", func(t *testing.T, path string) {
			if os.Geteuid() != 0 {
				t.Skip("only root can give a file away")
			}
			put(keyPEM+certPEM, 0o600)(t, path)
			if err := os.Chown(path, 501, 20); err != nil {
				t.Fatal(err)
			}
		}, "owned by uid 501"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := Folder{Dir: t.TempDir(), Now: time.Now}
			c.make(t, filepath.Join(f.Dir, "device-1.pem"))
			_, err := f.Load()
			if !errors.Is(err, ErrNone) || !strings.Contains(err.Error(), "device-1.pem: ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v\nwant %s", err, c.want)
			}
		})
	}
}

func TestNothingThere(t *testing.T) {
	f := Folder{Dir: filepath.Join(t.TempDir(), "none"), Now: time.Now}
	if _, err := f.Certificate(t.Context()); !errors.Is(err, ErrNone) || !strings.Contains(err.Error(), "there is none") {
		t.Error(err)
	}
}

func TestStoreRefusals(t *testing.T) {
	key, other := keys()[0], keys()[1]
	f := Folder{Dir: t.TempDir(), Now: time.Now}
	if _, err := f.Store(other, []*x509.Certificate{leaf(t, key, nil)}); err == nil {
		t.Error("a certificate for another key was stored")
	}
	if _, err := f.Store(key, nil); err == nil {
		t.Error("no certificate was stored")
	}
	if err := os.Chmod(f.Dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Store(key, []*x509.Certificate{leaf(t, key, nil)}); err == nil || !strings.Contains(err.Error(), "only its owner") {
		t.Errorf("a folder that all can write was used: %v", err)
	}
	if entries, _ := os.ReadDir(f.Dir); len(entries) != 0 {
		t.Errorf("%d files are left", len(entries))
	}
}

func TestReadChallenge(t *testing.T) {
	path := filepath.Join(t.TempDir(), "challenge")
	for content, want := range map[string]string{"hunter2\n": "hunter2", " hunter2 \r\nmore": "hunter2", "hunter2": "hunter2"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := ReadChallenge(path); err != nil || string(got) != want {
			t.Errorf("%q: %d bytes, %v", content, len(got), err)
		}
	}
	for _, content := range []string{"", "\nhunter2", strings.Repeat("x", maxChallenge+1)} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadChallenge(path); err == nil {
			t.Errorf("%.20q was taken", content)
		}
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadChallenge(path); err == nil || !strings.Contains(err.Error(), "others can read") {
		t.Error(err)
	}
	if _, err := ReadChallenge(path + ".none"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	secret := Challenge("hunter2")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(verb, Enrolment{Challenge: secret}); strings.Contains(got, "hunter2") || strings.Contains(got, "68756e") {
			t.Errorf("%s shows it: %s", verb, got)
		}
	}
	if _, err := PromptChallenge(os.NewFile(^uintptr(0), "none"), os.Stderr); err == nil {
		t.Error("no terminal, and no error")
	}
}

func FuzzParse(f *testing.F) {
	key := keys()[0]
	raw, err := encode(key, []*x509.Certificate{leaf(f, key, nil)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := parse(raw)
		if (err == nil) != (c.Key != nil && len(c.Chain) > 0) {
			t.Fatalf("key %v, %d certificates, %v", c.Key != nil, len(c.Chain), err)
		}
		c.Err = err
		_ = unusable(c, time.Now())
	})
}
