package console_test

import (
	"context"
	"database/sql"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/federation"
	"github.com/latchkey-mfa/latchkey/internal/server/federation/federationtest"
	"github.com/latchkey-mfa/latchkey/internal/server/signin"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

const clientSecret = "a secret of the test"

type somebody = federationtest.Person

// newSSOSite is a site whose administrators sign in at a real provider, with a
// local super admin.
func newSSOSite(t testing.TB, rules ...string) (*site, *federationtest.Provider, *browser) {
	t.Helper()
	s := newSite(t)
	idp := federationtest.Start(t, clientSecret, s.url)
	s.federate(idp.Issuer, rules...)
	return s, idp, s.admin("pat@example.com", access.SuperAdmin)
}

// federate has the site take administrators of a provider; and is another server
// of the same org from then on.
func (s *site) federate(issuer string, rules ...string) {
	s.T.Helper()
	parsed, err := federation.ParseRules(rules)
	if err != nil {
		s.T.Fatal(err)
	}
	provider, err := federation.New(federation.Config{Issuer: issuer, ClientID: federationtest.ClientID, ClientSecret: clientSecret, GroupsClaim: "groups", LoginClaim: "preferred_username",
		Rules: parsed, SecondFactor: []string{"mfa"}, PublicURL: s.url, DB: s.DB, Vault: s.Vault, Now: s.Now})
	if err != nil {
		s.T.Fatal(err)
	}
	s.T.Cleanup(provider.Close)
	s.serve(provider)
}

// leads is where a page that goes to the provider by itself leads to.
func (a answer) leads() string {
	a.b.s.T.Helper()
	to := regexp.MustCompile(`http-equiv="refresh" content="0;url=([^"]+)"`).FindStringSubmatch(a.body)
	if to == nil {
		a.b.s.T.Fatalf("%s: %d leads nowhere:\n%s", a.what, a.status, a.text())
	}
	return html.UnescapeString(to[1])
}

// begins goes as far as the provider's address.
func (b *browser) begins() string {
	b.s.T.Helper()
	return b.post("/sign-in/sso", url.Values{"next": {"/devices"}}).is(200).leads()
}

// sso signs in at the provider and comes back.
func (b *browser) sso(v *federationtest.Visitor, subject, methods string) answer {
	b.s.T.Helper()
	return b.get(v.SignsIn(b.begins(), subject, methods))
}

// ages makes all sessions as old as that, for freshness.
func (s *site) ages(d time.Duration) {
	s.T.Helper()
	s.Update(func(tx *sql.Tx) error {
		_, err := tx.Exec(`UPDATE admin_sessions SET authenticated_at = authenticated_at - $1`, d.Microseconds())
		return err
	})
}

// last is the newest event of a type.
func (s *site) last(kind string) systemlog.Event {
	s.T.Helper()
	all := s.Events(kind)
	if len(all) == 0 {
		s.T.Fatalf("no event %s", kind)
	}
	return all[len(all)-1]
}

// Sign in at a real provider, with the role of a group; role and name follow the
// provider; who has no group any more is out at once, who is suspended stays out.
func TestSingleSignOn(t *testing.T) {
	s, idp, root := newSSOSite(t, "Admins=super-admin", "Desk=help-desk-admin", "Night=custom-night")
	m := s.mac("C02AMY", "amy")
	idp.Knows(map[string]somebody{"s1": {Login: "sam@example.com", Name: "Sam", Groups: []string{"Others", "Desk"}}})
	b, v := s.visitor(), idp.Visitor()
	b.get("/sign-in").has("Single sign-on", "Sign in at 127.0.0.1")
	b.sso(v, "s1", "pwd mfa").to("/devices")
	b.get("/devices").is(200).has("C02AMY")
	b.get("/account").has("sam@example.com", "help-desk-admin", "Signed in by", idp.Issuer).hasNot("Change password", "Passkeys")
	pinOn(b.post(m.ofAmy("/pin"), asks()).is(200))
	if e := s.last(systemlog.UserCreate); e.Actor.AlternateID != "sam@example.com" || e.Detail["subject"] != "s1" || e.Detail["issuer"] != idp.Issuer || e.Severity != systemlog.Warn {
		t.Errorf("%+v", e)
	}
	if e := s.Events(systemlog.AuthViaSSO); len(e) != 1 || e[0].Outcome.Result != systemlog.Success || e[0].Detail["group"] != "Desk" {
		t.Errorf("%+v", e)
	}
	if e := s.last(systemlog.SessionStart); e.Actor.AlternateID != "sam@example.com" || e.Detail["factor"] != "oidc" {
		t.Errorf("%+v", e)
	}

	// What the provider decides is not changed by hand; suspending is.
	root.get("/administrators").has("by single sign-on", "Role and scope come from "+idp.Issuer)
	sam := "/administrators/" + idOf(root, "sam@example.com")
	for operation, form := range map[string]url.Values{"role": {"role": {"super-admin"}}, "scope": {"groups": {""}}, "set-up-code": nil} {
		root.post(sam+"/"+operation, form).is(409).has("changed there, not here")
	}
	for _, path := range []string{"/account/password", "/account/app", "/account/passkey", "/account/recovery-codes"} {
		b.get(path).is(409).has("changed there")
		b.post(path, url.Values{"code": {"123456"}, "password": {password}}).is(409)
	}
	s.visitor().post("/sign-in", url.Values{"login": {"sam@example.com"}, "password": {""}}).is(403)
	s.visitor().post("/set-up", url.Values{"login": {"sam@example.com"}, "code": {""}}).is(403)

	s.followsTheProvider(idp, v, root, b)

	// A server without the provider knows none of its sessions.
	s.serve(nil)
	b.get("/devices").to("/sign-in")
	b.get("/sign-in").hasNot("Single sign-on")
	for _, path := range []string{"/sign-in/sso", "/sign-in/sso/logout"} {
		b.post(path, nil).is(404)
	}
	b.get("/sign-in/sso/callback?code=x&state=ssoa.b").is(404)
}

// followsTheProvider: b is s1, signed in with the group Desk.
func (s *site) followsTheProvider(idp *federationtest.Provider, v *federationtest.Visitor, root, b *browser) {
	t := s.T
	t.Helper()
	// Another role by another sign-in, which the session of before has at once.
	idp.Knows(map[string]somebody{"s1": {Login: "sam@example.org", Name: "Sam S.", Groups: []string{"Desk", "Admins"}}})
	other := s.visitor()
	other.sso(v, "s1", "").to("/devices") // the provider has a session
	b.get("/settings").is(200).has("Save")
	if e := s.last(systemlog.PrivilegeGrant); e.Detail["role"] != "help-desk-admin -> super-admin" || e.Detail["group"] != "Admins" {
		t.Errorf("%+v", e)
	}
	if e := s.last(systemlog.ProfileUpdate); e.Detail["login"] != "sam@example.com -> sam@example.org" {
		t.Errorf("%+v", e)
	}

	// The role of the mapping is not there, then no group is.
	for _, c := range []struct {
		groups     []string
		says, code string
	}{{[]string{"Night"}, "custom-night, which is not there", federation.RoleGone}, {[]string{"Others"}, "None of your groups", federation.NoRole}, {nil, "no claim groups", federation.NoRole}} {
		idp.Knows(map[string]somebody{"s1": {Login: "sam@example.org", Groups: c.groups}})
		s.visitor().sso(v, "s1", "").is(403).has("You are not signed in", c.says)
		if e := s.last(systemlog.AuthViaSSO); e.Outcome.Reason != c.code || e.Actor.AlternateID != "sam@example.org" {
			t.Errorf("%+v", e)
		}
	}
	b.get("/devices").to("/sign-in")
	other.get("/devices").to("/sign-in")
	if e := s.last(systemlog.SessionEnd); e.Detail["sessions"] != "2" {
		t.Errorf("%+v", e)
	}

	idp.Knows(map[string]somebody{"s1": {Login: "sam@example.org", Groups: []string{"Admins"}}})
	b.sso(v, "s1", "").to("/devices")
	// The last local super admin stays, whoever the provider says is one.
	b.post("/administrators/"+idOf(b, "pat@example.com")+"/suspend", nil).is(409).has("the last active super admin stays")
	b.post("/administrators/"+idOf(b, "pat@example.com")+"/role", url.Values{"role": {"org-admin"}}).is(409)
	sam := "/administrators/" + idOf(root, "sam@example.org")
	root.post(sam+"/suspend", nil).to("/administrators")
	b.get("/devices").to("/sign-in")
	b.sso(v, "s1", "").is(403).has("Your account here is suspended")
	root.post(sam+"/unsuspend", nil).to("/administrators")
	b.sso(v, "s1", "").to("/devices")
}

// Who the provider signs in, and who is not let in here all the same.
func TestSingleSignOnIsRefused(t *testing.T) {
	s, idp, _ := newSSOSite(t, "Desk=help-desk-admin", "Team=org-admin@Team A")
	desk := []string{"Desk"}
	idp.Knows(map[string]somebody{"local": {Login: "Pat@Example.com", Groups: desk}, "weak": {Login: "w@example.com", Groups: desk}, "spaces": {Login: "a b", Groups: desk},
		"nameless": {Groups: desk}, "team": {Login: "t@example.com", Groups: []string{"Team"}}, "no": {Login: "no@example.com", Groups: desk}, "new": {Login: "w2@example.com", Groups: desk}, "old": {Login: "w2@example.com", Groups: desk}})
	for subject, c := range map[string]struct{ methods, says, code string }{
		"local":    {"mfa", "There is a local account with your login", federation.LoginTaken},
		"weak":     {"pwd", `amr "pwd"`, federation.NoSecond},
		"spaces":   {"mfa", "cannot be a login", federation.BadClaims},
		"nameless": {"mfa", "no claim preferred_username", federation.BadClaims},
		"team":     {"mfa", "Team A, and not all of these groups are there", federation.RoleGone},
	} {
		s.visitor().sso(idp.Visitor(), subject, c.methods).is(403).has("You are not signed in", c.says)
		if e := s.last(systemlog.AuthViaSSO); e.Outcome.Result != systemlog.Failure || e.Outcome.Reason != c.code || e.Detail["subject"] != subject {
			t.Errorf("%s: %+v", subject, e)
		}
	}
	b := s.visitor()
	page := b.get(idp.Visitor().Refuses(b.begins())).is(403).has("access_denied", "said no").hasNot("evil")
	if e := s.last(systemlog.AuthViaSSO); e.Outcome.Reason != federation.ProviderSaid || strings.Contains(page.body, "<b>") {
		t.Errorf("%+v", e)
	}
	if n := len(s.Events(systemlog.UserCreate)); n != 1 { // pat
		t.Errorf("%d accounts were made", n)
	}

	// A login that the provider gives on: not before who had it is suspended.
	s.visitor().sso(idp.Visitor(), "old", "mfa").to("/devices")
	s.visitor().sso(idp.Visitor(), "new", "mfa").is(403).has("belongs to another person")
	s.Update(func(tx *sql.Tx) error {
		a, err := s.SignIn.AdminByLogin(context.Background(), tx, "w2@example.com")
		if err != nil {
			return err
		}
		return s.SignIn.Suspend(context.Background(), tx, a.ID, signinBySystem())
	})
	s.visitor().sso(idp.Visitor(), "new", "mfa").to("/devices")
	s.visitor().sso(idp.Visitor(), "old", "mfa").is(403).has("suspended")

	// Twenty refusals from one address wait; local accounts sign in as before.
	for range 20 {
		b.get("/sign-in/sso/callback?code=x&state=ssoa.b")
	}
	b.get("/sign-in/sso/callback?code=x&state=ssoa.b").is(429).has("too many wrong tries")
	b.post("/sign-in/sso", nil).is(429)
	if len(s.Events(systemlog.ClientLimit)) != 1 {
		t.Errorf("%+v", s.Events(systemlog.ClientLimit))
	}
	b.post("/sign-in", url.Values{"login": {"pat@example.com"}, "password": {password}}).to("/sign-in/second")
	s.Pass(11 * time.Minute)
	b.post("/sign-in/sso", nil).is(200)
}

// What comes back is taken once, in the browser that began it, at any server;
// forms of other sites begin and end nothing.
func TestSingleSignOnAcrossTabsAndServers(t *testing.T) {
	s, idp, root := newSSOSite(t, "Team=org-admin@Team A")
	m := s.mac("C02AMY", "amy")
	s.mac("C02BOB", "bob")
	m.theirs(root, "Team A", "amy@example.com")
	idp.Knows(map[string]somebody{"s1": {Login: "sam@example.com", Groups: []string{"Team"}}})
	b, v := s.visitor(), idp.Visitor()
	one, two := b.begins(), b.begins() // two tabs
	first, second := v.SignsIn(one, "s1", "mfa"), v.SignsIn(two, "s1", "mfa")
	thief := s.visitor()
	thief.get(first).is(403).has("not begun in this browser")
	if e := s.last(systemlog.AuthViaSSO); e.Outcome.Reason != federation.NoFlow || e.Actor.ID != "unknown" {
		t.Errorf("%+v", e)
	}
	s.federate(idp.Issuer, "Team=org-admin@Team A") // another server, on the same database
	kept := map[string]string{}
	for name, c := range b.cookies {
		if kept[name] = c.Value; !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.MaxAge != 600 || !strings.HasPrefix(name, "__Host-latchkey-sso-") {
			t.Errorf("%+v", c)
		}
	}
	b.get(second).to("/devices")
	b.get("/devices").is(200).has("C02AMY").hasNot("C02BOB") // the mapping's scope
	b.get(first).to("/devices")
	if len(b.cookies) != 1 {
		t.Errorf("%v", b.cookies)
	}
	again := b.get(first).is(403).has("not begun in this browser") // the cookie has gone
	for name, value := range kept {
		thief.cookies[name] = cookieOf(name, value)
	}
	thief.get(first).is(403).has("used already")
	for _, secret := range append([]string{"code="}, kept["x"]) {
		if secret != "" && strings.Contains(again.body, secret) {
			t.Errorf("the page has %q", secret)
		}
	}
	for _, path := range []string{"/sign-in/sso", m.ofAmy("/pin/authenticate")} {
		b.send("POST", path, asks(), map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}).is(403).has("This came from another site")
	}
	b.post("/sign-in/sso", url.Values{"next": {"https://evil.example"}}).is(200)
	late := b.begins()
	s.Pass(10 * time.Minute)
	b.get(v.SignsIn(late, "s1", "mfa")).is(403).has("more than ten minutes ago")
	for _, e := range s.Events("") {
		for _, value := range kept {
			if strings.Contains(e.Detail["subject"]+e.Message+e.Outcome.Reason, value) {
				t.Errorf("%+v", e)
			}
		}
	}
}

// A PIN after a quarter of an hour: another proof at the provider, of the same
// person, and what was typed is kept.
func TestAuthenticateAgainAtTheProvider(t *testing.T) {
	s, idp, _ := newSSOSite(t, "Desk=help-desk-admin")
	m := s.mac("C02AMY", "amy")
	idp.Knows(map[string]somebody{"s1": {Login: "sam@example.com", Groups: []string{"Desk"}}, "s2": {Login: "kim@example.com", Groups: []string{"Desk"}}})
	b, v := s.visitor(), idp.Visitor()
	b.sso(v, "s1", "mfa").to("/devices")
	b.get(m.ofAmy("/pin")).hasNot("/pin/authenticate")
	s.ages(16 * time.Minute)
	b.get(m.ofAmy("/pin")).has("Authenticate at 127.0.0.1", "Your sign-in is older").hasNot("Generate device recovery PIN", `id="code"`)
	b.post(m.ofAmy("/pin"), asks()).is(403).has(" first: your sign-in is older than 15 minutes")
	b.post(m.ofAmy("/pin"), asks("code", "123456")).is(403)

	to := b.post(m.ofAmy("/pin/authenticate"), asks("deviceCode", "1234 5678", "role", "x")).is(200).leads()
	if !strings.Contains(to, "prompt=login") || !strings.Contains(to, "max_age=0") || strings.Contains(to, "phone") {
		t.Error(to)
	}
	// Somebody else at the provider is not the one of the session.
	wrong := b.get(idp.Visitor().SignsIn(to, "s2", "mfa")).is(403).has("somebody else than here", "Back to the form")
	if e := s.last(systemlog.AuthViaSSO); e.Outcome.Reason != federation.Another || e.Severity != systemlog.Error || e.Detail["subject"] != "s2" {
		t.Errorf("%+v", e)
	}
	back := html.UnescapeString(regexp.MustCompile(`class="button" href="([^"]+)"`).FindStringSubmatch(wrong.body)[1])
	b.get(back).is(200).has("Authenticate at").has().b.get(back)
	if page := b.get(back).body; !strings.Contains(page, `value="lost phone"`) || !strings.Contains(page, `value="INC-4711"`) || !strings.Contains(page, `value="1234 5678"`) {
		t.Errorf("what was typed is lost:\n%s", page)
	}
	// The right person; but the session has ended meanwhile, or is another's.
	to = b.post(m.ofAmy("/pin/authenticate"), asks()).leads()
	query := v.SignsIn(to, "s1", "mfa")
	session := b.cookies["__Host-latchkey"]
	delete(b.cookies, "__Host-latchkey")
	b.get(query).is(403).has("Your session here has ended meanwhile")
	b.cookies["__Host-latchkey"] = session
	b.get(m.ofAmy("/pin")).has("Authenticate at")

	to = b.post(m.ofAmy("/pin/authenticate"), asks()).leads()
	a := b.get(v.SignsIn(to, "s1", "mfa")).to(m.ofAmy("/pin"))
	form := b.get(a.header.Get("Location")).is(200).has("Generate device recovery PIN").hasNot("Authenticate at")
	if !strings.Contains(form.body, `value="lost phone"`) || len(s.Events(systemlog.PINGenerate)) != 0 {
		t.Errorf("%s", form.text())
	}
	pinOn(b.post(m.ofAmy("/pin"), asks()).is(200))

	s.ages(16 * time.Minute)
	b.post(m.ofAmy("/pin/authenticate"), asks("reason", strings.Repeat("long ", 900))).is(400).has("too long to be kept")
	// Without a second factor this time, or without a role.
	to = b.post(m.ofAmy("/pin/authenticate"), asks()).leads()
	b.get(v.SignsIn(to, "s1", "pwd")).is(403).has("You have not authenticated again", "second factor")
	b.get(m.ofAmy("/pin")).has("Authenticate at")
	idp.Knows(map[string]somebody{"s1": {Login: "sam@example.com"}})
	to = b.post(m.ofAmy("/pin/authenticate"), asks()).leads()
	b.get(v.SignsIn(to, "s1", "mfa")).is(403)
	b.get("/devices").to("/sign-in")
}

// Signed out on both sides, whichever was first.
func TestSignedOutOnBothSides(t *testing.T) {
	s, idp, _ := newSSOSite(t, "Desk=help-desk-admin")
	idp.Knows(map[string]somebody{"s1": {Login: "sam@example.com", Groups: []string{"Desk"}}})
	b, v := s.visitor(), idp.Visitor()
	b.sso(v, "s1", "mfa").to("/devices")
	page := b.post("/sign-out", nil).is(200).has("Signed out here")
	if to := page.leads(); !strings.HasPrefix(to, idp.Issuer+"/session/end?") || !strings.Contains(to, "id_token_hint=ey") || !strings.Contains(to, url.QueryEscape(s.url+"/signed-out")) {
		t.Error(to)
	}
	if len(b.cookies) != 0 {
		t.Errorf("%v", b.cookies)
	}
	b.get("/signed-out").to("/sign-in")

	// At the provider, which tells the console by itself.
	b.sso(v, "s1", "mfa").to("/devices")
	other := s.visitor()
	other.sso(idp.Visitor(), "s1", "mfa").to("/devices") // another session of the provider's
	v.SignsOut(page.leads())
	b.get("/devices").to("/sign-in")
	other.get("/devices").is(200)
	if e := s.last(systemlog.SessionEnd); e.Detail["why"] != "signed out at the sign-in provider" || e.Detail["sessions"] != "1" {
		t.Errorf("%+v", e)
	}
	b.post("/sign-in/sso/logout", url.Values{"logout_token": {"a.b.c"}}).is(400).has("No sign-out")
	b.post("/sign-in/sso/logout", nil).is(400)
	other.get("/devices").is(200)
}

// The provider is away: that is said, and a local account signs in.
func TestTheProviderIsAway(t *testing.T) {
	s := newSite(t)
	pat := s.admin("pat@example.com", access.SuperAdmin)
	s.federate("http://127.0.0.1:1", "Desk=help-desk-admin")
	s.visitor().post("/sign-in/sso", nil).is(502).has("Single sign-on is not possible now", "sign in with a local account")
	pat.get("/devices").is(200)
	s.Pass(time.Minute)
	b := s.visitor()
	b.post("/sign-in", url.Values{"login": {"pat@example.com"}, "password": {password}}).to("/sign-in/second")
	b.key = pat.key
	b.post("/sign-in/code", url.Values{"code": {b.code()}}).to("/")
}

func signinBySystem() signin.By { return signin.By{Actor: systemlog.System()} }

func cookieOf(name, value string) *http.Cookie { return &http.Cookie{Name: name, Value: value} }
