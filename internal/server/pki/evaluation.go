package pki

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/vault"
)

// EvaluationTLS makes a TLS certificate for hosts, names or IP addresses, under
// an authority of the server's own, which clients must be told to trust. It is
// for evaluation: production has a certificate from its own authority.
func EvaluationTLS(ctx context.Context, tx *sql.Tx, v *vault.Vault, hosts []string, now time.Time) (tls.Certificate, *x509.Certificate, error) {
	if len(hosts) == 0 {
		return tls.Certificate{}, nil, errors.New("make a TLS certificate: no host name is given")
	}
	ca, err := openEvaluation(ctx, tx, v, now)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("make a TLS key: %w", err)
	}
	template := &x509.Certificate{SerialNumber: serialNumber(), Subject: pkix.Name{CommonName: hosts[0]}, NotBefore: now.Add(-backdate),
		NotAfter: now.Add(serverLife), KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	cert, err := sign(template, ca.Certificate, key.Public(), ca.key)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("make a TLS certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{cert.Raw, ca.Certificate.Raw}, PrivateKey: key, Leaf: cert}, ca.Certificate, nil
}
