package pki

import (
	"context"
	"crypto/x509"
	"database/sql"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Reader runs transactions that read.
type Reader interface {
	View(ctx context.Context, do func(tx *sql.Tx) error) error
}

// Trust decides which certificates of Macs are of an authority that counts:
// this server's, or one of the org's own.
type Trust struct {
	Authority *Authority
	DB        Reader
	Now       func() time.Time
}

// ErrUntrusted is a certificate of no authority that counts, or one that is
// not good now, or not for this.
var ErrUntrusted = errors.New("the certificate is not of an authority that is trusted here, or has expired")

// Verify checks the first of the certificates that a Mac showed; those after it
// may be of authorities in between. own tells that an authority of the org's
// own has issued it. That it is not revoked, and carries the marker, is the
// caller's to check. The error is ErrUntrusted, or the database's.
//
// The chains are read each time, so that one that was removed opens nothing
// from that moment on; only for who shows a certificate that this server's
// authority has not issued.
func (t *Trust) Verify(ctx context.Context, shown []*x509.Certificate) (own bool, err error) {
	if len(shown) == 0 {
		return false, ErrUntrusted
	}
	first := t.verify(shown, t.Authority.Pool())
	if first == nil {
		return false, nil
	}
	pool, err := t.ownPool(ctx)
	if err != nil {
		return false, err
	}
	if err := t.verify(shown, pool); err != nil {
		return false, fmt.Errorf("%w: %w; %w", ErrUntrusted, first, err)
	}
	return true, nil
}

func (t *Trust) ownPool(ctx context.Context) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	err := t.DB.View(ctx, func(tx *sql.Tx) error {
		chains, err := Chains(ctx, tx)
		for _, chain := range chains {
			for _, c := range chain.Certificates {
				pool.AddCert(c)
			}
		}
		return err
	})
	return pool, err
}

func (t *Trust) verify(shown []*x509.Certificate, roots *x509.CertPool) error {
	between := x509.NewCertPool()
	for _, c := range shown[1:] {
		between.AddCert(c)
	}
	// An authority may call the marker critical, which Go then has to be told it
	// was seen to: by a copy, since the certificate is others' too.
	leaf := *shown[0]
	leaf.UnhandledCriticalExtensions = slices.DeleteFunc(slices.Clone(leaf.UnhandledCriticalExtensions), func(id asn1.ObjectIdentifier) bool { return id.Equal(markerOID()) })
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: t.Now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	return err
}
