package pki

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
)

// Soon is how long before its end a certificate counts as expiring.
const Soon = 30 * 24 * time.Hour

// State is what a certificate that was issued is good for.
type State string

// The states.
const (
	Good     State = "good"
	Expiring State = "expiring" // good, and ends within Soon
	Expired  State = "expired"
	Revoked  State = "revoked"
)

// Filter chooses from the certificates that were issued.
type Filter string

// The filters, each with its order.
const (
	OnlyAll      Filter = "all"      // the newest first
	OnlyExpiring Filter = "expiring" // that are Expiring, the one that ends first first
	OnlyRevoked  Filter = "revoked"  // the one that was revoked last first
)

// Issued is a certificate in the list of those that were issued.
type Issued struct {
	Fingerprint string
	Subject     string
	Own         bool   // an authority of the org's own did, and a Mac has shown it here
	TiedSerial  string // folded; the challenge named this serial number
	DeviceID    string // of the Mac that uses it; "" before its first check-in
	IssuedAt    time.Time
	NotAfter    time.Time
	RevokedAt   time.Time // zero is never
}

// State is what the certificate is good for.
func (i Issued) State(now time.Time) State {
	switch {
	case !i.RevokedAt.IsZero():
		return Revoked
	case now.After(i.NotAfter):
		return Expired
	case now.Add(Soon).After(i.NotAfter):
		return Expiring
	}
	return Good
}

const issuedColumns = `c.fingerprint, c.subject, c.own, c.tied_serial, c.device_id, c.issued_at, c.not_after, c.revoked_at`

func scanIssued(s store.Scanner) (i Issued, err error) {
	var issued, ends, revoked sql.NullInt64
	err = s.Scan(&i.Fingerprint, &i.Subject, &i.Own, &i.TiedSerial, &i.DeviceID, &issued, &ends, &revoked)
	i.IssuedAt, i.NotAfter, i.RevokedAt = store.Time(issued), store.Time(ends), store.Time(revoked)
	return i, err
}

// ErrFilter is a filter that there is not.
var ErrFilter = errors.New("there is no such filter of certificates")

// ListIssued are the certificates that f chooses; p.After is the fingerprint of
// the last one of the page before. Errors: ErrFilter.
func ListIssued(ctx context.Context, tx *sql.Tx, f Filter, p directory.Page, now time.Time) ([]Issued, error) {
	// Each page starts behind a row, not at a number of rows: what is issued
	// meanwhile moves none to another page. $1 and $2 stand in every query, since
	// not every database lets one be left out.
	by, down, where := "", "<", ""
	switch f {
	case OnlyAll:
		by, where = "issued_at", "$2 > CAST(0 AS BIGINT)"
	case OnlyExpiring:
		by, down, where = "not_after", ">", fmt.Sprintf("c.revoked_at IS NULL AND c.not_after >= $2 AND c.not_after < $2 + CAST(%d AS BIGINT)", Soon.Microseconds())
	case OnlyRevoked:
		by, where = "revoked_at", "c.revoked_at IS NOT NULL AND $2 > CAST(0 AS BIGINT)"
	default:
		return nil, ErrFilter
	}
	order := map[string]string{"<": "DESC", ">": "ASC"}[down]
	found, err := store.All(ctx, tx, scanIssued, fmt.Sprintf(`SELECT %[1]s FROM certificates c WHERE %[2]s
		AND ($1 = '' OR (c.%[3]s, c.fingerprint) %[4]s (SELECT l.%[3]s, l.fingerprint FROM certificates l WHERE l.fingerprint = $1))
		ORDER BY c.%[3]s %[5]s, c.fingerprint %[5]s LIMIT %[6]d`, issuedColumns, where, by, down, order, min(max(p.Limit, 1), directory.MaxPage)),
		p.After, store.Micros(now))
	if err != nil {
		return nil, fmt.Errorf("list certificates: %w", err)
	}
	return found, nil
}

// FindIssued is one certificate of the list, also a revoked one. Errors:
// ErrUnknownCertificate.
func FindIssued(ctx context.Context, tx *sql.Tx, fingerprint string) (Issued, error) {
	found, err := scanIssued(tx.QueryRowContext(ctx, `SELECT `+issuedColumns+` FROM certificates c WHERE c.fingerprint = $1`, fingerprint))
	if errors.Is(err, sql.ErrNoRows) {
		return Issued{}, ErrUnknownCertificate
	}
	if err != nil {
		return Issued{}, fmt.Errorf("read certificate %s: %w", fingerprint, err)
	}
	return found, nil
}
