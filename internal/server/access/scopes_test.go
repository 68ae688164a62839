package access_test

import (
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
)

// A request needs the permission from the role and the scope from the token.
func TestScopesNarrowTheRole(t *testing.T) {
	for _, role := range access.Roles() {
		for _, scope := range access.Permissions() {
			c := access.Caller{Role: role, Scopes: []access.Permission{scope}}
			for _, p := range access.Permissions() {
				if got, want := c.Allows(p), role.Allows(p) && p == scope; got != want {
					t.Errorf("%s with the scope %s and %s: %v, want %v", role, scope, p, got, want)
				}
			}
		}
	}
	ctx, _ := access.With(t.Context(), access.Caller{Role: access.SuperAdmin, Scopes: []access.Permission{access.LogsRead}})
	if err := access.Require(ctx, access.DevicesRead); err == nil || err.Error() != "the token lacks the scope okta.devices.read" {
		t.Error(err)
	}
	if err := access.Require(ctx, "made.up"); err == nil || !strings.Contains(err.Error(), "role") {
		t.Error(err)
	}
}

func TestTokensKeepTheirScopes(t *testing.T) {
	db, ctx := newDB(t), t.Context()
	who := access.Caller{Name: "log reader", Login: "sam@example.com", Role: access.OrgAdmin, Scopes: []access.Permission{access.LogsRead, access.DevicesRead, access.LogsRead}}
	var text, id string
	err := db.Update(ctx, func(tx *sql.Tx) (err error) {
		text, id, err = access.Create(ctx, tx, who, epoch(), time.Time{})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	find := func(at time.Time) (c access.Caller, unnoted bool) {
		t.Helper()
		if err := db.View(ctx, func(tx *sql.Tx) error { c, unnoted, err = access.Find(ctx, tx, text, at); return err }); err != nil {
			t.Fatal(err)
		}
		return c, unnoted
	}
	c, unnoted := find(epoch())
	if len(c.Scopes) != 2 || !c.Allows(access.LogsRead) || !c.Allows(access.DevicesRead) || c.Allows(access.DevicesManage) || !unnoted {
		t.Errorf("%+v, unnoted %v", c, unnoted)
	}
	note := func(at time.Time) {
		if err := db.Update(ctx, func(tx *sql.Tx) error { return access.Note(ctx, tx, id, at) }); err != nil {
			t.Fatal(err)
		}
	}
	note(epoch())
	note(epoch().Add(-time.Hour)) // a clock that went back
	for after, want := range map[time.Duration]bool{0: false, 59 * time.Second: false, time.Minute: true, -time.Hour: false} {
		if _, unnoted := find(epoch().Add(after)); unnoted != want {
			t.Errorf("%s after its use: unnoted %v", after, unnoted)
		}
	}
	err = db.View(ctx, func(tx *sql.Tx) error {
		all, err := access.List(ctx, tx)
		if len(all) != 1 || !all[0].UsedAt.Equal(epoch()) || len(all[0].Scopes) != 2 {
			t.Errorf("%+v", all)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	who.Scopes = []access.Permission{"okta.everything"}
	err = db.Update(ctx, func(tx *sql.Tx) error { _, _, err := access.Create(ctx, tx, who, epoch(), time.Time{}); return err })
	if !errors.Is(err, access.ErrValue) || !strings.Contains(err.Error(), "okta.devices.read") {
		t.Error(err)
	}
	// Scopes that this version does not know narrow to nothing, and not to all.
	err = db.Update(ctx, func(tx *sql.Tx) error { _, err := tx.Exec(`UPDATE tokens SET scopes = 'okta.tomorrow'`); return err })
	if c, _ := find(epoch()); err != nil || c.Allows(access.LogsRead) || c.Allows(access.DevicesRead) {
		t.Errorf("%+v %v", c, err)
	}
}
