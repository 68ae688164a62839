package desk_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/policy"
	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/desk"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/recovery"
	"github.com/latchkey-mfa/latchkey/internal/server/scim"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

// operation is one thing that an administrator does, by method of the desk.
type operation struct {
	method string
	least  access.Role // that may; those that are mightier may too
	event  string      // that it appends, once
	do     func(ctx context.Context, o *org, m mac) error
}

func serialIs(serial string) scim.Expression {
	return scim.Expression{Join: "or", Parts: []scim.Expression{
		{Comparison: scim.Comparison{Attribute: "profile.serialNumber", Operator: scim.StartsWith, Value: serial, Quoted: true}},
		{Comparison: scim.Comparison{Attribute: "id", Operator: scim.Equal, Value: "none", Quoted: true}}}}
}

func reads() []operation {
	page := directory.Page{Limit: 10}
	return append(givenReads(), []operation{
		{"Devices", access.ReadOnlyAdmin, "", func(ctx context.Context, o *org, m mac) error { _, err := o.Devices(ctx, m.serial, page); return err }},
		{"Macs", access.ReadOnlyAdmin, "", func(ctx context.Context, o *org, m mac) error {
			_, err := o.Macs(ctx, m.serial, directory.Page{})
			return err
		}},
		{"Inside", access.ReadOnlyAdmin, "", func(ctx context.Context, o *org, m mac) error { _, _, err := o.Inside(ctx, m.serial, 5); return err }},
		{"SearchDevices", access.ReadOnlyAdmin, "", func(ctx context.Context, o *org, m mac) error {
			_, err := o.SearchDevices(ctx, serialIs(m.serial), page)
			return err
		}},
		{"Owners", access.ReadOnlyAdmin, "", func(ctx context.Context, o *org, m mac) error {
			_, err := o.Owners(ctx, []string{m.device})
			return err
		}},
		{"Suggest", access.ReadOnlyAdmin, "", func(ctx context.Context, o *org, m mac) error { _, err := o.Suggest(ctx, m.serial, 5); return err }},
		{"Pending", access.ReadOnlyAdmin, "", func(ctx context.Context, o *org, m mac) error { _, err := o.Pending(ctx, m.device); return err }},
		{"Disarmed", access.ReadOnlyAdmin, "", func(ctx context.Context, o *org, m mac) error { _, err := o.Disarmed(ctx, m.device); return err }},
		{"Readiness", access.ReadOnlyAdmin, "", func(ctx context.Context, o *org, _ mac) error { _, err := o.Readiness(ctx); return err }},
		{"NotReady", access.ReadOnlyAdmin, "", func(ctx context.Context, o *org, _ mac) error {
			_, err := o.NotReady(ctx, directory.LacksSecret, page)
			return err
		}},
		{"Device", access.ReadOnlyAdmin, "", func(ctx context.Context, o *org, m mac) error { _, err := o.Device(ctx, m.device); return err }},
		{"DeviceUsers", access.ReadOnlyAdmin, "", func(ctx context.Context, o *org, m mac) error { _, err := o.DeviceUsers(ctx, m.device); return err }},
		{"Account", access.ReadOnlyAdmin, "", func(ctx context.Context, o *org, m mac) error {
			_, err := o.Account(ctx, m.device, m.account)
			return err
		}},
		{"PINs", access.ReadOnlyAdmin, "", func(ctx context.Context, o *org, m mac) error { _, err := o.PINs(ctx, m.device, m.account); return err }},
		{"Users", access.ReadOnlyAdmin, "", func(ctx context.Context, o *org, m mac) error { _, err := o.Users(ctx, m.login, page); return err }},
		{"User", access.ReadOnlyAdmin, "", func(ctx context.Context, o *org, m mac) error { _, err := o.User(ctx, m.login); return err }},
		{"UserDevices", access.ReadOnlyAdmin, "", func(ctx context.Context, o *org, m mac) error { _, err := o.UserDevices(ctx, m.login); return err }},
		{"UserFactors", access.ReadOnlyAdmin, "", func(ctx context.Context, o *org, m mac) error { _, err := o.UserFactors(ctx, m.login); return err }},
		{"EnrolApp", access.OrgAdmin, "", func(ctx context.Context, o *org, m mac) error { _, err := o.EnrolApp(ctx, m.login, "app"); return err }},
		{"PendingApp", access.OrgAdmin, "", func(ctx context.Context, o *org, m mac) error {
			_, err := o.PendingApp(ctx, m.login, m.app)
			return err
		}},
		{"Settings", access.ReadOnlyAdmin, "", func(ctx context.Context, o *org, _ mac) error { _, err := o.Settings(ctx); return err }},
		{"IntendedPolicy", access.ReadOnlyAdmin, "", func(ctx context.Context, o *org, _ mac) error { _, _, err := o.IntendedPolicy(ctx); return err }},
		{"OrgRules", access.ReadOnlyAdmin, "", func(ctx context.Context, o *org, _ mac) error { _, err := o.OrgRules(ctx); return err }},
		{"ListChallenges", access.OrgAdmin, "", func(ctx context.Context, o *org, _ mac) error { _, err := o.ListChallenges(ctx); return err }},
		{"Certificates", access.ReadOnlyAdmin, "", func(ctx context.Context, o *org, _ mac) error {
			_, err := o.Certificates(ctx, pki.OnlyAll, page)
			return err
		}},
		{"Chains", access.ReadOnlyAdmin, "", func(ctx context.Context, o *org, _ mac) error { _, err := o.Chains(ctx); return err }},
		{"Events", access.ReadOnlyAdmin, "", func(ctx context.Context, o *org, _ mac) error {
			_, err := o.Events(ctx, systemlog.Query{Limit: 1})
			return err
		}},
		{"ExportEvents", access.ReadOnlyAdmin, systemlog.LogExport, func(ctx context.Context, o *org, _ mac) error {
			_, err := o.ExportEvents(ctx, systemlog.Query{})
			return err
		}},
		{"VerifyLog", access.ReadOnlyAdmin, "", func(ctx context.Context, o *org, _ mac) error { _, err := o.VerifyLog(ctx); return err }},
	}...)
}

func writes() []operation {
	return append(givenWrites(), []operation{
		{"ChangeDevice", access.OrgAdmin, systemlog.DeviceSuspend, func(ctx context.Context, o *org, m mac) error {
			_, err := o.ChangeDevice(ctx, m.device, directory.Suspend)
			return err
		}},
		{"Confirm", access.OrgAdmin, systemlog.DeviceConfirm, func(ctx context.Context, o *org, m mac) error { _, err := o.Confirm(ctx, m.device, ""); return err }},
		{"Reject", access.OrgAdmin, systemlog.DeviceReject, func(ctx context.Context, o *org, m mac) error { _, err := o.Reject(ctx, m.device); return err }},
		{"ConfirmMany", access.OrgAdmin, systemlog.DeviceConfirm, func(ctx context.Context, o *org, m mac) error {
			_, _, err := o.ConfirmMany(ctx, nil, []string{m.serial})
			return err
		}},
		{"Disarm", access.SuperAdmin, systemlog.LoginRightDisarm, func(ctx context.Context, o *org, m mac) error {
			_, err := o.Disarm(o.proven(ctx), m.device, "lost phones")
			return err
		}},
		{"EndDisarm", access.SuperAdmin, systemlog.LoginRightDisarmEnd, func(ctx context.Context, o *org, m mac) error { return o.EndDisarm(ctx, m.open) }},
		{"SetPrelink", access.OrgAdmin, systemlog.AccountPrelink, func(ctx context.Context, o *org, m mac) error {
			_, err := o.SetPrelink(ctx, m.device, m.account, m.login)
			return err
		}},
		{"PrelinkMany", access.OrgAdmin, systemlog.AccountPrelink, func(ctx context.Context, o *org, m mac) error {
			_, _, err := o.PrelinkMany(ctx, []desk.Prelink{{Line: 1, Serial: m.serial, Name: strings.TrimSuffix(m.login, "@example.com"), Login: m.login}})
			return err
		}},
		{"DeleteDevice", access.OrgAdmin, systemlog.DeviceDelete, func(ctx context.Context, o *org, m mac) error { return o.DeleteDevice(ctx, m.retired) }},
		{"ResetAccountFactors", access.HelpDeskAdmin, systemlog.ResetFactors, func(ctx context.Context, o *org, m mac) error {
			return o.ResetAccountFactors(ctx, m.device, m.account)
		}},
		{"Issue", access.HelpDeskAdmin, systemlog.PINGenerate, func(ctx context.Context, o *org, m mac) error {
			_, err := o.Issue(ctx, recovery.Request{DeviceID: m.device, AccountID: m.account, Reason: "lost phone"})
			return err
		}},
		{"VoidPIN", access.HelpDeskAdmin, systemlog.PINVoid, func(ctx context.Context, o *org, m mac) error { return o.VoidPIN(ctx, m.device, m.account, m.pin) }},
		{"CreateUser", access.OrgAdmin, systemlog.UserCreate, func(ctx context.Context, o *org, m mac) error {
			_, err := o.CreateUser(ctx, directory.User{Login: "new." + m.login})
			return err
		}},
		{"ChangeUser", access.OrgAdmin, systemlog.UserSuspend, func(ctx context.Context, o *org, m mac) error {
			_, err := o.ChangeUser(ctx, m.login, directory.Suspend)
			return err
		}},
		{"ResetUserFactors", access.HelpDeskAdmin, systemlog.ResetFactors, func(ctx context.Context, o *org, m mac) error { return o.ResetUserFactors(ctx, m.login) }},
		{"ConfirmApp", access.OrgAdmin, systemlog.FactorActivate, func(ctx context.Context, o *org, m mac) error {
			return o.ConfirmApp(ctx, m.login, m.app, m.key.Code(totp.Step(o.now)))
		}},
		{"RemoveFactor", access.HelpDeskAdmin, systemlog.FactorDeactivate, func(ctx context.Context, o *org, m mac) error { return o.RemoveFactor(ctx, m.login, m.app) }},
		{"Invite", access.OrgAdmin, systemlog.InvitationCreate, func(ctx context.Context, o *org, m mac) error {
			_, _, err := o.Invite(ctx, m.login, "webauthn")
			return err
		}},
		{"RevokeInvitation", access.HelpDeskAdmin, systemlog.InvitationRevoke, func(ctx context.Context, o *org, m mac) error {
			return o.RevokeInvitation(ctx, m.login, m.invitation)
		}},
		{"UnblockPushes", access.HelpDeskAdmin, systemlog.PushUnblock, func(ctx context.Context, o *org, m mac) error { return o.UnblockPushes(ctx, m.login) }},
		{"SaveSettings", access.SuperAdmin, systemlog.ConfigurationUpdate, func(ctx context.Context, o *org, _ mac) error {
			_, err := o.SaveSettings(ctx, func(s *desk.Settings) { s.EndWindowOnEnrol = !s.EndWindowOnEnrol })
			return err
		}},
		{"SaveOrg", access.SuperAdmin, systemlog.ConfigurationUpdate, func(ctx context.Context, o *org, m mac) error {
			return o.SaveOrg(ctx, desk.Settings{Settings: wire.Settings{Recovery: true}}, directory.OrgRules{AccountsPerHour: 30, Checklist: []string{m.serial}})
		}},
		{"SaveIntendedPolicy", access.SuperAdmin, systemlog.ConfigurationUpdate, func(ctx context.Context, o *org, _ mac) error {
			return o.SaveIntendedPolicy(ctx, &policy.Policy{})
		}},
		{"CreateChallenge", access.OrgAdmin, systemlog.ChallengeCreate, func(ctx context.Context, o *org, m mac) error {
			_, _, err := o.CreateChallenge(ctx, pki.Dynamic, m.serial)
			return err
		}},
		{"RevokeChallenge", access.OrgAdmin, systemlog.ChallengeRevoke, func(ctx context.Context, o *org, m mac) error { return o.RevokeChallenge(ctx, m.challenge) }},
		{"RevokeCertificate", access.OrgAdmin, systemlog.CertificateRevoke, func(ctx context.Context, o *org, m mac) error { return o.RevokeCertificate(ctx, m.certificate) }},
		{"AddChain", access.OrgAdmin, systemlog.OwnCACreate, func(ctx context.Context, o *org, _ mac) error { _, err := o.AddChain(ctx, o.authority()); return err }},
		{"RemoveChain", access.OrgAdmin, systemlog.OwnCADelete, func(ctx context.Context, o *org, m mac) error { return o.RemoveChain(ctx, m.chain) }},
	}...)
}

// Each role tries all that the desk does. What is refused changes nothing, and
// is no event but for a PIN; what is done is one event.
func TestOperationsByRole(t *testing.T) {
	seen := map[string]bool{}
	for _, op := range append(reads(), writes()...) {
		seen[op.method] = true
		t.Run(op.method, func(t *testing.T) {
			t.Parallel() // they wait for the disk
			o := newOrg(t)
			roles := access.Roles()
			may := roles[:slices.Index(roles, op.least)+1]
			m := o.filled()
			for _, role := range append(roles, "intruder", "") {
				if !slices.Contains(may, role) {
					o.denied(op, role, m)
					continue
				}
				o.allowed(op, role, m)
				if op.event != "" {
					m = o.filled() // it was changed
				}
			}
		})
	}
	for method := range reflect.TypeFor[*desk.Desk]().Methods() {
		asks := method.Type.NumIn() > 1 && method.Type.In(1) == reflect.TypeFor[context.Context]()
		if asks && !seen[method.Name] {
			t.Errorf("%s is tried by no role", method.Name)
		}
	}
}

func (o *org) allowed(op operation, role access.Role, m mac) {
	o.Helper()
	before := len(o.events())
	if err := op.do(as(role), o, m); err != nil {
		o.Errorf("%s: %v", role, err)
	}
	added := o.events()[before:]
	if op.event == "" {
		if len(added) != 0 {
			o.Errorf("%s: reading is an event: %+v", role, added)
		}
		return
	}
	if op.method == "ResetUserFactors" {
		// One of each factor comes first, as Okta has it, and of each invitation.
		if len(added) != 3 || added[0].Type != systemlog.FactorDeactivate || added[1].Type != systemlog.InvitationRevoke {
			o.Fatalf("%s: events %+v", role, added)
		}
		added = added[2:]
	}
	if op.method == "CreateAdmin" && len(added) == 2 && added[1].Type == systemlog.PrivilegeGrant {
		added = added[:1] // the account, and what it may
	}
	if len(added) != 1 || added[0].Type != op.event {
		o.Fatalf("%s: events %+v, want one %s", role, added, op.event)
	}
	if e := added[0]; e.Actor.AlternateID != string(role)+"@example.com" || e.Client.IPAddress != "192.0.2.7" || e.Request != "req1" {
		o.Errorf("%s: the event does not say who, from where and for which request: %+v", role, e)
	}
}

func (o *org) denied(op operation, role access.Role, m mac) {
	o.Helper()
	state, before := o.state(), len(o.events())
	err := op.do(as(role), o, m)
	if o.state() != state {
		o.Errorf("%q was denied, and changed something", role)
	}
	added := o.events()[before:]
	var denied *access.DeniedError
	var refusal *recovery.Refusal
	switch {
	case errors.As(err, &denied) && len(added) == 0:
	case op.method == "Issue" && errors.As(err, &refusal) && refusal.Code == recovery.NotPermitted && len(added) == 1 && added[0].Outcome.Result == systemlog.Denied:
	default:
		o.Errorf("%q: %v, events %+v, want a refusal without", role, err, added)
	}
}
