package pki

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/asn1"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
)

// markerOID marks a Device Access certificate, as Okta's own do.
func markerOID() asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 51150, 13, 1}
}

// marker is the extension: INTEGER 1.
func marker() pkix.Extension {
	return pkix.Extension{Id: markerOID(), Value: []byte{asn1.TagInteger, 1, 1}}
}

// HasMarker reports whether a certificate carries the Device Access marker.
func HasMarker(c *x509.Certificate) bool {
	for _, e := range c.Extensions {
		if !e.Id.Equal(markerOID()) {
			continue
		}
		var v int
		rest, err := asn1.Unmarshal(e.Value, &v)
		return err == nil && len(rest) == 0 && v == 1
	}
	return false
}

// ErrUnknownCertificate is one that this server did not issue, or has revoked.
var ErrUnknownCertificate = errors.New("the certificate is unknown here, or revoked")

// Certificate is what is known of one that was issued, here or by an authority
// of the org's own.
type Certificate struct {
	Fingerprint string
	TiedSerial  string // folded; the challenge named this serial number
	ChallengeAt time.Time
	Renews      string // fingerprint of the one that signed for it; "" when that is revoked, and vouches for none
	DeviceID    string // of the Mac that uses it; "" before its first check-in
}

// FindCertificate is what is known of the certificate. The error is
// ErrUnknownCertificate, or the database's.
func FindCertificate(ctx context.Context, tx *sql.Tx, fingerprint string) (Certificate, error) {
	found, err := FindCertificates(ctx, tx, []string{fingerprint})
	if err != nil {
		return Certificate{}, err
	}
	c, ok := found[fingerprint]
	if !ok {
		return Certificate{}, ErrUnknownCertificate
	}
	return c, nil
}

// FindCertificates are those of the fingerprints that are known and not revoked.
func FindCertificates(ctx context.Context, tx *sql.Tx, fingerprints []string) (map[string]Certificate, error) {
	list, args := store.Among(nil, fingerprints)
	one := func(s store.Scanner) (c Certificate, err error) {
		var challenged sql.NullInt64
		err = s.Scan(&c.Fingerprint, &c.TiedSerial, &c.Renews, &c.DeviceID, &challenged)
		c.ChallengeAt = store.Time(challenged)
		return c, err
	}
	rows, err := store.All(ctx, tx, one, `SELECT c.fingerprint, c.tied_serial, COALESCE(r.fingerprint, ''), c.device_id, s.created_at FROM certificates c
		LEFT JOIN certificates r ON r.fingerprint = c.renews AND r.revoked_at IS NULL
		LEFT JOIN scep_challenges s ON s.id = c.challenge_id WHERE c.fingerprint IN (`+list+`) AND c.revoked_at IS NULL`, args...)
	if err != nil {
		return nil, fmt.Errorf("read certificates: %w", err)
	}
	found := map[string]Certificate{}
	for _, c := range rows {
		found[c.Fingerprint] = c
	}
	return found, nil
}

// FindOwn is what is known of a certificate of an authority of the org's own,
// which Trust has verified. It is recorded when it is met for the first time,
// so that it can be revoked like one that was issued here. The error is
// ErrUnknownCertificate for one that is revoked, or the database's.
func FindOwn(ctx context.Context, tx *sql.Tx, c *x509.Certificate) (Certificate, error) {
	fingerprint := Fingerprint(c)
	found, err := FindCertificate(ctx, tx, fingerprint)
	if !errors.Is(err, ErrUnknownCertificate) {
		return found, err
	}
	// Its serial number is unique among those of its authority only.
	_, err = tx.ExecContext(ctx, `INSERT INTO certificates (fingerprint, serial_number, subject, challenge_id, tied_serial, renews, device_id, issued_at, not_after, own)
		VALUES ($1, $2, $3, '', '', '', '', $4, $5, TRUE) ON CONFLICT DO NOTHING`, fingerprint, "own "+fingerprint, Subject(c), c.NotBefore.UnixMicro(), c.NotAfter.UnixMicro())
	if err != nil {
		return Certificate{}, fmt.Errorf("record certificate %s: %w", fingerprint, err)
	}
	return FindCertificate(ctx, tx, fingerprint)
}

// Assign says which Mac uses a certificate. It never moves to another.
func Assign(ctx context.Context, tx *sql.Tx, fingerprint, deviceID string) error {
	_, err := tx.ExecContext(ctx, `UPDATE certificates SET device_id = $2 WHERE fingerprint = $1 AND device_id = ''`, fingerprint, deviceID)
	if err != nil {
		return fmt.Errorf("assign certificate %s: %w", fingerprint, err)
	}
	return nil
}

// RevokeCertificate ends a certificate: it opens nothing any more.
func RevokeCertificate(ctx context.Context, tx *sql.Tx, fingerprint string, now time.Time) error {
	_, err := tx.ExecContext(ctx, `UPDATE certificates SET revoked_at = COALESCE(revoked_at, $2) WHERE fingerprint = $1`, fingerprint, store.Micros(now))
	if err != nil {
		return fmt.Errorf("revoke certificate %s: %w", fingerprint, err)
	}
	return nil
}
