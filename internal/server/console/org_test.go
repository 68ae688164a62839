package console_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// Settings are changed by a super admin, with the old and the new value in the
// log; what cannot be taken changes nothing.
func TestSettingsAreChangedAndTold(t *testing.T) {
	s := newSite(t)
	m := s.mac("C02AMY", "amy")
	b := s.admin("pat@example.com", access.SuperAdmin)
	form := url.Values{"recovery": {"on"}, "numberMatching": {"on"}, "accountsPerHour": {"2"}, "checklist": {"Ask for the badge number\r\n\r\n  Call back  "}, "eventDays": {"90"}}
	b.post("/settings", form).to("/settings")
	page := b.get("/settings").has("Ask for the badge number", "Call back")
	for _, want := range []string{`value="2"`, `value="90"`} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	b.get(m.ofAmy("/pin")).has("Ask for the badge number")
	changed := s.Events(systemlog.ConfigurationUpdate)
	if len(changed) != 1 || changed[0].Detail["accountsPerHour"] != "60 -> 2" || changed[0].Detail["eventDays"] != "0 -> 90" || !strings.HasSuffix(changed[0].Detail["checklist"], "-> Ask for the badge number / Call back") {
		t.Errorf("events %+v", changed)
	}
	b.post("/settings", form).to("/settings")
	if n := len(s.Events(systemlog.ConfigurationUpdate)); n != 1 {
		t.Errorf("%d events, and nothing was changed the second time", n)
	}
	for field, bad := range map[string]string{"accountsPerHour": "0", "eventDays": "7", "checklist": strings.Repeat("x", 201)} {
		wrong := url.Values{}
		for k, v := range form {
			wrong[k] = v
		}
		wrong.Set(field, bad)
		wrong.Del("recovery")
		b.post("/settings", wrong).is(400).has(field)
		if !strings.Contains(b.get("/settings").body, `name="recovery" value="on" checked`) {
			t.Errorf("a bad %s has changed the rest", field)
		}
	}
	s.admin("sam@example.com", access.OrgAdmin).get("/settings").has("Only a super admin")
}

// Nobody gets past their own second factor, unless the org allows it.
func TestOwnAccountIsTheSettings(t *testing.T) {
	s := newSite(t)
	m := s.mac("C02AMY", "amy")
	b := s.admin("amy", access.SuperAdmin) // the same local part is enough to belong
	b.get(m.ofAmy("/pin")).has("your own account")
	b.post("/settings", url.Values{"recovery": {"on"}, "accountsPerHour": {"60"}, "allowOwn": {"on"}}).to("/settings")
	pinOn(b.post(m.ofAmy("/pin"), asks()).is(200))
}

// The cap of distinct accounts holds over the console as over the API.
func TestTheCapIsTheOrgs(t *testing.T) {
	s := newSite(t)
	first, second := s.mac("C02AMY", "amy"), s.mac("C02BOB", "bob")
	root := s.admin("pat@example.com", access.SuperAdmin)
	root.post("/settings", url.Values{"recovery": {"on"}, "accountsPerHour": {"1"}}).to("/settings")
	b := s.admin("sam@example.com", access.HelpDeskAdmin)
	pinOn(b.post(first.ofAmy("/pin"), asks()).is(200))
	b.post(second.ofAmy("/pin"), asks()).is(409).has("1 accounts within the last hour", "ask a colleague")
	pinOn(b.post(first.ofAmy("/pin"), asks()).is(200)) // the same account again
}

// A Mac is deleted only when it is deactivated, and with it what was kept of
// it; its certificate does not bring it back.
func TestADeletedMacIsGone(t *testing.T) {
	s := newSite(t)
	m := s.mac("C02AMY", "amy")
	b := s.admin("pat@example.com", access.OrgAdmin)
	pinOn(b.post(m.ofAmy("/pin"), asks()).is(200))
	b.post(m.path("/delete"), nil).is(409).has("deactivate it first")
	b.post(m.path("/deactivate"), nil).to(m.path(""))
	b.get(m.path("")).has("Delete for good")
	b.post(m.path("/delete"), nil).to("/devices")
	b.get("/devices").hasNot("C02AMY")
	b.get(m.path("")).is(404)
	if n := len(s.Events(systemlog.DeviceDelete)); n != 1 {
		t.Errorf("%d events", n)
	}
	m.in.Seq++
	if status, _, _ := s.CheckIn(&m.id, m.in); status != 401 {
		t.Errorf("the deleted Mac's check-in is answered %d", status)
	}
}

// Accounts are linked ahead one by one and by a list; what is not there is told.
func TestAccountsAreLinkedAhead(t *testing.T) {
	s := newSite(t)
	m := s.mac("C02AMY", "amy")
	s.mac("C02BOB", "bob")
	b := s.admin("pat@example.com", access.OrgAdmin)
	b.post(m.ofAmy("/prelink"), url.Values{"login": {"amy@example.com"}}).to(m.path(""))
	b.get(m.path("")).has("amy@example.com (pre-linked)")
	b.post("/people/prelink", url.Values{"list": {"c02bob, BOB, bob@example.com\nC02NONE,x,y@example.com\nC02AMY,nobody,z@example.com"}}).is(200).
		has("1 pre-linked", "line 2", "C02NONE, x", "line 3", "C02AMY, nobody")
	b.get("/devices?q=bob@example.com").has("C02BOB")
	b.post("/people/prelink", url.Values{"list": {"C02AMY,amy"}}).is(400).has("line 1", "separated by commas")
	if n := len(s.Events(systemlog.AccountPrelink)); n != 2 {
		t.Errorf("%d events, want 2", n)
	}
}
