package desk_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/desk"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/signin"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// roleOf is the custom role that filled makes beside a Mac.
func roleOf(m mac) access.Role { return access.Role("custom-desk-" + strings.ToLower(m.serial)) }

// filledRoles makes a role, a group without members, and one with the Mac's
// user, to whom the account is linked ahead.
func (o *org) filledRoles(m mac) {
	o.Helper()
	ctx := as(access.SuperAdmin)
	_, role := o.CreateRole(ctx, "Desk "+m.serial, []access.Permission{access.DevicesRead})
	_, empty := o.CreateGroup(ctx, "Empty "+m.serial)
	_, full := o.CreateGroup(ctx, "Full "+m.serial)
	_, _, member := o.AddMembers(ctx, []desk.Membership{{Group: "Full " + m.serial, Login: m.login}})
	_, _, waiting := o.CreateAdmin(ctx, signin.NewAdmin{Login: adminOf(m, "in"), Name: "In", Role: access.ReadOnlyAdmin})
	out, _, kept := o.CreateAdmin(ctx, signin.NewAdmin{Login: adminOf(m, "out"), Name: "Out", Role: access.ReadOnlyAdmin})
	shut := o.SuspendAdmin(ctx, out.ID)
	_, _, token := o.CreateToken(ctx, desk.NewToken{Name: adminOf(m, "token"), Login: "x@example.com", Role: access.ReadOnlyAdmin})
	_, link := o.SetPrelink(ctx, m.device, m.account, m.login)
	if err := errors.Join(role, empty, full, member, waiting, kept, shut, token, link); err != nil {
		o.Fatal(err)
	}
}

// adminOf is the login of an administrator beside a Mac: "in" waits to be set
// up, "out" is suspended; "token" is what a token is called.
func adminOf(m mac, which string) string { return strings.ToLower(which + m.serial) }

func (o *org) adminID(which string, m mac) (id string) {
	o.Helper()
	o.update(func(tx *sql.Tx) error {
		a, err := o.Accounts.AdminByLogin(context.Background(), tx, adminOf(m, which))
		id = a.ID
		return err
	})
	return id
}

func (o *org) tokenID(m mac) (id string) {
	o.Helper()
	o.update(func(tx *sql.Tx) error {
		return tx.QueryRow(`SELECT id FROM tokens WHERE name = $1`, adminOf(m, "token")).Scan(&id)
	})
	return id
}

// group is the id of a group beside a Mac.
func (o *org) group(kind string, m mac) (id string) {
	o.Helper()
	o.update(func(tx *sql.Tx) error {
		g, err := directory.GroupByName(context.Background(), tx, kind+" "+m.serial)
		id = g.ID
		return err
	})
	return id
}

// givenReads and givenWrites are the operations about who may do what.
func givenReads() []operation {
	return []operation{
		{"Groups", access.ReadOnlyAdmin, "", func(ctx context.Context, o *org, _ mac) error { _, err := o.Groups(ctx); return err }},
		{"Members", access.ReadOnlyAdmin, "", func(ctx context.Context, o *org, m mac) error {
			_, _, err := o.Members(ctx, o.group("Full", m), directory.Page{Limit: 10})
			return err
		}},
		{"Admins", access.ReadOnlyAdmin, "", func(ctx context.Context, o *org, _ mac) error { _, err := o.Admins(ctx); return err }},
		{"Admin", access.ReadOnlyAdmin, "", func(ctx context.Context, o *org, m mac) error { _, err := o.Admin(ctx, o.adminID("in", m)); return err }},
		{"Tokens", access.SuperAdmin, "", func(ctx context.Context, o *org, _ mac) error { _, err := o.Tokens(ctx); return err }},
		{"CustomRoles", access.ReadOnlyAdmin, "", func(ctx context.Context, o *org, _ mac) error { _, err := o.CustomRoles(ctx); return err }},
	}
}

func givenWrites() []operation {
	return append(accountWrites(), []operation{
		{"CreateRole", access.SuperAdmin, systemlog.RoleCreate, func(ctx context.Context, o *org, m mac) error {
			_, err := o.CreateRole(ctx, "new "+m.serial, []access.Permission{access.DevicesRead})
			return err
		}},
		{"ChangeRole", access.SuperAdmin, systemlog.RoleUpdate, func(ctx context.Context, o *org, m mac) error {
			return o.ChangeRole(ctx, roleOf(m), []access.Permission{access.DevicesRead, access.FactorsReset})
		}},
		{"CreateGroup", access.OrgAdmin, systemlog.GroupCreate, func(ctx context.Context, o *org, m mac) error {
			_, err := o.CreateGroup(ctx, "New "+m.serial)
			return err
		}},
		{"DeleteGroup", access.OrgAdmin, systemlog.GroupDelete, func(ctx context.Context, o *org, m mac) error { return o.DeleteGroup(ctx, o.group("Empty", m)) }},
		{"AddMembers", access.OrgAdmin, systemlog.MemberAdd, func(ctx context.Context, o *org, m mac) error {
			_, _, err := o.AddMembers(ctx, []desk.Membership{{Group: "empty " + m.serial, Login: m.login}})
			return err
		}},
		{"RemoveMember", access.OrgAdmin, systemlog.MemberRemove, func(ctx context.Context, o *org, m mac) error {
			return o.RemoveMember(ctx, o.group("Full", m), m.login)
		}},
		{"DeleteRole", access.SuperAdmin, systemlog.RoleDelete, func(ctx context.Context, o *org, m mac) error { return o.DeleteRole(ctx, roleOf(m)) }},
	}...)
}

// The events say what a role could do, and can.
func TestRolesAreTold(t *testing.T) {
	o := newOrg(t)
	ctx := as(access.SuperAdmin)
	r, err := o.CreateRole(ctx, "Desk, night", []access.Permission{access.DevicesRead})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(o.ChangeRole(ctx, r.Key, []access.Permission{access.DevicesRead, access.PINGenerate}), o.DeleteRole(ctx, r.Key)); err != nil {
		t.Fatal(err)
	}
	want := []string{"[okta.devices.read]", "[okta.devices.read] -> [okta.devices.read latchkey.recoveryPins.generate]", "[okta.devices.read latchkey.recoveryPins.generate]"}
	for i, e := range o.events() {
		if e.Detail["permissions"] != want[i] || e.Targets[0].ID != "custom-desk-night" || e.Targets[0].DisplayName != "Desk, night" {
			t.Errorf("%s: %+v", e.Type, e)
		}
	}
	if _, err := o.CreateRole(ctx, "x", []access.Permission{access.SettingsManage}); !errors.Is(err, access.ErrValue) {
		t.Error(err)
	}
}
