package pki

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"database/sql"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
)

// Bounds of the chains of the org's own authorities.
const (
	MaxChain        = 64 << 10 // bytes of one that is uploaded
	maxCertificates = 10       // in one
	maxChains       = 20
)

// Chain is one or more certificates of an authority of the org's own. Each of
// them is trusted: with what it signs itself, and with what an authority below
// it does.
type Chain struct {
	ID           string // SHA-256 of the certificates in their order, hex
	Certificates []*x509.Certificate
	CreatedBy    string
	CreatedAt    time.Time
}

// ChainError is a chain that is not taken.
type ChainError struct{ Problem string }

// Error is the problem, for who uploads the chain. It never holds what was
// uploaded but the subject of a certificate.
func (e *ChainError) Error() string { return e.Problem }

func noChain(format string, args ...any) error {
	return &ChainError{Problem: fmt.Sprintf(format, args...)}
}

// ReadChain reads 1 to 10 certificates of authorities from PEM, of which none
// may have expired. Text between them is passed over. The error is a
// *ChainError.
func ReadChain(raw []byte, now time.Time) ([]*x509.Certificate, error) {
	switch {
	case len(raw) > MaxChain:
		return nil, noChain("it has %d bytes, at most %d", len(raw), MaxChain)
	case bytes.Contains(raw, []byte("PRIVATE KEY")):
		// Before anything is parsed, and also where it is damaged: no key is kept
		// here, not even in an error.
		return nil, noChain("there is a private key in it. Nothing was stored. Upload the certificates only, and keep the key where it was")
	}
	found, err := certificates(raw)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for i, c := range found {
		if problem := noAuthority(c, now); problem != "" {
			return nil, noChain("certificate %d (%s) %s", i+1, Subject(c), problem)
		}
		if seen[Fingerprint(c)] {
			return nil, noChain("certificate %d (%s) is in it twice", i+1, Subject(c))
		}
		seen[Fingerprint(c)] = true
	}
	return found, nil
}

// certificates are those of a PEM text, 1 to 10.
func certificates(raw []byte) (found []*x509.Certificate, err error) {
	blocks := 0
	for rest := raw; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		blocks++
		if block.Type != "CERTIFICATE" {
			return nil, noChain("block %d is a %.40q, and no certificate", blocks, block.Type)
		}
		if blocks > maxCertificates {
			return nil, noChain("it has more than %d certificates", maxCertificates)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, noChain("certificate %d cannot be read", blocks)
		}
		found = append(found, c)
	}
	begun := bytes.Count(raw, []byte("-----BEGIN "))
	switch {
	case begun == 0:
		return nil, noChain("it is no PEM: there is no line -----BEGIN CERTIFICATE----- in it")
	case begun != blocks:
		// The decoder passes over what is damaged, and half a chain would be taken.
		return nil, noChain("%d of %d blocks are damaged or cut off", begun-blocks, begun)
	}
	return found, nil
}

// noAuthority says why a certificate cannot be that of an authority.
func noAuthority(c *x509.Certificate, now time.Time) string {
	switch {
	case !c.BasicConstraintsValid || !c.IsCA:
		return "is no certificate of an authority: upload those of the CA, not those of devices"
	case c.KeyUsage != 0 && c.KeyUsage&x509.KeyUsageCertSign == 0:
		return "may not sign certificates"
	case now.After(c.NotAfter):
		return "expired on " + c.NotAfter.UTC().Format(time.DateOnly)
	case now.Before(c.NotBefore):
		return "is not valid before " + c.NotBefore.UTC().Format(time.DateOnly)
	}
	return ""
}

// Subject is whom a certificate names, cut to what fits a line.
func Subject(c *x509.Certificate) string {
	const longest = 200
	s := c.Subject.String()
	return strings.ToValidUTF8(s[:min(len(s), longest)], "")
}

// AddChain has the certificates of an authority of the org's own be trusted.
// The error is a *ChainError, or the database's.
func AddChain(ctx context.Context, tx *sql.Tx, raw []byte, by string, now time.Time) (Chain, error) {
	found, err := ReadChain(raw, now)
	if err != nil {
		return Chain{}, err
	}
	have, err := Chains(ctx, tx)
	if err != nil {
		return Chain{}, err
	}
	sum, text := sha256.New(), []byte{}
	for _, c := range found {
		_, _ = sum.Write(c.Raw)
		text = append(text, PEM(c)...) // and not what was uploaded: text between the blocks may be anything
	}
	made := Chain{ID: hex.EncodeToString(sum.Sum(nil)), Certificates: found, CreatedBy: by, CreatedAt: now}
	for _, h := range have {
		if h.ID == made.ID {
			return Chain{}, noChain("it is trusted already")
		}
	}
	if len(have) >= maxChains {
		return Chain{}, noChain("%d chains are trusted already: remove one that is not needed any more", len(have))
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO own_chains (id, certificates, created_by, created_at) VALUES ($1, $2, $3, $4)`, made.ID, string(text), by, store.Micros(now))
	if err != nil {
		return Chain{}, fmt.Errorf("store a chain: %w", err)
	}
	return made, nil
}

func scanChain(s store.Scanner) (c Chain, err error) {
	var text string
	var created sql.NullInt64
	if err := s.Scan(&c.ID, &text, &c.CreatedBy, &created); err != nil {
		return c, err
	}
	c.CreatedAt = store.Time(created)
	c.Certificates, err = certificates([]byte(text))
	return c, err
}

// Chains are those of the org's own authorities, the oldest first. Also one
// that has expired since is among them.
func Chains(ctx context.Context, tx *sql.Tx) ([]Chain, error) {
	found, err := store.All(ctx, tx, scanChain, `SELECT id, certificates, created_by, created_at FROM own_chains ORDER BY created_at, id`)
	if err != nil {
		return nil, fmt.Errorf("list chains: %w", err)
	}
	return found, nil
}

// ChainIDs are the ids of all chains.
func ChainIDs(ctx context.Context, tx *sql.Tx) (map[string]bool, error) {
	found, err := store.All(ctx, tx, func(s store.Scanner) (id string, err error) { return id, s.Scan(&id) }, `SELECT id FROM own_chains`)
	if err != nil {
		return nil, fmt.Errorf("list chains: %w", err)
	}
	ids := map[string]bool{}
	for _, id := range found {
		ids[id] = true
	}
	return ids, nil
}

// ErrUnknownChain is an id that does not exist.
var ErrUnknownChain = errors.New("there is no chain with that id")

// RemoveChain ends the trust in an authority: no certificate of it opens
// anything any more. Errors: ErrUnknownChain.
func RemoveChain(ctx context.Context, tx *sql.Tx, id string) (Chain, error) {
	c, err := scanChain(tx.QueryRowContext(ctx, `DELETE FROM own_chains WHERE id = $1 RETURNING id, certificates, created_by, created_at`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return Chain{}, ErrUnknownChain
	}
	if err != nil {
		return Chain{}, fmt.Errorf("remove chain %.80s: %w", id, err)
	}
	return c, nil
}
