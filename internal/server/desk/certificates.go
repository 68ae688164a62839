package desk

import (
	"context"
	"database/sql"
	"errors"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// Certificate is a Device Access certificate with the Mac that uses it.
type Certificate struct {
	pki.Issued
	Mac directory.Device // the zero one before the first check-in, and when it was deleted
}

// Certificates are the Device Access certificates that filter chooses, by
// pages; Page.After is the fingerprint of the last one. They name Macs, so that
// access.DevicesRead is needed besides access.OrgRead. Errors: *InvalidError.
func (k *Desk) Certificates(ctx context.Context, filter pki.Filter, p directory.Page) (found []Certificate, err error) {
	if err := access.Require(ctx, access.DevicesRead); err != nil {
		return nil, err
	}
	err = k.view(ctx, access.OrgRead, func(tx *sql.Tx) error {
		list, err := pki.ListIssued(ctx, tx, filter, p, k.Now())
		if errors.Is(err, pki.ErrFilter) {
			return invalid("filter", "%q, want %q, %q or %q", filter, pki.OnlyAll, pki.OnlyExpiring, pki.OnlyRevoked)
		}
		if err != nil {
			return err
		}
		for _, c := range list {
			mac, err := macOf(ctx, tx, c)
			if err != nil {
				return err
			}
			found = append(found, Certificate{Issued: c, Mac: mac})
		}
		return nil
	})
	return found, err
}

// macOf is the Mac that uses a certificate, or the zero one where there is none
// yet, or not any more.
func macOf(ctx context.Context, tx *sql.Tx, c pki.Issued) (directory.Device, error) {
	if c.DeviceID == "" {
		return directory.Device{}, nil
	}
	d, err := directory.DeviceByID(ctx, tx, c.DeviceID)
	if errors.Is(err, directory.ErrNotFound) {
		return directory.Device{}, nil
	}
	return d, err
}

// RevokeCertificate ends a certificate: the Mac that uses it cannot check in
// until it has another. Revoking it again does nothing. Errors:
// pki.ErrUnknownCertificate.
func (k *Desk) RevokeCertificate(ctx context.Context, fingerprint string) error {
	return k.update(ctx, access.EnrolmentManage, func(tx *sql.Tx) error {
		c, err := pki.FindIssued(ctx, tx, fingerprint)
		if err != nil || !c.RevokedAt.IsZero() {
			return err
		}
		if err := pki.RevokeCertificate(ctx, tx, fingerprint, k.Now()); err != nil {
			return err
		}
		targets := []systemlog.Target{{ID: fingerprint, Type: "Certificate", DisplayName: c.Subject}}
		mac, err := macOf(ctx, tx, c)
		if err != nil {
			return err
		}
		if mac.ID != "" {
			targets = append(targets, deviceTarget(mac))
		}
		return k.event(ctx, tx, systemlog.Event{Type: systemlog.CertificateRevoke, Message: "Device Access certificate revoked", Targets: targets})
	})
}
