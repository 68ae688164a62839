package console_test

import (
	"context"
	"database/sql"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// role is the form of a custom role.
func role(name string, holds ...access.Permission) url.Values {
	form := url.Values{"name": {name}}
	for _, p := range holds {
		form.Add("permission", string(p))
	}
	return form
}

// A role is made on the page, given, changed and deleted; who has it sees that
// at once, in the session that they have.
func TestCustomRolesInTheConsole(t *testing.T) {
	s := newSite(t)
	m := s.mac("C02AMY", "amy")
	root := s.admin("pat@example.com", access.SuperAdmin)
	root.post("/administrators/roles", role("Desk, night", access.DevicesRead, access.PINGenerate)).to("/administrators")
	root.get("/administrators").has("Desk, night (custom-desk-night)", "generate and void recovery PINs")
	sam := s.admin("sam@example.com", "custom-desk-night")
	pinOn(sam.post(m.ofAmy("/pin"), asks()).is(200))
	sam.get(m.path("")).has("View Recovery PIN").hasNot("Reset authenticators", "/log", ">Suspend<")
	sam.get(m.ofAmy("/reset")).is(403).has("latchkey.factors.reset")
	sam.get("/administrators").is(403)
	sam.get("/log").is(403)

	change := "/administrators/roles/custom-desk-night/"
	root.post(change+"change", role("", access.DevicesRead, access.FactorsReset)).to("/administrators")
	sam.get(m.ofAmy("/reset")).is(200) // at once
	sam.post(m.ofAmy("/pin"), asks()).is(409).has("your role may not generate")
	root.post(change+"delete", nil).is(409).has("1 administrators", "somebody has the role")
	id := idOf(root, "sam@example.com")
	root.post("/administrators/"+id+"/role", url.Values{"role": {"read-only-admin"}}).to("/administrators")
	root.post(change+"delete", nil).to("/administrators")
	root.get("/administrators").hasNot("custom-desk-night")
	sam.post(m.ofAmy("/reset"), nil).is(403)
	for kind, want := range map[string]string{systemlog.RoleCreate: "[okta.devices.read latchkey.recoveryPins.generate]", systemlog.RoleDelete: "[okta.devices.read latchkey.factors.reset]",
		systemlog.RoleUpdate: "[okta.devices.read latchkey.recoveryPins.generate] -> [okta.devices.read latchkey.factors.reset]"} {
		if e := s.Events(kind); len(e) != 1 || e[0].Detail["permissions"] != want || e[0].Actor.AlternateID != "pat@example.com" {
			t.Errorf("%s: %+v", kind, e)
		}
	}
}

// A role that was taken out of the database allows nothing in open sessions.
func TestADeletedRoleEndsInOpenSessions(t *testing.T) {
	s := newSite(t)
	m := s.mac("C02AMY", "amy")
	root := s.admin("pat@example.com", access.SuperAdmin)
	root.post("/administrators/roles", role("Desk", access.DevicesRead, access.PINGenerate)).to("/administrators")
	sam := s.admin("sam@example.com", "custom-desk")
	sam.get(m.path("")).is(200)
	s.Update(func(tx *sql.Tx) error { _, err := tx.Exec(`DELETE FROM custom_roles`); return err })
	for _, path := range []string{"/devices", m.path(""), m.ofAmy("/pin"), "/people", "/log", "/settings", "/administrators"} {
		sam.get(path).is(403).has("Your role does not allow this")
	}
	sam.post(m.ofAmy("/pin"), asks()).is(403)
	sam.get("/account").is(200).hasNot(`href="/devices"`)
	sam.get("/").to("/account")
	root.post("/administrators/roles", role("Audit", access.LogsRead)).to("/administrators")
	s.admin("kim@example.com", "custom-audit").get("/").to("/log")
}

// What cannot be a role is said.
func TestRolesThatAreNone(t *testing.T) {
	s := newSite(t)
	root := s.admin("pat@example.com", access.SuperAdmin)
	root.post("/administrators/roles", role("x", access.DevicesRead, access.AdminsManage)).is(400).has("cannot have")
	root.post("/administrators/roles", role("x")).is(400).has("without a permission")
	root.post("/administrators/roles", role(" ", access.DevicesRead)).is(400)
	root.post("/administrators/roles", role("x", access.DevicesRead)).to("/administrators")
	root.post("/administrators/roles", role("X", access.DevicesRead)).is(409).has("a role of that name")
	root.post("/administrators/roles/custom-none/change", role("", access.DevicesRead)).is(404)
	root.post("/administrators/roles/super-admin/delete", nil).is(404)
	root.post("/administrators/roles/custom-x/nothing", nil).is(404)
	if page := root.get("/administrators").body; strings.Contains(page, `value="latchkey.admins.manage"`) || strings.Contains(page, `value="latchkey.settings.manage"`) {
		t.Error("settings and administrators are offered")
	}
	s.admin("sam@example.com", access.OrgAdmin).get("/administrators").is(200).hasNot("Make a role", "/scope")
}

// theirs makes a group of one user, to whom the Mac's account is linked ahead.
func (m *mac) theirs(b *browser, group, login string) (id string) {
	b.post("/people", url.Values{"login": {login}})
	id = strings.TrimPrefix(strings.TrimSuffix(b.post("/people/groups", url.Values{"name": {group}}).header.Get("Location"), "?told=added"), "/people/groups/")
	b.post("/people/groups/"+id+"/add", url.Values{"login": {login}}).to("/people/groups/" + id)
	b.post(m.ofAmy("/prelink"), url.Values{"login": {login}}).to(m.path(""))
	return id
}

// Who is scoped finds their Macs by every way, others by none; an attempt at
// another's PIN is told to the log, and what is about the org is refused.
func TestAScopedAdministrator(t *testing.T) {
	s := newSite(t)
	amy, bob := s.mac("C02AMY", "amy"), s.mac("C02BOB", "bob")
	root := s.admin("pat@example.com", access.SuperAdmin)
	amy.theirs(root, "Team A", "amy@example.com")
	bob.theirs(root, "Team B", "bob@example.com")
	sam := s.admin("sam@example.com", access.OrgAdmin)
	sam.get("/devices").has("C02AMY", "C02BOB")
	id := idOf(root, "sam@example.com")
	root.post("/administrators/"+id+"/scope", url.Values{"groups": {" team a, "}}).to("/administrators")
	root.get("/administrators").has("Team A")

	for _, path := range []string{"/devices", "/devices?q=c02", "/devices?q=bob", "/devices?q=C02BOB&in=1", "/devices?q=bob@example.com", "/readiness?reason=no_secret", "/people", "/people?q=bob", "/people/groups"} {
		sam.get(path).is(200).hasNot(">C02BOB", "bob's Mac", bob.device, ">bob@example.com", "Team B") // at once
	}
	sam.get("/devices").has("C02AMY")
	sam.get("/people").has("amy@example.com")
	sam.get("/readiness").has("of 1")
	pinOn(sam.post(amy.ofAmy("/pin"), asks()).is(200))
	sam.get(amy.path("")).hasNot("/log", "Link")
	for _, path := range []string{bob.path(""), bob.ofAmy(""), bob.ofAmy("/pin"), bob.ofAmy("/reset")} {
		sam.get(path).is(404).has("It is not there")
	}
	for _, path := range []string{bob.path("/suspend"), bob.ofAmy("/reset"), bob.ofAmy("/pin")} {
		sam.post(path, asks()).is(404)
	}
	refused := s.Events(systemlog.PINGenerate)
	if e := refused[len(refused)-1]; e.Outcome.Reason != "out_of_scope" || e.Actor.AlternateID != "sam@example.com" || e.Targets[0].ID != bob.device {
		t.Errorf("%+v", e)
	}
	for _, path := range []string{"/log", "/settings", "/certificates", "/administrators"} {
		sam.get(path).is(403).has("You are there for the users in Team A")
	}
	sam.post("/people", url.Values{"login": {"x@example.com"}}).is(403)
	sam.post(amy.ofAmy("/prelink"), url.Values{"login": {"amy@example.com"}}).is(403)
	sam.get("/account").has("There for the users in", "Team A")

	root.post("/administrators/"+id+"/scope", nil).to("/administrators")
	sam.get("/devices").has("C02BOB")
	told := s.Events(systemlog.PrivilegeGrant)
	if a, b := told[len(told)-2], told[len(told)-1]; a.Detail["groups"] != "the whole org -> Team A" || b.Detail["groups"] != "Team A -> the whole org" {
		t.Errorf("%+v %+v", a, b)
	}
}

func TestScopesThatCannotBe(t *testing.T) {
	s := newSite(t)
	m := s.mac("C02AMY", "amy")
	root := s.admin("pat@example.com", access.SuperAdmin)
	group := m.theirs(root, "Team A", "amy@example.com")
	s.admin("kim@example.com", access.SuperAdmin)
	kim := "/administrators/" + idOf(root, "kim@example.com")
	root.post(kim+"/scope", url.Values{"groups": {"Team A"}}).is(400).has("A super admin is one for the whole org")
	root.post(kim+"/role", url.Values{"role": {"org-admin"}}).to("/administrators")
	root.post(kim+"/scope", url.Values{"groups": {"Team A, Team Z"}}).is(400).has(`There is no group "Team Z"`)
	root.get("/administrators").hasNot("Team A")
	root.post(kim+"/scope", url.Values{"groups": {"Team A"}}).to("/administrators")
	root.post(kim+"/role", url.Values{"role": {"super-admin"}}).is(400).has("take that away first")
	root.post("/people/groups/"+group+"/delete", nil).is(409).has("are scoped")
	root.post("/administrators", url.Values{"login": {"lee@example.com"}, "name": {"Lee"}, "role": {"help-desk-admin"}, "groups": {"Team A"}}).is(200)
	if told := s.Events(systemlog.PrivilegeGrant); told[len(told)-1].Detail["groups"] != "Team A" {
		t.Errorf("%+v", told[len(told)-1])
	}
	// A group that is empty is nobody's Macs, not everybody's.
	lee := s.admin("max@example.com", access.HelpDeskAdmin)
	root.post("/administrators/"+idOf(root, "max@example.com")+"/scope", url.Values{"groups": {"Team A"}}).to("/administrators")
	lee.get("/devices").has("C02AMY")
	root.post("/people/groups/"+group+"/remove", url.Values{"login": {"amy@example.com"}}).to("/people/groups/" + group)
	lee.get("/devices").is(200).hasNot("C02AMY")
}

func TestGroupsInTheConsole(t *testing.T) {
	s := newSite(t)
	b := s.admin("pat@example.com", access.OrgAdmin)
	for _, login := range []string{"amy@example.com", "bob@example.com"} {
		b.post("/people", url.Values{"login": {login}})
	}
	at := b.post("/people/groups", url.Values{"name": {"Zürich"}}).header.Get("Location")
	path := regexp.MustCompile(`^/people/groups/grp[a-z0-9]+`).FindString(at)
	if path == "" {
		t.Fatal(at)
	}
	b.post("/people/groups", url.Values{"name": {"ZÜRICH"}}).is(409).has("exists already")
	b.post("/people/groups", url.Values{"name": {"a,b"}}).is(400).has("no commas")
	b.post("/people/groups/members", url.Values{"list": {"zürich, AMY@example.com\nNobody,amy@example.com\nZürich,none"}}).is(200).has("1 added", "line 2: Nobody, amy@example.com", "line 3: Zürich, none")
	b.post("/people/groups/members", url.Values{"list": {"Zürich"}}).is(400).has("line 1")
	b.post(path+"/add", url.Values{"login": {"none"}}).is(404).has("There is no such user")
	b.post(path+"/add", url.Values{"login": {"bob@example.com"}}).to(path)
	b.get(path).has("amy@example.com", "bob@example.com", "Delete the group")
	b.post(path+"/remove", url.Values{"login": {"amy@example.com"}}).to(path)
	b.get(path).has("bob@example.com").hasNot("amy@example.com")
	b.post(path+"/nothing", nil).is(404)
	b.get("/people/groups").has("Zürich")
	s.admin("sam@example.com", access.ReadOnlyAdmin).get(path).has("bob@example.com").hasNot("Delete the group", "/remove")
	b.post(path+"/delete", nil).to("/people/groups")
	b.get(path).is(404)
	for kind, want := range map[string]int{systemlog.GroupCreate: 1, systemlog.GroupDelete: 1, systemlog.MemberAdd: 2, systemlog.MemberRemove: 1} {
		if n := len(s.Events(kind)); n != want {
			t.Errorf("%d events %s, want %d", n, kind, want)
		}
	}
}

// A group has more members than a page.
func TestAGroupByPages(t *testing.T) {
	s := newSite(t)
	b := s.admin("pat@example.com", access.OrgAdmin)
	path, _, _ := strings.Cut(b.post("/people/groups", url.Values{"name": {"All"}}).header.Get("Location"), "?")
	s.Update(func(tx *sql.Tx) error {
		g, err := directory.GroupByName(context.Background(), tx, "all")
		for i := range 27 {
			u, createErr := directory.CreateUser(context.Background(), tx, directory.User{Login: "user" + string(rune('a'+i))}, s.Now())
			if _, addErr := directory.AddMember(context.Background(), tx, g, u, s.Now()); err != nil || createErr != nil || addErr != nil {
				t.Fatal(err, createErr, addErr)
			}
		}
		return err
	})
	page := b.get(path).has("Next page")
	next := regexp.MustCompile(`href="([^"]+after=[^"]+)"`).FindStringSubmatch(page.body)
	rest := b.get(next[1]).is(200).hasNot("Next page")
	if n := strings.Count(page.body, ">Remove<") + strings.Count(rest.body, ">Remove<"); n != 27 {
		t.Errorf("%d members on two pages", n)
	}
}
