package deviceapi

import (
	"context"
	"crypto/x509"
	"database/sql"
	"errors"
	"net/http"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// identity is the certificate that a Mac showed.
type identity struct {
	*x509.Certificate
	vouched     pki.Vouched
	fingerprint string
}

// certificate is the client's, verified and marked. The handshake has shown
// that the client has its key. Whether the certificate counts is asked again at
// each request, and not taken from the handshake: a connection may outlast the
// certificate, and the trust in its authority, which still has to be looked at
// with trusted.
func certificate(r *http.Request, trust Verifier) (identity, error) {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return identity{}, unknown("no client certificate was shown")
	}
	vouched, err := trust.Recall(r.Context(), r.TLS.PeerCertificates)
	if errors.Is(err, pki.ErrUntrusted) {
		return identity{}, unknown(pki.ErrUntrusted.Error())
	}
	if err != nil {
		return identity{}, err
	}
	cert := r.TLS.PeerCertificates[0]
	// Another certificate of the same authority, made for another purpose, must
	// not open this door.
	if !pki.HasMarker(cert) {
		return identity{}, unknown("the certificate lacks the Device Access marker")
	}
	return identity{Certificate: cert, vouched: vouched, fingerprint: pki.Fingerprint(cert)}, nil
}

// trusted is nil where who vouches for the certificate is trusted now.
func (id identity) trusted(chains map[string]bool) error {
	if !id.vouched.Stands(chains) {
		return unknown(pki.ErrUntrusted.Error())
	}
	return nil
}

// standing is why a Mac with that certificate is refused; nil is not.
func standing(d directory.Device, fingerprint string) error {
	switch {
	case d.Status != directory.Active:
		return refused(wire.RefusedSuspended, "The device is "+string(d.Status)+".")
	case fingerprint == d.Certificate:
		return nil
	case d.Certificate != "":
		return refused(wire.RefusedReenrolled, "The device has a new certificate that an administrator must confirm.")
	}
	return refused(wire.RefusedUnverified, "The device is new, and an administrator must confirm it.")
}

// Reader runs transactions that read.
type Reader interface {
	View(ctx context.Context, do func(tx *sql.Tx) error) error
}

// Door lets Macs in to what is not a check-in: those whose certificate is bound
// to them, and that may check in.
type Door struct {
	Trust Verifier
	DB    Reader
}

// Enter is the Mac that makes the request. The error is an *apierror.Error, as
// at a check-in, or the database's.
func (d *Door) Enter(r *http.Request) (mac directory.Device, err error) {
	id, err := certificate(r, d.Trust)
	if err != nil {
		return mac, err
	}
	err = d.DB.View(r.Context(), func(tx *sql.Tx) error {
		chains, err := pki.ChainIDs(r.Context(), tx)
		if err != nil {
			return err
		}
		if err := id.trusted(chains); err != nil {
			return err
		}
		cert, err := pki.FindCertificate(r.Context(), tx, id.fingerprint)
		if errors.Is(err, pki.ErrUnknownCertificate) {
			return unknown("the certificate is unknown here, or revoked")
		}
		if err != nil {
			return err
		}
		mac, err = directory.DeviceByID(r.Context(), tx, cert.DeviceID)
		if errors.Is(err, directory.ErrNotFound) {
			// Who it is, a Mac says when it checks in.
			return refused(wire.RefusedUnverified, "The device has not checked in yet.")
		}
		if err != nil {
			return err
		}
		if cert.Renews != "" && cert.Renews == mac.Certificate {
			// Signed for with the bound one's key: its next check-in binds it, and
			// nobody must be shut out until then.
			return standing(mac, cert.Renews)
		}
		return standing(mac, id.fingerprint)
	})
	return mac, err
}
