package pki

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
)

// The authorities, by the name of their row.
const (
	deviceAuthority     = "device"
	evaluationAuthority = "evaluation-tls"
)

// Lifetimes of certificates.
const (
	authorityLife = 10 * 365 * 24 * time.Hour
	deviceLife    = 365 * 24 * time.Hour
	serverLife    = 397 * 24 * time.Hour // the most that Apple's TLS client takes is 398 days
	backdate      = time.Hour            // for clocks that are behind
)

// Authority is a certificate authority with its key.
type Authority struct {
	Certificate *x509.Certificate
	key         crypto.Signer
}

// OpenDevice loads the authority of the Macs' certificates, or makes it. Its
// key is RSA: macOS's SCEP client takes no other.
func OpenDevice(ctx context.Context, tx *sql.Tx, v *vault.Vault, now time.Time) (*Authority, error) {
	return open(ctx, tx, v, now, deviceAuthority, "Latchkey Device CA",
		// digitalSignature and keyEncipherment besides certSign: the certificate
		// also signs and decrypts SCEP messages, and macOS checks that it may.
		x509.KeyUsageCertSign|x509.KeyUsageCRLSign|x509.KeyUsageDigitalSignature|x509.KeyUsageKeyEncipherment,
		func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 3072) })
}

func openEvaluation(ctx context.Context, tx *sql.Tx, v *vault.Vault, now time.Time) (*Authority, error) {
	return open(ctx, tx, v, now, evaluationAuthority, "Latchkey evaluation TLS CA (not for production)",
		x509.KeyUsageCertSign|x509.KeyUsageCRLSign,
		func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) })
}

func open(ctx context.Context, tx *sql.Tx, v *vault.Vault, now time.Time, name, title string, usage x509.KeyUsage, generate func() (crypto.Signer, error)) (*Authority, error) {
	var text, sealed string
	err := tx.QueryRowContext(ctx, `SELECT certificate, sealed_key FROM authorities WHERE name = $1`, name).Scan(&text, &sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return create(ctx, tx, v, now, name, title, usage, generate)
	}
	if err != nil {
		return nil, fmt.Errorf("read the %s authority: %w", name, err)
	}
	return load(v, name, text, sealed)
}

func load(v *vault.Vault, name, text, sealed string) (*Authority, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, fmt.Errorf("read the %s authority: its certificate is no PEM", name)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read the %s authority: %w", name, err)
	}
	der, err := v.Open(vault.ForPKI, sealed, name)
	if err != nil {
		return nil, fmt.Errorf("open the key of the %s authority: %w", name, err)
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("read the key of the %s authority: %w", name, err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("the key of the %s authority cannot sign", name)
	}
	return &Authority{Certificate: cert, key: signer}, nil
}

func create(ctx context.Context, tx *sql.Tx, v *vault.Vault, now time.Time, name, title string, usage x509.KeyUsage, generate func() (crypto.Signer, error)) (*Authority, error) {
	key, err := generate()
	if err != nil {
		return nil, fmt.Errorf("make the key of the %s authority: %w", name, err)
	}
	template := &x509.Certificate{SerialNumber: serialNumber(), Subject: pkix.Name{CommonName: title, Organization: []string{"Latchkey"}},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(authorityLife), KeyUsage: usage,
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true}
	cert, err := sign(template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make the certificate of the %s authority: %w", name, err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode the key of the %s authority: %w", name, err)
	}
	sealed, err := v.Seal(vault.ForPKI, der, name)
	if err != nil {
		return nil, fmt.Errorf("seal the key of the %s authority: %w", name, err)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO authorities (name, certificate, sealed_key) VALUES ($1, $2, $3)`, name, string(PEM(cert)), sealed)
	if err != nil {
		return nil, fmt.Errorf("store the %s authority: %w", name, err)
	}
	return &Authority{Certificate: cert, key: key}, nil
}

func sign(template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// serialNumber is 127 random bits.
func serialNumber() *big.Int {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[0] &= 0x7f
	return new(big.Int).SetBytes(b[:])
}

// Pool is the authority as the only root.
func (a *Authority) Pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.Certificate)
	return p
}

// PEM is the certificate as text.
func PEM(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

// Fingerprint is the SHA-256 of a certificate, in hex.
func Fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// row is where a certificate that was issued is kept.
type row struct {
	challengeID, tiedSerial, renews, deviceID string
}

func record(ctx context.Context, tx *sql.Tx, c *x509.Certificate, r row, now time.Time) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO certificates (fingerprint, serial_number, subject, challenge_id, tied_serial, renews, device_id, issued_at, not_after)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, Fingerprint(c), c.SerialNumber.Text(16), c.Subject.String(),
		r.challengeID, r.tiedSerial, r.renews, r.deviceID, store.Micros(now), store.Micros(c.NotAfter))
	if err != nil {
		return fmt.Errorf("record a certificate: %w", err)
	}
	return nil
}
