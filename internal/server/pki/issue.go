package pki

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/smallstep/scep"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// Database runs transactions.
type Database interface {
	Update(ctx context.Context, do func(tx *sql.Tx) error) error
}

// Journal takes the events.
type Journal interface {
	Append(ctx context.Context, tx *sql.Tx, e systemlog.Event) error
}

// Issuer turns requests into certificates.
type Issuer struct {
	Authority  *Authority
	Challenges *Challenges
	DB         Database
	Log        Journal
	Now        func() time.Time
}

// issue makes the certificate that r asks for. The error is a *refusedError,
// which is also an event, or the database's.
func (i *Issuer) issue(ctx context.Context, r request, client systemlog.Client) (*x509.Certificate, error) {
	key, err := r.publicKey()
	if err != nil {
		return nil, i.refused(ctx, r, client, err)
	}
	var cert *x509.Certificate
	err = i.DB.Update(ctx, func(tx *sql.Tx) (err error) {
		switch r.MessageType {
		case scep.PKCSReq:
			cert, err = i.first(ctx, tx, r, key, client)
		case scep.RenewalReq:
			cert, err = i.renew(ctx, tx, r, key, client)
		default:
			// Refused by default: an UpdateReq, or a type of the future, has no
			// rule here that would authenticate it.
			err = refuse(scep.BadRequest, "message type %q is not taken", string(r.MessageType))
		}
		return err
	})
	if err != nil {
		return nil, i.refused(ctx, r, client, err)
	}
	return cert, nil
}

func (i *Issuer) first(ctx context.Context, tx *sql.Tx, r request, key *rsa.PublicKey, client systemlog.Client) (*x509.Certificate, error) {
	if err := r.newRequest(key); err != nil {
		return nil, err
	}
	challenge, err := i.Challenges.redeem(ctx, tx, r.ChallengePassword, i.Now())
	if errors.Is(err, ErrChallenge) {
		return nil, refuse(scep.BadRequest, "the challenge is unknown, used, expired or revoked")
	}
	if err != nil {
		return nil, err
	}
	subject := commonName(r.CSR.Subject.CommonName)
	return i.make(ctx, tx, key, subject, row{challengeID: challenge.ID, tiedSerial: store.Fold(challenge.Serial)}, systemlog.CertificateIssue, client)
}

func (i *Issuer) renew(ctx context.Context, tx *sql.Tx, r request, key *rsa.PublicKey, client systemlog.Client) (*x509.Certificate, error) {
	if err := i.Authority.renewal(r, i.Now()); err != nil {
		return nil, err
	}
	old, err := FindCertificate(ctx, tx, Fingerprint(r.signer))
	if errors.Is(err, ErrUnknownCertificate) {
		return nil, refuse(scep.BadCertID, "the certificate that signed the renewal is revoked")
	}
	if err != nil {
		return nil, err
	}
	if err := renewable(ctx, tx, old); err != nil {
		return nil, err
	}
	// The subject is that of the old certificate, whatever the request says: a
	// renewal changes the key, not the identity.
	from := row{tiedSerial: old.TiedSerial, renews: old.Fingerprint, deviceID: old.DeviceID}
	return i.make(ctx, tx, key, commonName(r.signer.Subject.CommonName), from, systemlog.CertificateRenew, client)
}

// renewable refuses a certificate whose Mac may not check in.
func renewable(ctx context.Context, tx *sql.Tx, old Certificate) error {
	if old.DeviceID == "" {
		return nil
	}
	d, err := directory.DeviceByID(ctx, tx, old.DeviceID)
	if err != nil {
		return err
	}
	if d.Status != directory.Active {
		return refuse(scep.BadRequest, "the device is %s", d.Status)
	}
	return nil
}

// commonName is the one part of the subject that is taken over: what else a
// request says of itself, nobody has checked.
func commonName(asked string) pkix.Name {
	const longest = 64 // ub-common-name of X.520
	if asked == "" || len(asked) > longest {
		asked = "Latchkey device"
	}
	return pkix.Name{CommonName: asked}
}

func (i *Issuer) make(ctx context.Context, tx *sql.Tx, key *rsa.PublicKey, subject pkix.Name, r row, event string, client systemlog.Client) (*x509.Certificate, error) {
	now := i.Now()
	cert, err := sign(&x509.Certificate{SerialNumber: serialNumber(), Subject: subject, NotBefore: now.Add(-backdate), NotAfter: now.Add(deviceLife),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true, ExtraExtensions: []pkix.Extension{marker()}}, i.Authority.Certificate, key, i.Authority.key)
	if err != nil {
		return nil, fmt.Errorf("sign a device certificate: %w", err)
	}
	if err := record(ctx, tx, cert, r, now); err != nil {
		return nil, err
	}
	return cert, i.Log.Append(ctx, tx, systemlog.Event{Type: event, Message: "Device Access certificate issued", Actor: systemlog.System(), Client: client,
		Targets: []systemlog.Target{{ID: Fingerprint(cert), Type: "Certificate", DisplayName: subject.CommonName}},
		Detail:  map[string]string{"challenge": r.challengeID, "tiedSerial": r.tiedSerial, "renews": r.renews}})
}

// refused makes an event of a refusal, in a transaction of its own: the one
// that it happened in is rolled back.
func (i *Issuer) refused(ctx context.Context, r request, client systemlog.Client, cause error) error {
	var refusal *refusedError
	if !errors.As(cause, &refusal) {
		return cause
	}
	err := i.DB.Update(ctx, func(tx *sql.Tx) error {
		return i.Log.Append(ctx, tx, systemlog.Event{Type: systemlog.ChallengeRefused, Severity: systemlog.Warn, Actor: systemlog.System(), Client: client,
			Message: "Device Access certificate refused", Outcome: systemlog.Outcome{Result: systemlog.Denied, Reason: refusal.reason}})
	})
	return errors.Join(cause, err)
}
