package deviceapi

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/hex"
	"errors"
	"net/http"

	"github.com/latchkey-mfa/latchkey/internal/server/apierror"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/recovery"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// unknown is the answer to who has no certificate that counts.
func unknown(cause string) *apierror.Error {
	return apierror.New(http.StatusUnauthorized, "A Device Access certificate of this server is needed.", cause)
}

// refused is a 403 with its reason.
func refused(reason, summary string) *apierror.Error {
	e := apierror.New(http.StatusForbidden, summary)
	e.Body.Reason = reason
	return e
}

// bind finds the Mac that the certificate belongs to. An *apierror.Error is
// the answer to the Mac, and what was written before it is committed: a claim
// that waits for an administrator, and its event.
func (s *Server) bind(ctx context.Context, tx *sql.Tx, p *picture, id identity, in wire.CheckIn) (directory.Device, error) {
	cert, err := known(ctx, tx, p, id)
	if errors.Is(err, pki.ErrUnknownCertificate) {
		return directory.Device{}, unknown("the certificate is unknown here, or revoked")
	}
	if err != nil {
		return directory.Device{}, err
	}
	d, err := p.device(in)
	missing := errors.Is(err, directory.ErrNotFound)
	if err != nil && !missing {
		return directory.Device{}, err
	}
	if why := foreign(cert, d, in); why != "" {
		return directory.Device{}, s.impostor(ctx, tx, id.fingerprint, in, why)
	}
	if missing {
		d, err = s.welcome(ctx, tx, cert, in)
	} else {
		err = s.rebind(ctx, tx, &d, cert, in)
	}
	if err != nil {
		return d, err
	}
	return d, s.admit(ctx, tx, &d, cert, in)
}

// known is what is known of the certificate. Of this server's authority none is
// good but those that it recorded when it issued them.
func known(ctx context.Context, tx *sql.Tx, p *picture, id identity) (pki.Certificate, error) {
	if found, ok := p.certificates[id.fingerprint]; ok {
		return found, nil
	}
	if id.vouched.Own {
		return pki.FindOwn(ctx, tx, id.Certificate)
	}
	return pki.Certificate{}, pki.ErrUnknownCertificate
}

// foreign says why the certificate cannot belong to the Mac that shows it.
func foreign(cert pki.Certificate, d directory.Device, in wire.CheckIn) string {
	switch {
	case cert.TiedSerial != "" && cert.TiedSerial != store.Fold(in.Device.Serial):
		return "the certificate was issued for another serial number"
	case cert.DeviceID != "" && cert.DeviceID != d.ID:
		return "the certificate belongs to another device"
	}
	return ""
}

func (s *Server) impostor(ctx context.Context, tx *sql.Tx, fingerprint string, in wire.CheckIn, why string) error {
	err := s.Log.Append(ctx, tx, systemlog.Event{Type: systemlog.DeviceClaim, Severity: systemlog.Error, Message: "A certificate was shown by a device that it is not for",
		Actor:   systemlog.Actor{ID: fingerprint, Type: "Device", AlternateID: in.Device.Serial, DisplayName: in.Device.Name},
		Outcome: systemlog.Outcome{Result: systemlog.Denied, Reason: why}})
	if err != nil {
		return err
	}
	return refused(wire.RefusedUnverified, "The certificate is not this device's.")
}

// welcome makes a Mac that was never seen. A challenge tied to this serial
// number counts as an administrator's confirmation: who made it named the Mac.
// One that serves a fleet confirms nothing.
func (s *Server) welcome(ctx context.Context, tx *sql.Tx, cert pki.Certificate, in wire.CheckIn) (directory.Device, error) {
	d := directory.Device{UDID: in.Device.UDID, Serial: in.Device.Serial, Trust: directory.Unverified, Claim: cert.Fingerprint}
	if cert.TiedSerial != "" {
		d.Bind(cert.Fingerprint)
	}
	describe(&d, in)
	d, err := directory.CreateDevice(ctx, tx, d, s.Now())
	if err != nil {
		return d, err
	}
	if err := pki.Assign(ctx, tx, cert.Fingerprint, d.ID); err != nil {
		return d, err
	}
	return d, s.Log.Append(ctx, tx, systemlog.Event{Type: systemlog.DeviceEnrol, Message: "Enroll new device", Actor: recovery.DeviceActor(d),
		Targets: []systemlog.Target{target(d)}, Detail: map[string]string{"trust": string(d.Trust), "certificate": cert.Fingerprint}})
}

// rebind settles what a certificate other than the bound one means.
func (s *Server) rebind(ctx context.Context, tx *sql.Tx, d *directory.Device, cert pki.Certificate, in wire.CheckIn) error {
	fresh := cert.DeviceID == ""
	switch {
	case cert.Fingerprint == d.Certificate || cert.Fingerprint == d.Claim:
		return nil
	case d.Certificate != "" && (proves(*d, in.Token) || cert.Renews == d.Certificate):
		// The token of the earlier binding, or a signature with its key, shows
		// that it is the same Mac with its store intact, whoever has issued the
		// certificate (design §11).
		d.Trust, d.Certificate, d.Claim = directory.Bound, cert.Fingerprint, ""
	case fresh && cert.TiedSerial != "":
		// As in welcome. Only at the certificate's first check-in: an old one
		// cannot come back and push out its successor.
		d.Bind(cert.Fingerprint)
	case fresh:
		return s.claim(ctx, tx, d, cert)
	default:
		// A certificate that this Mac has replaced. It opens no new claim.
		return refused(wire.RefusedReenrolled, "The device has a newer certificate.")
	}
	if err := errors.Join(pki.Assign(ctx, tx, cert.Fingerprint, d.ID), directory.SaveDevice(ctx, tx, d, s.Now())); err != nil {
		return err
	}
	return s.bindingEvent(ctx, tx, *d, cert, systemlog.Outcome{Result: systemlog.Success, Reason: "bound"})
}

// claim lets a new certificate of a known Mac wait. The one bound before goes
// on working: nobody can push a Mac out by claiming to be it.
func (s *Server) claim(ctx context.Context, tx *sql.Tx, d *directory.Device, cert pki.Certificate) error {
	d.Claim = cert.Fingerprint
	if d.Certificate != "" {
		d.Trust = directory.Reenrolled
	}
	if err := errors.Join(pki.Assign(ctx, tx, cert.Fingerprint, d.ID), directory.SaveDevice(ctx, tx, d, s.Now())); err != nil {
		return err
	}
	return s.bindingEvent(ctx, tx, *d, cert, systemlog.Outcome{Result: systemlog.Denied, Reason: "waits for an administrator"})
}

func (s *Server) bindingEvent(ctx context.Context, tx *sql.Tx, d directory.Device, cert pki.Certificate, o systemlog.Outcome) error {
	return s.Log.Append(ctx, tx, systemlog.Event{Type: systemlog.DeviceClaim, Severity: systemlog.Warn, Message: "A device came with a new certificate",
		Actor: recovery.DeviceActor(d), Targets: []systemlog.Target{target(d)}, Outcome: o, Detail: map[string]string{"certificate": cert.Fingerprint}})
}

// admit refuses what may not check in.
func (s *Server) admit(ctx context.Context, tx *sql.Tx, d *directory.Device, cert pki.Certificate, in wire.CheckIn) error {
	no := standing(*d, cert.Fingerprint)
	if no == nil || d.Status != directory.Active || d.Certificate != "" {
		return no
	}
	// What it says of itself is kept for the administrator who decides.
	describe(d, in)
	if err := directory.SaveDevice(ctx, tx, d, s.Now()); err != nil {
		return err
	}
	return no
}

// describe takes over what a Mac says of itself.
func describe(d *directory.Device, in wire.CheckIn) {
	d.Name, d.Model, d.OS, d.Agent, d.Zone = in.Device.Name, in.Device.Model, in.Device.OS, in.Device.Agent, in.Device.Zone
}

func target(d directory.Device) systemlog.Target {
	return systemlog.Target{ID: d.ID, Type: "Device", AlternateID: d.Serial, DisplayName: d.Label()}
}

// digest is how a device token is kept. It has 130 random bits and needs no
// slow hash.
func digest(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

func same(hash, token string) bool {
	return hash != "" && token != "" && subtle.ConstantTimeCompare([]byte(hash), []byte(digest(token))) == 1
}

func proves(d directory.Device, token string) bool {
	return same(d.TokenHash, token) || same(d.TokenBeforeHash, token)
}
