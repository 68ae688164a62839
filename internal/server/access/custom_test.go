package access_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
)

// book is a database of roles and groups.
type book struct {
	*testing.T
	db *store.DB
}

func newBook(t *testing.T) book { return book{t, newDB(t)} }

func (b book) tx(do func(ctx context.Context, tx *sql.Tx) error) error {
	return b.db.Update(b.Context(), func(tx *sql.Tx) error { return do(b.Context(), tx) })
}

func (b book) create(name string, holds ...access.Permission) (r access.CustomRole, err error) {
	err = b.tx(func(ctx context.Context, tx *sql.Tx) error {
		r, err = access.CreateRole(ctx, tx, name, holds, epoch())
		return err
	})
	return r, err
}

// allows is what a caller in the role may do, by the guard.
func (b book) allows(role access.Role, p access.Permission) bool {
	b.Helper()
	c := access.Caller{TokenID: "adm1", Role: role}
	if err := b.tx(func(ctx context.Context, tx *sql.Tx) (err error) {
		c.Grant, err = access.GrantOf(ctx, tx, role, "adm1")
		return err
	}); err != nil {
		b.Fatal(err)
	}
	ctx, _ := access.With(b.Context(), c)
	return access.Require(ctx, p) == nil
}

// What each custom role may do: what it was given, PINs with all of a Mac, and
// nothing of what decides about everybody.
func TestCustomRolesByPermission(t *testing.T) {
	b := newBook(t)
	for name, row := range map[string]struct{ given, may []access.Permission }{
		"PINs alone":   {[]access.Permission{access.PINGenerate}, []access.Permission{access.PINGenerate}},
		"Macs":         {[]access.Permission{access.DevicesManage}, []access.Permission{access.DevicesManage, access.PINGenerate}},
		"Desk Night":   {[]access.Permission{access.DevicesRead, access.FactorsReset}, []access.Permission{access.DevicesRead, access.FactorsReset}},
		"Nearly super": {access.Grantable(), access.Grantable()},
	} {
		r, err := b.create(name, row.given...)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range append(access.Permissions(), "made.up", "") {
			if want := slices.Contains(row.may, p); b.allows(r.Key, p) != want || r.Allows(p) != want {
				t.Errorf("%s, %s: want allowed %v", r.Key, p, want)
			}
		}
	}
	for _, p := range access.Permissions() {
		if b.allows("custom-none", p) || b.allows("", p) || b.allows("CUSTOM-MACS", p) {
			t.Errorf("a role that is not there holds %s", p)
		}
	}
}

func TestRolesThatCannotBeMade(t *testing.T) {
	b := newBook(t)
	if r, err := b.create("  Desk (Night) é9 ", access.PINGenerate, access.DevicesRead, access.PINGenerate); err != nil || r.Key != "custom-desk-night-é9" ||
		r.Name != "Desk (Night) é9" || !slices.Equal(r.Permissions, []access.Permission{access.DevicesRead, access.PINGenerate}) {
		t.Errorf("%+v %v", r, err)
	}
	for name, holds := range map[string][]access.Permission{
		"settings": {access.SettingsManage}, "admins": {access.DevicesRead, access.AdminsManage}, "invented": {"okta.all"}, "none": nil, "": {access.DevicesRead},
		" - ": {access.DevicesRead}, "a\x00b": {access.DevicesRead}, "a\xffb": {access.DevicesRead}, strings.Repeat("x", 65): {access.DevicesRead},
	} {
		if _, err := b.create(name, holds...); !errors.Is(err, access.ErrValue) {
			t.Errorf("%.20q %v: %v", name, holds, err)
		}
	}
	if _, err := b.create("desk NIGHT é9", access.DevicesRead); !errors.Is(err, access.ErrRoleTaken) {
		t.Error(err)
	}
	for i := range 49 {
		if _, err := b.create(fmt.Sprint("r", i), access.DevicesRead); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.create("one too many", access.DevicesRead); !errors.Is(err, access.ErrValue) {
		t.Error(err)
	}
}

// What somebody wrote into the database by hand gives no more than a role can have.
func TestStoredPermissionsAreBounded(t *testing.T) {
	b := newBook(t)
	err := b.tx(func(_ context.Context, tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO custom_roles (role_key, name, permissions, created_at, updated_at) VALUES ('custom-x', 'x', $1, 1, 1), ('super-admin', 'y', $1, 1, 1)`,
			string(access.AdminsManage)+" "+string(access.OrgRead)+" rubbish")
		return err
	})
	if err != nil || b.allows("custom-x", access.AdminsManage) || !b.allows("custom-x", access.OrgRead) {
		t.Errorf("%v", err)
	}
}

func TestRolesAreChangedAndDeleted(t *testing.T) {
	b := newBook(t)
	r, err := b.create("Desk", access.DevicesRead, access.PINGenerate)
	if err != nil {
		t.Fatal(err)
	}
	change := func(key access.Role, holds ...access.Permission) error {
		return b.tx(func(ctx context.Context, tx *sql.Tx) error {
			_, _, err := access.ChangeRole(ctx, tx, key, holds, epoch())
			return err
		})
	}
	if err := change(r.Key, access.DevicesRead); err != nil || b.allows(r.Key, access.PINGenerate) {
		t.Errorf("%v: the permission is still held", err)
	}
	if err := change(r.Key, access.AdminsManage); !errors.Is(err, access.ErrValue) {
		t.Error(err)
	}
	if err := change("custom-none", access.DevicesRead); !errors.Is(err, access.ErrNoRole) {
		t.Error(err)
	}
	remove := func(at time.Time) error {
		return b.tx(func(ctx context.Context, tx *sql.Tx) error {
			_, err := access.DeleteRole(ctx, tx, r.Key, at)
			return err
		})
	}
	err = b.tx(func(ctx context.Context, tx *sql.Tx) error {
		_, _, err := access.Create(ctx, tx, access.Caller{Name: "n", Login: "sam", Role: "Custom-Desk "}, epoch(), epoch().Add(time.Hour))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := remove(epoch()); !errors.Is(err, access.ErrRoleHeld) || !strings.Contains(err.Error(), "1 API tokens") {
		t.Error(err)
	}
	if err := remove(epoch().Add(time.Hour)); err != nil || b.allows(r.Key, access.DevicesRead) { // the token is over
		t.Errorf("%v: a deleted role allows something", err)
	}
	if err := remove(epoch()); !errors.Is(err, access.ErrNoRole) {
		t.Error(err)
	}
	err = b.tx(func(ctx context.Context, tx *sql.Tx) error {
		_, _, err := access.Create(ctx, tx, access.Caller{Name: "n", Login: "sam", Role: r.Key}, epoch(), time.Time{})
		return err
	})
	if !errors.Is(err, access.ErrValue) || !strings.Contains(err.Error(), "help-desk-admin") {
		t.Errorf("a token of a role that is gone: %v", err)
	}
}
