package macos

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// played is a key in a keychain: it is asked by the name of an algorithm, and
// signs as Security.framework says that it does under that name.
type played struct {
	key   crypto.Signer
	names *[]string
}

func (p played) Public() crypto.PublicKey { return p.key.Public() }

func (p played) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	name, err := algorithm(p.key.Public(), digest, opts)
	if err != nil {
		return nil, err
	}
	*p.names = append(*p.names, name)
	hash := map[string]crypto.Hash{"SHA256": crypto.SHA256, "SHA384": crypto.SHA384, "SHA512": crypto.SHA512}[name[len(name)-6:]]
	if strings.Contains(name, "PSS") {
		return p.key.Sign(rand.Reader, digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash})
	}
	return p.key.Sign(rand.Reader, digest, hash)
}

// TestTLSWithTheNames: a handshake with a client certificate comes about by the
// names alone, for each kind of key and each version that a server may speak.
func TestTLSWithTheNames(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]crypto.Signer{"RSA": rsaKey}
	for name, curve := range map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384()} {
		if keys[name], err = ecdsa.GenerateKey(curve, rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	for name, key := range keys {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(fmt.Sprintf("%s %s", name, tls.VersionName(version)), func(t *testing.T) {
				var names []string
				if err := handshake(t, key, played{key, &names}, version); err != nil {
					t.Fatal(err)
				}
				if len(names) != 1 || !slices.Contains(algorithms(), names[0]) {
					t.Errorf("signed as %q", names)
				}
			})
		}
	}
}

// handshake is one whose server checks the client's signature.
func handshake(t *testing.T, key, client crypto.Signer, version uint16) error {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mac"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	here, there := net.Pipe()
	defer here.Close()
	server := tls.Server(there, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, ClientAuth: tls.RequireAnyClientCert, MaxVersion: version})
	ended := make(chan error, 1)
	go func() { defer there.Close(); ended <- server.HandshakeContext(t.Context()) }()
	config := &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: client}}}
	conn := tls.Client(here, config)
	asked := conn.HandshakeContext(t.Context())
	if asked == nil {
		_, _ = io.Copy(io.Discard, conn) // until the server has said what it thinks
	}
	_ = here.Close()
	if err := <-ended; err != nil {
		return err
	}
	return asked
}

func TestAlgorithmRefusals(t *testing.T) {
	rsaKey, ed := &rsa.PublicKey{}, ed25519.PublicKey{}
	for _, tt := range []struct {
		name   string
		public crypto.PublicKey
		size   int
		opts   crypto.SignerOpts
		want   string
	}{
		{"SHA-1", rsaKey, 20, crypto.SHA1, "SHA-1 is not taken"},
		{"no hash", rsaKey, 32, crypto.Hash(0), "is not taken"},
		{"a short digest", rsaKey, 31, crypto.SHA256, "a digest of 31 bytes is no SHA-256"},
		{"another salt", rsaKey, 32, &rsa.PSSOptions{SaltLength: 20, Hash: crypto.SHA256}, "a salt of 20 bytes"},
		{"a salt as long as it can be", rsaKey, 32, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto, Hash: crypto.SHA256}, "a salt of 0 bytes"},
		{"another kind of key", ed, 32, crypto.SHA256, "ed25519.PublicKey are not taken"},
	} {
		if name, err := algorithm(tt.public, make([]byte, tt.size), tt.opts); name != "" || err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %q, %v; want %q", tt.name, name, err, tt.want)
		}
	}
}

// FuzzIdentity: a certificate's key, or an error that says what is wrong.
func FuzzIdentity(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(der)
	f.Add([]byte{0x30, 0})
	f.Fuzz(func(t *testing.T, der []byte) {
		if public, err := publicKey(der); err != nil && (public != nil || !strings.Contains(err.Error(), "cannot be read")) {
			t.Errorf("%v with %v", public, err)
		}
	})
}
