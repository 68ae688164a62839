package pki

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"database/sql"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Reader runs transactions that read.
type Reader interface {
	View(ctx context.Context, do func(tx *sql.Tx) error) error
}

// Trust decides which certificates of Macs are of an authority that counts:
// this server's, or one of the org's own. It is safe for concurrent use.
type Trust struct {
	Authority *Authority
	DB        Reader
	Now       func() time.Time

	memory memory
}

// ErrUntrusted is a certificate of no authority that counts, or one that is
// not good now, or not for this.
var ErrUntrusted = errors.New("the certificate is not of an authority that is trusted here, or has expired")

// Vouched is who vouches for a certificate by a signature. That stays as it is;
// whether they are trusted at a moment, Stands says.
type Vouched struct {
	Own      bool     // an authority of the org's own does, and not this server's
	Chains   []string // those of the org's own that do, by id
	from, to time.Time
}

// Verify checks the first of the certificates that a Mac showed; those after it
// may be of authorities in between. That it is not revoked, and carries the
// marker, is the caller's to check. The error is ErrUntrusted, or the database's.
//
// The chains are read each time, so that one that was removed opens nothing
// from that moment on; only for who shows a certificate that this server's
// authority has not issued.
func (t *Trust) Verify(ctx context.Context, shown []*x509.Certificate) (Vouched, error) {
	if len(shown) == 0 {
		return Vouched{}, ErrUntrusted
	}
	from, to, first := t.verify(shown, t.Authority.Pool())
	if first == nil {
		return t.memory.keep(shown, Vouched{from: from, to: to}), nil
	}
	v, err := t.byOwn(ctx, shown)
	if errors.Is(err, ErrUntrusted) {
		return Vouched{}, fmt.Errorf("%w; %w", err, first)
	}
	if err != nil {
		return Vouched{}, err
	}
	return t.memory.keep(shown, v), nil
}

// Recall is Verify without the signatures, where those were found good before:
// they cost more than all else of a check-in. Whether the authority is still
// trusted is the caller's to ask, with Stands, in the transaction that counts.
func (t *Trust) Recall(ctx context.Context, shown []*x509.Certificate) (Vouched, error) {
	v, ok := t.memory.find(shown)
	if now := t.Now(); ok && !now.Before(v.from) && !now.After(v.to) {
		return v, nil
	}
	return t.Verify(ctx, shown)
}

// Stands reports whether who vouches is trusted still.
func (v Vouched) Stands(chains map[string]bool) bool {
	return !v.Own || slices.ContainsFunc(v.Chains, func(id string) bool { return chains[id] })
}

func (t *Trust) byOwn(ctx context.Context, shown []*x509.Certificate) (Vouched, error) {
	var chains []Chain
	err := t.DB.View(ctx, func(tx *sql.Tx) (err error) { chains, err = Chains(ctx, tx); return err })
	if err != nil {
		return Vouched{}, err
	}
	v, no := Vouched{Own: true}, ErrUntrusted
	for _, chain := range chains {
		pool := x509.NewCertPool()
		for _, c := range chain.Certificates {
			pool.AddCert(c)
		}
		from, to, err := t.verify(shown, pool)
		if err != nil {
			no = fmt.Errorf("%w; %w", no, err)
			continue
		}
		if len(v.Chains) == 0 || from.After(v.from) {
			v.from = from
		}
		if len(v.Chains) == 0 || to.Before(v.to) {
			v.to = to
		}
		v.Chains = append(v.Chains, chain.ID)
	}
	if len(v.Chains) == 0 {
		return Vouched{}, no
	}
	return v, nil
}

// verify is when the whole chain is good, if it is now.
func (t *Trust) verify(shown []*x509.Certificate, roots *x509.CertPool) (from, to time.Time, err error) {
	between := x509.NewCertPool()
	for _, c := range shown[1:] {
		between.AddCert(c)
	}
	// An authority may call the marker critical, which Go then has to be told it
	// was seen to: by a copy, since the certificate is others' too.
	leaf := *shown[0]
	leaf.UnhandledCriticalExtensions = slices.DeleteFunc(slices.Clone(leaf.UnhandledCriticalExtensions), func(id asn1.ObjectIdentifier) bool { return id.Equal(markerOID()) })
	found, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: t.Now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	if err != nil {
		return from, to, err
	}
	from, to = leaf.NotBefore, leaf.NotAfter
	for _, c := range found[0] {
		if c.NotBefore.After(from) {
			from = c.NotBefore
		}
		if c.NotAfter.Before(to) {
			to = c.NotAfter
		}
	}
	return from, to, nil
}

// memory is of signatures that were found good, for a bounded number of
// certificates.
type memory struct {
	mu   sync.Mutex
	good map[[sha256.Size]byte]Vouched
}

// maxRemembered is how many certificates are kept in mind: about 10 MB.
const maxRemembered = 50_000

// digestOf is of what was shown, in its order.
func digestOf(shown []*x509.Certificate) (sum [sha256.Size]byte) {
	h := sha256.New()
	for _, c := range shown {
		one := sha256.Sum256(c.Raw)
		h.Write(one[:])
	}
	h.Sum(sum[:0])
	return sum
}

func (m *memory) keep(shown []*x509.Certificate, v Vouched) Vouched {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.good == nil || len(m.good) >= maxRemembered {
		m.good = map[[sha256.Size]byte]Vouched{}
	}
	m.good[digestOf(shown)] = v
	return v
}

func (m *memory) find(shown []*x509.Certificate) (Vouched, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.good[digestOf(shown)]
	return v, ok
}
