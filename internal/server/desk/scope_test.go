package desk_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/desk"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/recovery"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
)

// needs are the permissions of each operation.
func needs() map[string][]access.Permission {
	out := map[string][]access.Permission{"Issue": {access.DevicesRead, access.PINGenerate}, "Certificates": {access.DevicesRead, access.OrgRead}}
	for p, methods := range map[access.Permission]string{
		access.DevicesRead:      "Devices SearchDevices Owners Suggest Inside Macs Pending Disarmed Readiness NotReady Device DeviceUsers Account PINs OrgRules IntendedPolicy",
		access.UsersRead:        "Users User UserDevices Groups Members UserFactors",
		access.OrgRead:          "Settings CustomRoles Chains Admins Admin",
		access.LogsRead:         "Events ExportEvents VerifyLog",
		access.DevicesManage:    "ChangeDevice Confirm Reject ConfirmMany DeleteDevice",
		access.UsersManage:      "SetPrelink PrelinkMany CreateUser ChangeUser CreateGroup DeleteGroup AddMembers RemoveMember EnrolApp PendingApp ConfirmApp Invite",
		access.FactorsReset:     "ResetAccountFactors ResetUserFactors RemoveFactor UnblockPushes RevokeInvitation",
		access.PINGenerate:      "VoidPIN",
		access.EnrolmentManage:  "ListChallenges CreateChallenge RevokeChallenge RevokeCertificate AddChain RemoveChain",
		access.SettingsManage:   "SaveSettings SaveOrg SaveIntendedPolicy",
		access.LoginRightDisarm: "Disarm EndDisarm",
		access.AdminsManage:     "CreateRole ChangeRole DeleteRole CreateAdmin SuspendAdmin UnsuspendAdmin SetAdminRole SetAdminScope ResetAdmin RemoveAdmin Tokens CreateToken RevokeToken",
	} {
		for _, method := range strings.Fields(methods) {
			out[method] = []access.Permission{p}
		}
	}
	return out
}

// by is a request of a caller with a grant.
func by(role access.Role, grant access.Grant) context.Context {
	ctx, _ := access.With(context.Background(), access.Caller{TokenID: "tok1", Name: "test", Login: "kim@example.com", Role: role, Grant: grant})
	return desk.From(ctx, desk.Origin{RequestID: "req1"})
}

// A custom role does what its permissions are for, and nothing with all others.
func TestOperationsByCustomRole(t *testing.T) {
	for _, op := range append(reads(), writes()...) {
		wants := needs()[op.method]
		if wants == nil {
			t.Errorf("say in needs() what %s needs", op.method)
		}
		t.Run(op.method, func(t *testing.T) {
			t.Parallel() // they wait for the disk
			o := newOrg(t)
			others := slices.DeleteFunc(access.Grantable(), func(p access.Permission) bool {
				return slices.Contains(wants, p) || p == access.DevicesManage && slices.Contains(wants, access.PINGenerate)
			})
			m := o.filled()
			state := o.state()
			if err := op.do(by("custom-x", access.Grant{Holds: others}), o, m); !refused(err) || o.state() != state {
				t.Errorf("with all other permissions: %v", err)
			}
			if slices.ContainsFunc(wants, func(p access.Permission) bool { return !slices.Contains(access.Grantable(), p) }) {
				return
			}
			if err := op.do(by("custom-x", access.Grant{Holds: wants}), o, m); err != nil {
				t.Errorf("with %v: %v", wants, err)
			}
		})
	}
}

// refused: denied, or the PIN was.
func refused(err error) bool {
	var denied *access.DeniedError
	var refusal *recovery.Refusal
	return errors.As(err, &denied) || errors.As(err, &refusal) && refusal.Code == recovery.NotPermitted
}

// scoped is a request of an org admin who is there for the users of some Macs.
func (o *org) scoped(macs ...mac) context.Context {
	o.Helper()
	var groups []string
	for _, m := range macs {
		groups = append(groups, "Full "+m.serial)
	}
	ctx := context.Background()
	o.update(func(tx *sql.Tx) error { return access.SetScope(ctx, tx, "tok1", access.OrgAdmin, groups) })
	return by(access.OrgAdmin, access.Grant{Groups: groups})
}

// Each operation by somebody who is scoped: on what is theirs it is done, on
// what is others' it finds nothing and changes nothing, and what is about the
// whole org is refused.
func TestOperationsOfAScopedCaller(t *testing.T) {
	orgWide := []access.Permission{access.UsersManage, access.LogsRead, access.OrgRead, access.OrgManage, access.EnrolmentManage, access.SettingsManage, access.AdminsManage, access.LoginRightDisarm}
	lists := []string{"Devices", "SearchDevices", "Suggest", "Inside", "Macs", "Readiness", "NotReady", "OrgRules", "IntendedPolicy", "Users", "Groups", "ConfirmMany"} // which have no target to miss
	for _, op := range append(reads(), writes()...) {
		t.Run(op.method, func(t *testing.T) {
			t.Parallel() // they wait for the disk
			o := newOrg(t)
			theirs, others := o.filled(), o.filled()
			ctx := o.scoped(theirs)
			state, before := o.state(), len(o.events())
			err := op.do(ctx, o, others)
			wide := slices.ContainsFunc(needs()[op.method], func(p access.Permission) bool { return slices.Contains(orgWide, p) })
			switch added := o.events()[before:]; {
			case o.state() != state:
				t.Errorf("it changed what is others': %v", err)
			case wide && !refused(err), !wide && slices.Contains(lists, op.method) && err != nil, !wide && !slices.Contains(lists, op.method) && !errors.Is(err, directory.ErrNotFound):
				t.Errorf("on what is others': %v", err)
			case op.method == "Issue" && (len(added) != 1 || added[0].Outcome != systemlog.Outcome{Result: systemlog.Denied, Reason: string(recovery.OutOfScope)}):
				t.Errorf("events %+v, want one of the PIN that was refused", added)
			case op.method != "Issue" && len(added) != 0:
				t.Errorf("events %+v", added)
			}
			if err := op.do(ctx, o, theirs); wide != refused(err) || !wide && err != nil {
				t.Errorf("on what is theirs: %v", err)
			}
		})
	}
}

// Lists, searches and counts show what is in the scope, page by page, and the
// other Macs do not fill its pages.
func TestScopedListsAreWhole(t *testing.T) {
	o := newOrg(t)
	var theirs []mac
	var want []string
	for i := range 24 {
		m := o.mac(nil)
		o.filledRoles(m)
		if i%3 == 1 {
			theirs, want = append(theirs, m), append(want, m.device)
		}
	}
	ctx := o.scoped(theirs...)
	slices.Sort(want)
	if _, err := o.ChangeDevice(ctx, theirs[0].device, directory.Suspend); err != nil {
		t.Fatal(err)
	}
	for name, list := range map[string]func(p directory.Page) ([]directory.Device, error){
		"all":       func(p directory.Page) ([]directory.Device, error) { return o.Devices(ctx, "", p) },
		"by serial": func(p directory.Page) ([]directory.Device, error) { return o.Devices(ctx, "c02", p) },
		"searched":  func(p directory.Page) ([]directory.Device, error) { return o.SearchDevices(ctx, serialIs("c02"), p) },
		"not ready": func(p directory.Page) ([]directory.Device, error) { return o.NotReady(ctx, directory.LacksArming, p) },
	} {
		if name == "not ready" {
			o.update(func(tx *sql.Tx) error {
				_, err := tx.Exec(`UPDATE devices SET armed_state = 'disarmed', status = 'ACTIVE'`)
				return err
			})
		}
		var got []string
		for p := (directory.Page{Limit: 3}); ; p.After = got[len(got)-1] {
			found, err := list(p)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range found {
				got = append(got, d.ID)
			}
			if len(found) < p.Limit {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	if found, err := o.Suggest(ctx, "C02", 5); err != nil || len(found) != 5 || slices.ContainsFunc(found, func(m desk.Mac) bool { return !slices.Contains(want, m.ID) }) {
		t.Errorf("suggested %d %v", len(found), err)
	}
	if found, err := o.Suggest(ctx, "C020001", 5); err != nil || len(found) != 0 {
		t.Errorf("another's serial number finds %d %v", len(found), err)
	}
	if found, looked, err := o.Inside(ctx, "02000", 50); err != nil || !looked || slices.ContainsFunc(found, func(m desk.Mac) bool { return !slices.Contains(want, m.ID) }) {
		t.Errorf("inside names: %d, looked %v, %v", len(found), looked, err)
	}
	counts, err := o.Readiness(ctx)
	if err != nil || counts.Active != 8 || counts.Lack[directory.LacksArming] != 8 || counts.Ready != 0 {
		t.Errorf("%+v %v, want 8 Macs", counts, err)
	}
	if users, err := o.Users(ctx, "", directory.Page{Limit: 50}); err != nil || len(users) != 8 {
		t.Errorf("%d users %v", len(users), err)
	}
	if groups, err := o.Groups(ctx); err != nil || len(groups) != 8 {
		t.Errorf("%d groups %v", len(groups), err)
	}
	if _, passed, err := o.ConfirmMany(ctx, []string{theirs[1].device}, []string{"C020001"}); err != nil || !slices.Equal(passed, []string{"C020001"}) {
		t.Errorf("%v %v", passed, err)
	}
}

// On a Mac that two share, the other's account is seen and not acted upon.
func TestASharedMac(t *testing.T) {
	o := newOrg(t)
	m, other := o.filled(), o.filled()
	var second string
	var pin recovery.Issued
	o.update(func(tx *sql.Tx) error {
		ctx := context.Background()
		d, err := directory.DeviceByID(ctx, tx, m.device)
		if err != nil {
			return err
		}
		saved, err := directory.SaveReported(ctx, tx, directory.Report{DeviceID: d.ID, Accounts: []wire.Account{{GUID: "4AC29C85-D847-4492-96CB-46E33717FFFF", UID: 502, Name: "bob", Linked: other.login, Governed: true}}, Now: o.now})
		if err != nil {
			return err
		}
		a := saved.Changed[0]
		second = a.ID
		_, err = o.Book.Register(ctx, tx, d, a, wire.SecretUpload{GUID: a.GUID, Generation: 1, Key: make([]byte, recoverypin.SecretSize)})
		return err
	})
	ask := recovery.Request{DeviceID: m.device, AccountID: second, Reason: "lost phone"}
	pin, err := o.Issue(as(access.SuperAdmin), ask)
	if err != nil {
		t.Fatal(err)
	}
	ctx := o.scoped(m)
	state := o.state()
	var refusal *recovery.Refusal
	if err := o.Book.Ready(ctx, m.device, second); !errors.As(err, &refusal) || refusal.Code != recovery.OutOfScope {
		t.Errorf("ready: %v", err)
	}
	if _, err := o.Issue(ctx, ask); !errors.As(err, &refusal) || refusal.Code != recovery.OutOfScope {
		t.Errorf("issue: %v", err)
	}
	if err := o.ResetAccountFactors(ctx, m.device, second); !refused(err) {
		t.Errorf("reset: %v", err)
	}
	if err := o.VoidPIN(ctx, m.device, second, pin.ID); !refused(err) {
		t.Errorf("void: %v", err)
	}
	if o.state() != state {
		t.Error("something was done")
	}
	if found, err := o.Device(ctx, m.device); err != nil || len(found.Accounts) != 2 {
		t.Errorf("%d accounts %v", len(found.Accounts), err)
	}
	if owners, err := o.DeviceUsers(ctx, m.device); err != nil || len(owners) != 1 || owners[0].Login != m.login {
		t.Errorf("the other user is told: %+v %v", owners, err)
	}
	// A name that is like a login is nobody's: a Mac must not choose who sees it.
	if _, err := o.SetPrelink(as(access.SuperAdmin), m.device, m.account, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Device(ctx, m.device); !errors.Is(err, directory.ErrNotFound) {
		t.Errorf("the Mac of a user who is gone: %v", err)
	}
	// Nor does an account that is not there say that the Mac is.
	_, here := o.Issue(ctx, recovery.Request{DeviceID: m.device, AccountID: "osanone", Reason: "x"})
	_, gone := o.Issue(ctx, recovery.Request{DeviceID: "devnone", AccountID: "osanone", Reason: "x"})
	if fmt.Sprint(gone) != strings.ReplaceAll(fmt.Sprint(here), m.device, "devnone") {
		t.Errorf("%v is not %v", here, gone)
	}
}

// Groups are told of when they change; one that somebody is scoped to stays.
func TestGroups(t *testing.T) {
	o := newOrg(t)
	m, ctx := o.filled(), as(access.OrgAdmin)
	added, passed, err := o.AddMembers(ctx, []desk.Membership{{1, "FULL " + m.serial, m.login}, {2, "Nobody", m.login}, {3, "Empty " + m.serial, "nobody"}, {4, "Empty " + m.serial, strings.ToUpper(m.login)}})
	if err != nil || added != 1 || len(passed) != 2 || passed[0].Line != 2 || passed[1].Line != 3 {
		t.Errorf("%d %+v %v", added, passed, err)
	}
	g, members, err := o.Members(ctx, o.group("Empty", m), directory.Page{Limit: 5})
	if err != nil || g.Members != 1 || len(members) != 1 || members[0].Login != m.login {
		t.Errorf("%+v %+v %v", g, members, err)
	}
	last := o.events()[len(o.events())-1]
	if last.Type != systemlog.MemberAdd || last.Targets[0].AlternateID != "Empty "+m.serial || last.Targets[1].AlternateID != m.login {
		t.Errorf("%+v", last)
	}
	o.scoped(m)
	if err := o.DeleteGroup(ctx, o.group("Full", m)); !errors.Is(err, directory.ErrState) {
		t.Errorf("a group that somebody is scoped to: %v", err)
	}
	if err := o.RemoveMember(ctx, o.group("Full", m), "nobody"); !errors.Is(err, directory.ErrNotFound) {
		t.Error(err)
	}
	if _, err := o.CreateGroup(ctx, "full "+m.serial); !errors.Is(err, directory.ErrExists) {
		t.Error(err)
	}
	for _, name := range []string{"", "a,b", "a\x00", strings.Repeat("x", 201)} {
		if _, err := o.CreateGroup(ctx, name); !errors.As(err, new(*desk.InvalidError)) {
			t.Errorf("%.10q: %v", name, err)
		}
	}
}
