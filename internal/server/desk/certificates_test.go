package desk_test

import (
	"database/sql"
	"errors"
	"strings"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/desk"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

func TestACertificateIsRevokedOnce(t *testing.T) {
	o := newOrg(t)
	m, ctx := o.filled(), as(access.OrgAdmin)
	found, err := o.Certificates(ctx, pki.OnlyAll, directory.Page{Limit: 10})
	if err != nil || len(found) != 1 || found[0].Mac.Serial != m.serial || found[0].State(o.now) != pki.Expiring {
		t.Fatalf("%+v %v", found, err)
	}
	if err := errors.Join(o.RevokeCertificate(ctx, m.certificate), o.RevokeCertificate(ctx, m.certificate)); err != nil {
		t.Fatal(err)
	}
	var revoked []systemlog.Event
	for _, e := range o.events() {
		if e.Type == systemlog.CertificateRevoke {
			revoked = append(revoked, e)
		}
	}
	if len(revoked) != 1 || len(revoked[0].Targets) != 2 || revoked[0].Targets[0].ID != m.certificate || revoked[0].Targets[1].AlternateID != m.serial {
		t.Errorf("events %+v, want one with the certificate and the Mac", revoked)
	}
	o.update(func(tx *sql.Tx) error {
		if _, err := pki.FindCertificate(ctx, tx, m.certificate); !errors.Is(err, pki.ErrUnknownCertificate) {
			t.Errorf("it opens something: %v", err)
		}
		return nil
	})
	if err := o.RevokeCertificate(ctx, "none"); !errors.Is(err, pki.ErrUnknownCertificate) {
		t.Errorf("an unknown one: %v", err)
	}
	var bad *desk.InvalidError
	if _, err := o.Certificates(ctx, "some", directory.Page{Limit: 10}); !errors.As(err, &bad) || bad.Field != "filter" {
		t.Errorf("another filter: %v", err)
	}
	// A certificate whose Mac is gone is listed without it.
	o.update(func(tx *sql.Tx) error {
		_, err := tx.Exec(`UPDATE certificates SET device_id = 'devgone', revoked_at = NULL`)
		return err
	})
	if found, err := o.Certificates(ctx, pki.OnlyAll, directory.Page{Limit: 10}); err != nil || len(found) != 1 || found[0].Mac.ID != "" {
		t.Errorf("%+v %v", found, err)
	}
	if err := o.RevokeCertificate(ctx, m.certificate); err != nil {
		t.Error(err)
	}
}

// No key is kept, and none is in what is said of it.
func TestAChainWithAKeyLeavesNothing(t *testing.T) {
	o := newOrg(t)
	ctx, state, events := as(access.OrgAdmin), o.state(), len(o.events())
	const key = "MHcCAQEEIIrYSSNQFaA2Hwf1duRSxKtLYX5CB04fSeQ6tF1aY"
	var bad *desk.InvalidError
	_, err := o.AddChain(ctx, append(o.authority(), "-----BEGIN EC PRIVATE KEY-----\n"+key+"\n-----END EC PRIVATE KEY-----\n"...))
	if !errors.As(err, &bad) || bad.Field != "chain" || !strings.Contains(err.Error(), "private key") || strings.Contains(err.Error(), key[:9]) {
		t.Errorf("%v", err)
	}
	if o.state() != state || len(o.events()) != events {
		t.Error("something was done")
	}
	raw := o.authority()
	made, err := o.AddChain(ctx, raw)
	if err != nil || made.CreatedBy != "org-admin@example.com" {
		t.Fatalf("%+v %v", made, err)
	}
	if _, err := o.AddChain(ctx, raw); !errors.As(err, &bad) {
		t.Errorf("a second time: %v", err)
	}
	if err := o.RemoveChain(ctx, made.ID); err != nil || !errors.Is(o.RemoveChain(ctx, made.ID), pki.ErrUnknownChain) {
		t.Errorf("removed: %v", err)
	}
	added := o.events()[events:]
	if len(added) != 2 || added[0].Targets[0].DisplayName != "CN=Corp Devices" || added[1].Targets[0].ID != pki.Fingerprint(made.Certificates[0]) {
		t.Errorf("events %+v", added)
	}
}
