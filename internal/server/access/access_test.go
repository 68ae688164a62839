package access_test

import (
	"context"
	"database/sql"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/store/storetest"
)

func newDB(t *testing.T) *store.DB {
	t.Helper()
	return storetest.Open(t)
}

func epoch() time.Time { return time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC) }

// The whole matrix, so that a change of a role shows as a change of this test.
func TestRolesByPermission(t *testing.T) {
	const (
		x = true
		o = false
	)
	for _, row := range []struct {
		p                              access.Permission
		super, org, help, only, nobody bool
	}{
		{access.DevicesRead, x, x, x, x, o},
		{access.DevicesManage, x, x, o, o, o},
		{access.UsersRead, x, x, x, x, o},
		{access.UsersManage, x, x, o, o, o},
		{access.LogsRead, x, x, x, x, o},
		{access.OrgRead, x, x, x, x, o},
		{access.OrgManage, x, x, o, o, o},
		{access.PINGenerate, x, x, x, o, o},
		{access.FactorsReset, x, x, x, o, o},
		{access.EnrolmentManage, x, x, o, o, o},
		{access.SettingsManage, x, o, o, o, o},
		{access.AdminsManage, x, o, o, o, o},
		{access.Permission("made.up"), o, o, o, o, o},
	} {
		for role, want := range map[access.Role]bool{access.SuperAdmin: row.super, access.OrgAdmin: row.org,
			access.HelpDeskAdmin: row.help, access.ReadOnlyAdmin: row.only, access.Role("intruder"): row.nobody} {
			ctx, guard := access.With(t.Context(), access.Caller{Role: role})
			err := access.Require(ctx, row.p)
			var denied *access.DeniedError
			if (err == nil) != want || (err != nil && !errors.As(err, &denied)) {
				t.Errorf("%s, %s: %v, want allowed %v", role, row.p, err, want)
			}
			if !guard.Checked() {
				t.Errorf("%s, %s: the guard did not notice the check", role, row.p)
			}
		}
	}
}

func TestNoGuardIsDenied(t *testing.T) {
	if access.Require(context.Background(), access.DevicesRead) == nil {
		t.Fatal("a request without a caller was allowed")
	}
	if _, guard := access.With(t.Context(), access.Caller{Role: access.SuperAdmin}); guard.Checked() {
		t.Fatal("a guard counts as checked before anybody asked")
	}
}

func TestTokenLife(t *testing.T) {
	db, ctx := newDB(t), t.Context()
	who := access.Caller{Name: "phone desk", Login: "sam@example.com", Role: access.HelpDeskAdmin}
	var text, id string
	update := func(do func(tx *sql.Tx) error) error { return db.Update(ctx, do) }
	if err := update(func(tx *sql.Tx) (err error) {
		text, id, err = access.Create(ctx, tx, who, epoch(), epoch().Add(time.Hour))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	find := func(text string, at time.Time) (c access.Caller, err error) {
		err = db.View(ctx, func(tx *sql.Tx) error { c, _, err = access.Find(ctx, tx, text, at); return err })
		return c, err
	}
	who.TokenID = id
	if got, err := find(text, epoch()); err != nil || !reflect.DeepEqual(got, who) {
		t.Fatalf("%+v %v", got, err)
	}
	for name, wrong := range map[string]string{"empty": "", "no prefix": text[4:], "a digit off": text[:len(text)-1] + "!",
		"only the id": "lks_" + id, "empty secret": "lks_" + id + "_", "unknown id": "lks_tokx_" + strings.Repeat("A", 26), "long": text + strings.Repeat("A", 200)} {
		if _, err := find(wrong, epoch()); !errors.Is(err, access.ErrNoToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := find(text, epoch().Add(time.Hour)); !errors.Is(err, access.ErrNoToken) {
		t.Fatalf("an expired token: %v", err)
	}
	var stored string
	_ = db.View(ctx, func(tx *sql.Tx) error { return tx.QueryRow(`SELECT hash FROM tokens`).Scan(&stored) })
	if strings.Contains(text, stored) || strings.Contains(stored, text[len(text)-10:]) {
		t.Fatal("the database holds the token")
	}
	if err := update(func(tx *sql.Tx) error { return access.Revoke(ctx, tx, id, epoch()) }); err != nil {
		t.Fatal(err)
	}
	if _, err := find(text, epoch()); !errors.Is(err, access.ErrNoToken) {
		t.Fatalf("a revoked token: %v", err)
	}
	if err := update(func(tx *sql.Tx) error { return access.Revoke(ctx, tx, "tokzzz", epoch()) }); !errors.Is(err, access.ErrUnknown) {
		t.Fatal(err)
	}
}
