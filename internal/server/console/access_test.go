package console_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// Every route with every role, and with nobody: the permission in the table is
// what decides, and who lacks it changes nothing.
func TestEveryRouteWithEveryRole(t *testing.T) {
	s := newSite(t)
	m := s.mac("C02AMY", "amy")
	people := map[access.Role]*browser{}
	for _, role := range access.Roles() {
		people[role] = s.admin(string(role)+"@example.com", role)
	}
	fill := strings.NewReplacer("{$}", "", "{deviceId}", m.device, "{accountId}", m.account, "{userId}", "usrnone", "{pinId}", "pinnone", "{challengeId}", "chnone", "{invitationId}", "invnone",
		"{adminId}", "admnone", "{id}", "sesnone", "{operation}", "nothing")
	for pattern, needs := range s.Routes() {
		method, path, _ := strings.Cut(fill.Replace(pattern), " ")
		send := func(b *browser) answer {
			if method == "GET" {
				return b.get(path)
			}
			return b.post(path, nil)
		}
		if needs == "open" {
			continue // what they let in is tested where they are
		}
		nobody := send(s.visitor())
		if nobody.status != 303 || !strings.HasPrefix(nobody.header.Get("Location"), "/sign-in?") {
			t.Errorf("%s answers nobody with %d to %q", pattern, nobody.status, nobody.header.Get("Location"))
		}
		for role, b := range people {
			may := needs == "signed in" || role.Allows(needs)
			a := send(b)
			if refused := a.status == 403 && strings.Contains(a.text(), "Your role does not allow this"); refused == may && !strings.HasSuffix(pattern, "/pin") {
				t.Errorf("%s as %s: %d, want allowed %v\n%.300s", pattern, role, a.status, may, a.text())
			}
		}
	}
	for _, kind := range []string{systemlog.DeviceSuspend, systemlog.ConfigurationUpdate} {
		for _, e := range s.Events(kind) {
			if !strings.HasPrefix(e.Actor.AlternateID, "super-admin") && !strings.HasPrefix(e.Actor.AlternateID, "org-admin") {
				t.Errorf("%s by %s", kind, e.Actor.AlternateID)
			}
		}
	}
}

// Pages offer what their reader may do, and no more.
func TestRolesSeeWhatTheyMayDo(t *testing.T) {
	s := newSite(t)
	m := s.mac("C02AMY", "amy")
	for role, want := range map[access.Role][]bool{ // PIN, reset, suspend, add an administrator, save settings
		access.SuperAdmin: {true, true, true, true, true}, access.OrgAdmin: {true, true, true, false, false},
		access.HelpDeskAdmin: {true, true, false, false, false}, access.ReadOnlyAdmin: {false, false, false, false, false},
	} {
		b := s.admin(string(role)+"@example.com", role)
		device, admins, settings := b.get(m.path("")).body, b.get("/administrators").body, b.get("/settings").body
		got := []bool{strings.Contains(device, "View Recovery PIN"), strings.Contains(device, "Reset authenticators"), strings.Contains(device, ">Suspend<"),
			strings.Contains(admins, "Add an administrator"), strings.Contains(settings, ">Save<")}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s sees %v, want %v", role, got, want)
				break
			}
		}
		if page := b.get(m.ofAmy("/pin")).text(); strings.Contains(page, "your role may not generate") == want[0] {
			t.Errorf("%s at the dialog: %.200s", role, page)
		}
	}
}

// A form of another site, a link from it, and what a browser without the newer
// headers says.
func TestFormsOfOtherSitesDoNothing(t *testing.T) {
	s := newSite(t)
	m := s.mac("C02AMY", "amy")
	b := s.admin("sam@example.com", access.SuperAdmin)
	for name, header := range map[string]map[string]string{
		"another site":             {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
		"another host of the site": {"Sec-Fetch-Site": "same-site", "Origin": "https://x.localhost"},
		"an older browser":         {"Origin": "https://evil.example"},
	} {
		for _, path := range []string{m.path("/suspend"), m.ofAmy("/pin"), m.ofAmy("/reset"), "/settings", "/sign-out", "/sign-in"} {
			b.send("POST", path, asks(), header).is(403).has("This came from another site")
			_ = name
		}
	}
	if n := len(s.Events(systemlog.PINGenerate)) + len(s.Events(systemlog.DeviceSuspend)) + len(s.Events(systemlog.ResetFactors)); n != 0 {
		t.Errorf("%d things were done", n)
	}
	b.get("/devices").is(200) // and the session is as it was
}

func TestHeadersAndCookies(t *testing.T) {
	s := newSite(t)
	b := s.admin("sam@example.com", access.HelpDeskAdmin)
	for _, a := range []answer{b.get("/devices"), b.get("/nothing"), s.visitor().get("/sign-in"), s.visitor().get("/devices")} {
		csp := a.header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || a.header.Get("X-Frame-Options") != "DENY" ||
			a.header.Get("Cache-Control") != "no-store" || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", a.what, a.header)
		}
		for _, inline := range []string{"<script>", " style=", "onclick=", "javascript:"} {
			a.hasNot(inline)
		}
		if len(a.body) > 100_000 {
			t.Errorf("%s has %d bytes", a.what, len(a.body))
		}
	}
	for name, c := range b.cookies {
		if !strings.HasPrefix(name, "__Host-") || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" {
			t.Errorf("cookie %+v", c)
		}
	}
	b.get("/nothing").is(404).has("There is no such page")
	if a := b.get("/assets/style.css"); a.status != 200 || len(a.body) > 20_000 || a.header.Get("ETag") == "" {
		t.Errorf("style sheet: %d, %d bytes", a.status, len(a.body))
	}
	b.get("/assets/../templates/layout.html").hasNot("{{")
}

// Sign-in says nothing of which part was wrong, waits after five, and the
// tokens of its steps open nothing else.
func TestSignIn(t *testing.T) {
	s := newSite(t)
	who := s.admin("sam@example.com", access.HelpDeskAdmin)
	s.Pass(time.Minute)
	v := s.visitor()
	said := v.post("/sign-in", url.Values{"login": {"sam@example.com"}, "password": {"wrong wrong wrong"}}).is(403).text()
	if other := v.post("/sign-in", url.Values{"login": {"nobody@example.com"}, "password": {"wrong wrong wrong"}}).is(403).text(); strings.ReplaceAll(other, "nobody@", "sam@") != said {
		t.Errorf("a login that is not there is told apart:\n%s\n%s", said, other)
	}
	v.post("/sign-in", url.Values{"login": {"SAM@example.com"}, "password": {password}, "next": {"/log"}}).to("/sign-in/second")
	half := v.cookies["__Host-latchkey-pending"]
	v.cookies["__Host-latchkey"] = half // a half session is none
	v.get("/devices").to("/sign-in")
	v.post("/sign-in/code", url.Values{"code": {"12"}}).is(403).has("six digits")
	v.post("/sign-in/code", url.Values{"code": {"000000"}}).is(403).has("is not right")
	done := v.post("/sign-in/code", url.Values{"code": {who.code()}, "next": {"//evil.example"}})
	if at := done.header.Get("Location"); done.status != 303 || at != "/" {
		t.Errorf("after the sign-in: %d to %q", done.status, at)
	}
	if v.cookies["__Host-latchkey"].Value == half.Value || v.cookies["__Host-latchkey-pending"] != nil {
		t.Error("the token was not rotated")
	}
	v.get("/devices").is(200)
	v.get("/account").has("sam@example.com", "this one", "End it")

	again := s.visitor()
	again.post("/sign-in", url.Values{"login": {"sam@example.com"}, "password": {password}}).to("/sign-in/second")
	again.post("/sign-in/code", url.Values{"code": {who.code()}}).is(403) // the same code a second time
	again.post("/sign-in/recovery", url.Values{"code": {who.codes[0]}}).to("/")
	twice := s.visitor()
	twice.post("/sign-in", url.Values{"login": {"sam@example.com"}, "password": {password}}).to("/sign-in/second")
	twice.post("/sign-in/recovery", url.Values{"code": {who.codes[0]}}).is(403)

	token := v.cookies["__Host-latchkey"]
	v.post("/sign-out", nil).to("/sign-in")
	v.cookies["__Host-latchkey"] = token
	v.get("/devices").to("/sign-in")
	s.Pass(31 * time.Minute)
	again.get("/devices").to("/sign-in") // idle
}

func TestSignInWaits(t *testing.T) {
	s := newSite(t)
	s.admin("sam@example.com", access.HelpDeskAdmin)
	v := s.visitor()
	for range 5 {
		v.post("/sign-in", url.Values{"login": {"sam@example.com"}, "password": {"wrong wrong wrong"}}).is(403)
	}
	v.post("/sign-in", url.Values{"login": {"sam@example.com"}, "password": {password}}).is(403).has("wait 60 seconds")
	s.Pass(time.Minute + time.Second)
	v.post("/sign-in", url.Values{"login": {"sam@example.com"}, "password": {password}}).to("/sign-in/second")
}

// What people, Macs and databases are called is shown, and does nothing.
func TestHostileNamesAreText(t *testing.T) {
	s := newSite(t)
	m := s.mac("C02AMY", "amy")
	evil := `<script>alert(1)</script>"'&{{.}}`
	m.in.Device.Name, m.in.Accounts[0].FullName, m.in.Device.Zone, m.in.Armed.Reason = evil, evil, "../../etc/passwd", evil
	m.in.Policy.Effective = []byte(`{"<img src=x>":{"value":"<b>"}}`)
	m.checkIn()
	b := s.admin("sam@example.com", access.SuperAdmin)
	b.post("/people", url.Values{"login": {"o'brien@example.com"}, "firstName": {evil}, "lastName": {"Robert'); DROP TABLE users;--"}})
	for _, path := range []string{"/devices", "/devices?q=" + url.QueryEscape(evil), m.path(""), m.ofAmy(""), m.ofAmy("/pin"), m.ofAmy("/reset"), "/people", "/people?q=" + url.QueryEscape("');"),
		"/log?q=" + url.QueryEscape(evil), "/log?type=" + url.QueryEscape(evil), "/readiness?reason=" + url.QueryEscape(evil), "/sign-in?next=" + url.QueryEscape(evil)} {
		b.get(path).is(200).hasNot("<script>alert", "<img src=x>", "<b>")
	}
	b.get("/people").has("o'brien@example.com", "DROP TABLE users")
	pinOn(b.post(m.ofAmy("/pin"), asks("reason", evil)).is(200).hasNot("<script>alert"))
	b.get("/devices/" + url.PathEscape("' OR 1=1 --")).is(404)
}

// Administrators are made, moved and stopped by a super admin, who cannot stop
// themselves.
func TestAdministrators(t *testing.T) {
	s := newSite(t)
	root := s.admin("pat@example.com", access.SuperAdmin)
	page := root.post("/administrators", url.Values{"login": {"sam@example.com"}, "name": {"Sam"}, "role": {"help-desk-admin"}}).is(200).has("shown once", "/set-up")
	if page.header.Get("Cache-Control") != "no-store" {
		t.Error("the set-up code may be kept")
	}
	root.post("/administrators", url.Values{"login": {"SAM@example.com"}, "name": {"Sam"}, "role": {"help-desk-admin"}}).is(409).has("exists already")
	root.post("/administrators", url.Values{"login": {"x@example.com"}, "name": {"X"}, "role": {"king"}}).is(400).has("want one of")
	root.get("/administrators").has("sam@example.com", "INVITED", "latchkey.recoveryPins.generate").hasNot("no-store")
	sam := s.admin("kim@example.com", access.HelpDeskAdmin)
	id := idOf(root, "kim@example.com")
	root.post("/administrators/"+id+"/role", url.Values{"role": {"read-only-admin"}}).to("/administrators")
	sam.get("/account").has("read-only-admin") // at once
	root.post("/administrators/"+id+"/suspend", nil).to("/administrators")
	sam.get("/devices").to("/sign-in")
	root.post("/administrators/"+idOf(root, "sam@example.com")+"/nothing", nil).is(404)
	own := idOfSelf(s, "pat@example.com")
	root.post("/administrators/"+own+"/suspend", nil).is(409).has("by another super admin")
}
