package identity

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrNone: there is no certificate that can be used. The error that wraps it
// says of each one why not.
var ErrNone = errors.New("no Device Access certificate can be used")

// ErrExpired: a certificate was right but for its age. There is no renewal over
// SCEP: the MDM has to bring a new one.
var ErrExpired = errors.New("expired")

// markerOID is the extension by which Device Access finds its certificates: an
// INTEGER 1 under Okta's arc.
func markerOID() asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 51150, 13, 1}
}

// HasMarker reports whether a certificate is one for Device Access.
func HasMarker(c *x509.Certificate) bool {
	for _, e := range c.Extensions {
		if !e.Id.Equal(markerOID()) {
			continue
		}
		var n int
		rest, err := asn1.Unmarshal(e.Value, &n)
		return err == nil && len(rest) == 0 && n == 1
	}
	return false
}

// Candidate is an identity that was found, or what hindered reading it.
type Candidate struct {
	Name  string // for the person: a file's name
	Key   crypto.Signer
	Chain []*x509.Certificate // the leaf first
	Err   error
}

// Newest is the candidate that was issued last, of those that are valid at now
// and have the marker, as the product takes it. Of two that were issued at the
// same time the one that lasts longer is newer. The error wraps ErrNone, and with
// it ErrExpired or what hindered a candidate.
func Newest(candidates []Candidate, now time.Time) (Candidate, error) {
	var best *Candidate
	none := passedOver{}
	for i := range candidates {
		c := &candidates[i]
		if why := unusable(*c, now); why != nil {
			none = append(none, fmt.Errorf("%s: %w", c.Name, why))
			continue
		}
		if best == nil || newer(c.Chain[0], best.Chain[0]) {
			best = c
		}
	}
	if best == nil {
		return Candidate{}, none
	}
	return *best, nil
}

// passedOver are the reasons why no candidate was taken.
type passedOver []error

// Error names each of them.
func (p passedOver) Error() string {
	if len(p) == 0 {
		return ErrNone.Error() + ": there is none"
	}
	said := make([]string, len(p))
	for i, why := range p {
		said[i] = why.Error()
	}
	return ErrNone.Error() + ": " + strings.Join(said, "; ")
}

// Unwrap is ErrNone, and the reasons.
func (p passedOver) Unwrap() []error { return append([]error{ErrNone}, p...) }

func newer(a, b *x509.Certificate) bool {
	switch {
	case !a.NotBefore.Equal(b.NotBefore):
		return a.NotBefore.After(b.NotBefore)
	case !a.NotAfter.Equal(b.NotAfter):
		return a.NotAfter.After(b.NotAfter)
	}
	return bytes.Compare(a.Raw, b.Raw) > 0 // whatever their order, the same one each time
}

// unusable says why a candidate is passed over, nil if it is not.
func unusable(c Candidate, now time.Time) error {
	if c.Err != nil {
		return c.Err
	}
	if c.Key == nil || len(c.Chain) == 0 {
		return errors.New("a key and a certificate are needed")
	}
	switch leaf := c.Chain[0]; {
	case !fits(c.Key, leaf):
		return errors.New("the certificate is for another key")
	case !HasMarker(leaf):
		return errors.New("the Device Access marker extension " + markerOID().String() + " is missing")
	case now.Before(leaf.NotBefore):
		return errors.New("not valid before " + leaf.NotBefore.UTC().Format(time.RFC3339))
	case now.After(leaf.NotAfter):
		return fmt.Errorf("%w at %s", ErrExpired, leaf.NotAfter.UTC().Format(time.RFC3339))
	case !forClients(leaf):
		return errors.New("not issued for client authentication")
	}
	return nil
}

func fits(key crypto.Signer, leaf *x509.Certificate) bool {
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(leaf.PublicKey)
}

// forClients is what crypto/tls will ask of it as well, said before a server
// does.
func forClients(leaf *x509.Certificate) bool {
	if leaf.KeyUsage != 0 && leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		return false
	}
	if len(leaf.ExtKeyUsage)+len(leaf.UnknownExtKeyUsage) == 0 {
		return true
	}
	for _, usage := range leaf.ExtKeyUsage {
		if usage == x509.ExtKeyUsageClientAuth || usage == x509.ExtKeyUsageAny {
			return true
		}
	}
	return false
}

// tlsCertificate is a candidate as crypto/tls wants it.
func (c Candidate) tlsCertificate() tls.Certificate {
	out := tls.Certificate{PrivateKey: c.Key, Leaf: c.Chain[0]}
	for _, cert := range c.Chain {
		out.Certificate = append(out.Certificate, cert.Raw)
	}
	return out
}
