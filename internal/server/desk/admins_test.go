package desk_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/desk"
	"github.com/latchkey-mfa/latchkey/internal/server/signin"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// accountWrites are the operations on administrators and tokens.
func accountWrites() []operation {
	return []operation{
		{"CreateAdmin", access.SuperAdmin, systemlog.UserCreate, func(ctx context.Context, o *org, m mac) error {
			_, _, err := o.CreateAdmin(ctx, signin.NewAdmin{Login: adminOf(m, "new"), Name: "New", Role: access.HelpDeskAdmin})
			return err
		}},
		{"SuspendAdmin", access.SuperAdmin, systemlog.UserSuspend, func(ctx context.Context, o *org, m mac) error { return o.SuspendAdmin(ctx, o.adminID("in", m)) }},
		{"UnsuspendAdmin", access.SuperAdmin, systemlog.UserUnsuspend, func(ctx context.Context, o *org, m mac) error {
			return o.UnsuspendAdmin(ctx, o.adminID("out", m))
		}},
		{"SetAdminRole", access.SuperAdmin, systemlog.PrivilegeGrant, func(ctx context.Context, o *org, m mac) error {
			return o.SetAdminRole(ctx, o.adminID("in", m), access.OrgAdmin)
		}},
		{"SetAdminScope", access.SuperAdmin, systemlog.PrivilegeGrant, func(ctx context.Context, o *org, m mac) error {
			return o.SetAdminScope(ctx, o.adminID("in", m), []string{"Full " + m.serial})
		}},
		{"ResetAdmin", access.SuperAdmin, systemlog.ResetFactors, func(ctx context.Context, o *org, m mac) error {
			_, _, err := o.ResetAdmin(ctx, o.adminID("in", m))
			return err
		}},
		{"RemoveAdmin", access.SuperAdmin, systemlog.UserDelete, func(ctx context.Context, o *org, m mac) error { return o.RemoveAdmin(ctx, o.adminID("out", m)) }},
		{"CreateToken", access.SuperAdmin, systemlog.TokenCreate, func(ctx context.Context, o *org, m mac) error {
			_, _, err := o.CreateToken(ctx, desk.NewToken{Name: "new", Login: m.login, Role: access.OrgAdmin, Scopes: []string{"okta.devices.read"}})
			return err
		}},
		{"RevokeToken", access.SuperAdmin, systemlog.TokenRevoke, func(ctx context.Context, o *org, m mac) error { return o.RevokeToken(ctx, o.tokenID(m)) }},
	}
}

// Who is suspended or removed has no token that opens anything; others' stay.
func TestTokensGoWithTheirAdministrator(t *testing.T) {
	o := newOrg(t)
	ctx := as(access.SuperAdmin)
	a, _, err := o.CreateAdmin(ctx, signin.NewAdmin{Login: "Kim@example.com", Name: "Kim", Role: access.HelpDeskAdmin})
	if err != nil {
		t.Fatal(err)
	}
	_, theirs, err := o.CreateToken(ctx, desk.NewToken{Name: "t", Login: "kim@example.com", Role: access.HelpDeskAdmin})
	_, others, other := o.CreateToken(ctx, desk.NewToken{Name: "t", Login: "sam@example.com", Role: access.HelpDeskAdmin, Life: time.Hour})
	if err := errors.Join(err, other); err != nil {
		t.Fatal(err)
	}
	good := func(text string) bool {
		return o.db.View(t.Context(), func(tx *sql.Tx) error { _, _, err := access.Find(t.Context(), tx, text, o.now); return err }) == nil
	}
	expect := func(when string, want bool) {
		t.Helper()
		if good(theirs) != want || !good(others) {
			t.Errorf("%s: theirs %v, another's %v", when, good(theirs), good(others))
		}
	}
	expect("at first", true)
	if err := o.RemoveAdmin(ctx, a.ID); !errors.Is(err, signin.ErrState) {
		t.Errorf("removed without a suspension: %v", err)
	}
	for _, step := range []struct {
		name string
		do   func(ctx context.Context, id string) error
		want bool
	}{{"suspended", o.SuspendAdmin, false}, {"let in again", o.UnsuspendAdmin, true}, {"suspended again", o.SuspendAdmin, false}, {"removed", o.RemoveAdmin, false}} {
		if err := step.do(ctx, a.ID); err != nil {
			t.Fatal(step.name, err)
		}
		expect(step.name, step.want)
	}
	if events := o.events(); events[len(events)-1].Type != systemlog.TokenRevoke {
		t.Errorf("the last event is %+v", events[len(events)-1])
	}
	if _, _, err := o.CreateAdmin(ctx, signin.NewAdmin{Login: "kim@example.com", Name: "Another Kim", Role: access.HelpDeskAdmin}); err != nil {
		t.Errorf("the login is not free again: %v", err)
	}
	expect("another with that login", false)
}

// Nobody changes their own account by their own token, in whatever case.
func TestOnesOwnAccountIsAnothersToChange(t *testing.T) {
	o := newOrg(t)
	a, _, err := o.CreateAdmin(as(access.SuperAdmin), signin.NewAdmin{Login: "Super-Admin@example.com", Name: "Me", Role: access.ReadOnlyAdmin})
	if err != nil {
		t.Fatal(err)
	}
	before := len(o.events())
	if err := o.SetAdminRole(as(access.SuperAdmin), a.ID, access.SuperAdmin); !errors.Is(err, signin.ErrState) || len(o.events()) != before {
		t.Errorf("%v, %d events", err, len(o.events())-before)
	}
}

// A token gives no scope that it does not have, and none is more than all.
func TestATokenGivesNoMoreThanItHas(t *testing.T) {
	o := newOrg(t)
	ctx, _ := access.With(t.Context(), access.Caller{TokenID: "tok1", Login: "a@example.com", Role: access.SuperAdmin, Scopes: []access.Permission{access.AdminsManage, access.LogsRead}})
	for scopes, good := range map[string]bool{"okta.logs.read": true, "okta.devices.read": false, "": false, "latchkey.settings.manage": false, "made.up": false} {
		n := desk.NewToken{Name: "t", Login: "b@example.com", Role: access.SuperAdmin}
		if scopes != "" {
			n.Scopes = []string{scopes}
		}
		_, _, err := o.CreateToken(ctx, n)
		if (err == nil) != good || err != nil && !errors.Is(err, access.ErrValue) {
			t.Errorf("%q: %v", scopes, err)
		}
	}
	var bad *desk.InvalidError
	for _, life := range []time.Duration{-1, time.Second, access.MaxLife + 1} {
		if _, _, err := o.CreateToken(as(access.SuperAdmin), desk.NewToken{Name: "t", Login: "b", Role: access.OrgAdmin, Life: life}); !errors.As(err, &bad) {
			t.Errorf("%s: %v", life, err)
		}
	}
	made, _, err := o.CreateToken(as(access.SuperAdmin), desk.NewToken{Name: "t", Login: "b", Role: access.OrgAdmin})
	if want := o.now.Add(access.UsualLife); err != nil || !made.ExpiresAt.Equal(want) {
		t.Errorf("good until %s, %v, want %s", made.ExpiresAt, err, want)
	}
}
