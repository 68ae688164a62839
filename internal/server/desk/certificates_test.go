package desk_test

import (
	"database/sql"
	"errors"
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
