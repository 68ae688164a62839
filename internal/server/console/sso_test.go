package console_test

import (
	"context"
	"database/sql"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/federation"
	"github.com/latchkey-mfa/latchkey/internal/server/federation/federationtest"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// newSSOSite is a site whose administrators sign in at a real provider.
func newSSOSite(t testing.TB, rules ...string) (*site, *federationtest.Provider) {
	t.Helper()
	s := newSite(t)
	idp := federationtest.Start(t, "a secret of the test", s.url)
	s.federate(idp.Issuer, "a secret of the test", rules...)
	return s, idp
}

// federate has the site take administrators of a provider.
func (s *site) federate(issuer, secret string, rules ...string) {
	s.T.Helper()
	parsed, err := federation.ParseRules(rules)
	if err != nil {
		s.T.Fatal(err)
	}
	provider, err := federation.New(federation.Config{Issuer: issuer, ClientID: federationtest.ClientID, ClientSecret: secret, GroupsClaim: "groups", LoginClaim: "preferred_username",
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

// sso signs in at the provider and comes back.
func (b *browser) sso(v *federationtest.Visitor, subject, methods string) answer {
	b.s.T.Helper()
	to := b.post("/sign-in/sso", url.Values{"next": {"/devices"}}).is(200).leads()
	return b.get(v.SignsIn(to, subject, methods))
}

func TestSingleSignOn(t *testing.T) {
	s, idp := newSSOSite(t, "Admins=super-admin", "Desk=help-desk-admin")
	m := s.mac("C02AMY", "amy")
	s.admin("pat@example.com", access.SuperAdmin)
	idp.Knows(map[string]federationtest.Person{"s1": {Login: "sam@example.com", Name: "Sam", Groups: []string{"Desk", "Others"}}})
	b, v := s.visitor(), idp.Visitor()
	b.get("/sign-in").has("Single sign-on", "Sign in at 127.0.0.1")
	b.sso(v, "s1", "pwd mfa").to("/devices")
	b.get("/devices").is(200).has("C02AMY")
	b.get("/account").has("sam@example.com", "help-desk-admin", "Signed in by", idp.Issuer).hasNot("Change password", "Passkeys")
	pinOn(b.post(m.ofAmy("/pin"), asks()).is(200))
	made := s.Events(systemlog.UserCreate)
	if e := made[len(made)-1]; e.Actor.AlternateID != "sam@example.com" || e.Detail["subject"] != "s1" || e.Detail["issuer"] != idp.Issuer {
		t.Errorf("%+v", e)
	}
	if e := s.Events(systemlog.AuthViaSSO); len(e) != 1 || e[0].Outcome.Result != systemlog.Success || e[0].Detail["group"] != "Desk" {
		t.Errorf("%+v", e)
	}
	_ = time.Second
	_ = context.Background
	_ = sql.ErrNoRows
	_ = strings.Cut
}
