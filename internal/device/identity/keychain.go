package identity

import (
	"bytes"
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// maxChain bounds the certificates that are sent along, the leaf included.
const maxChain = 5

// Found is a certificate of a keychain with the use of its private key, or what
// hinders that.
type Found struct {
	Certificate []byte // DER
	Key         crypto.Signer
	Err         error
}

// Held is a keychain that holds identities. Every call ends within a bound of
// its own.
type Held interface {
	Identities(ctx context.Context) ([]Found, error)
	Certificates(ctx context.Context) ([][]byte, error)
}

// Keychain finds the identity that an MDM has put into the System keychain. It
// looks anew each time, so that a renewed certificate is used without a restart.
type Keychain struct {
	Held Held
	Now  func() time.Time
}

// Certificate is the identity in force, for TLS; its key signs inside the
// keychain. The error wraps ErrNone and says why each one with the marker was
// passed over, or is that of a keychain that is locked, says no, or hangs.
func (k Keychain) Certificate(ctx context.Context) (tls.Certificate, error) {
	found, err := k.Held.Identities(ctx)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("look for the Device Access certificate: %w", err)
	}
	best, err := Newest(marked(found), k.Now())
	if errors.Is(err, ErrNone) && len(found) > 0 && err.Error() == passedOver(nil).Error() {
		return tls.Certificate{}, fmt.Errorf("%w: none of the %d identities in the System keychain has the Device Access marker extension %s; look at the MDM's SCEP profile",
			ErrNone, len(found), markerOID())
	}
	if err != nil {
		return tls.Certificate{}, err
	}
	// A chain that cannot be read is left out: a server that knows the authority
	// needs none.
	if others, err := k.Held.Certificates(ctx); err == nil {
		best.Chain = chain(best.Chain[0], parsed(others))
	}
	return best.tlsCertificate(), nil
}

// marked are the identities with the marker. A System keychain has others, of
// the MDM and of macOS, which are nobody's business here; one whose certificate
// cannot be read may be ours, and is told of.
func marked(found []Found) (out []Candidate) {
	for i, f := range found {
		c := Candidate{Name: fmt.Sprintf("identity %d", i+1), Key: f.Key, Err: f.Err}
		leaf, err := x509.ParseCertificate(f.Certificate)
		if err != nil && f.Err == nil {
			c.Err = fmt.Errorf("its certificate cannot be read: %w", err)
		}
		if err == nil {
			if !HasMarker(leaf) {
				continue
			}
			c.Name, c.Chain = fmt.Sprintf("certificate %s", leaf.SerialNumber), []*x509.Certificate{leaf}
		}
		out = append(out, c)
	}
	return out
}

func parsed(raw [][]byte) (out []*x509.Certificate) {
	for _, der := range raw {
		if c, err := x509.ParseCertificate(der); err == nil {
			out = append(out, c)
		}
	}
	return out
}

// chain is the leaf and the authorities between it and its root, which the
// server has.
func chain(leaf *x509.Certificate, others []*x509.Certificate) []*x509.Certificate {
	out := []*x509.Certificate{leaf}
	for len(out) < maxChain {
		next := issuer(out[len(out)-1], others)
		if next == nil {
			break
		}
		out = append(out, next)
	}
	return out
}

// issuer is who has signed c, nil when that is a root or is not there.
func issuer(c *x509.Certificate, others []*x509.Certificate) *x509.Certificate {
	for _, o := range others {
		root := bytes.Equal(o.RawSubject, o.RawIssuer)
		if !root && o.IsCA && bytes.Equal(o.RawSubject, c.RawIssuer) && c.CheckSignatureFrom(o) == nil {
			return o
		}
	}
	return nil
}
