package desk_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// roleOf is the custom role that filled makes beside a Mac.
func roleOf(m mac) access.Role { return access.Role("custom-desk-" + strings.ToLower(m.serial)) }

func (o *org) filledRoles(m mac) {
	o.Helper()
	if _, err := o.CreateRole(as(access.SuperAdmin), "Desk "+m.serial, []access.Permission{access.DevicesRead}); err != nil {
		o.Fatal(err)
	}
}

// givenReads and givenWrites are the operations about who may do what.
func givenReads() []operation {
	return []operation{
		{"CustomRoles", access.ReadOnlyAdmin, "", func(ctx context.Context, o *org, _ mac) error { _, err := o.CustomRoles(ctx); return err }},
	}
}

func givenWrites() []operation {
	return []operation{
		{"CreateRole", access.SuperAdmin, systemlog.RoleCreate, func(ctx context.Context, o *org, m mac) error {
			_, err := o.CreateRole(ctx, "new "+m.serial, []access.Permission{access.DevicesRead})
			return err
		}},
		{"ChangeRole", access.SuperAdmin, systemlog.RoleUpdate, func(ctx context.Context, o *org, m mac) error {
			return o.ChangeRole(ctx, roleOf(m), []access.Permission{access.DevicesRead, access.FactorsReset})
		}},
		{"DeleteRole", access.SuperAdmin, systemlog.RoleDelete, func(ctx context.Context, o *org, m mac) error { return o.DeleteRole(ctx, roleOf(m)) }},
	}
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
