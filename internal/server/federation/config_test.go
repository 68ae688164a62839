package federation_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/latchkey-mfa/latchkey/internal/server/federation"
)

// What cannot be a configuration is said at the start, with its field.
func TestConfigurationsThatCannotBe(t *testing.T) {
	good := federation.Config{Issuer: "https://idp.example.com", ClientID: "c", ClientSecret: "hidden", GroupsClaim: "groups", LoginClaim: "email",
		Rules: []federation.Rule{{Group: "g", Role: "org-admin"}}, SecondFactor: []string{"mfa"}}
	if _, err := federation.New(good); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		field  string
		change func(c *federation.Config)
	}{
		"http":                   {"Issuer", func(c *federation.Config) { c.Issuer = "http://idp.example.com" }},
		"no host":                {"Issuer", func(c *federation.Config) { c.Issuer = "https:" }},
		"a query":                {"Issuer", func(c *federation.Config) { c.Issuer = "https://idp.example.com?x=1" }},
		"a user":                 {"Issuer", func(c *federation.Config) { c.Issuer = "https://a:b@idp.example.com" }},
		"a name like loopback":   {"Issuer", func(c *federation.Config) { c.Issuer = "http://localhost.example.com" }},
		"no client":              {"ClientID", func(c *federation.Config) { c.ClientID = "" }},
		"no groups claim":        {"GroupsClaim", func(c *federation.Config) { c.GroupsClaim = "" }},
		"no login claim":         {"LoginClaim", func(c *federation.Config) { c.LoginClaim = "" }},
		"no rules":               {"Rules", func(c *federation.Config) { c.Rules = nil }},
		"two scopes in one":      {"Scopes", func(c *federation.Config) { c.Scopes = []string{"a b"} }},
		"no second factor":       {"SecondFactor", func(c *federation.Config) { c.SecondFactor = nil }},
		"an empty second factor": {"SecondFactor", func(c *federation.Config) { c.SecondFactor = []string{""} }},
		"trust and more":         {"SecondFactor", func(c *federation.Config) { c.SecondFactor = []string{"mfa", federation.TrustProvider} }},
	} {
		bad := good
		c.change(&bad)
		_, err := federation.New(bad)
		var field *federation.FieldError
		if !errors.As(err, &field) || field.Field != c.field || field.Problem == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, issuer := range []string{"http://127.0.0.1:8080", "http://[::1]/x", "http://localhost:1", "https://idp.example.com/realms/x"} {
		c := good
		c.Issuer = issuer
		p, err := federation.New(c)
		if err != nil {
			t.Errorf("%s: %v", issuer, err)
		}
		if text := fmt.Sprintf("%v %+v %#v %v %#v", c, c, c, p, p); strings.Contains(text, "hidden") {
			t.Errorf("the secret prints: %s", text)
		}
	}
}

func TestRules(t *testing.T) {
	for text, want := range map[string]string{
		"Admins=super-admin":                    "{Admins super-admin []}",
		" CN=Desk,OU=IT = Org-Admin ":           "{CN=Desk,OU=IT org-admin []}",
		"Desk=help-desk-admin@Team A; Zürich":   "{Desk help-desk-admin [Team A Zürich]}",
		"Desk=custom-night-desk":                "{Desk custom-night-desk []}",
		"Desk":                                  "want GROUP=ROLE",
		"=org-admin":                            "want a group",
		"Desk=":                                 "there is no role",
		"Desk=admin":                            "there is no role",
		"Desk=custom-":                          "there is no role",
		"Desk=custom-Night Desk":                "there is no role",
		"Desk=org-admin@":                       "want groups of users",
		"Desk=org-admin@a;;b":                   "want groups of users",
		"Desk=super-admin@Team A":               "one for the whole org",
		"a\nb=org-admin":                        "want a group",
		strings.Repeat("g", 300) + "=org-admin": "want a group",
	} {
		r, err := federation.ParseRule(text)
		got := fmt.Sprint(r)
		if err != nil {
			got = err.Error()
		}
		if err == nil && got != want || err != nil && !strings.Contains(got, want) {
			t.Errorf("%.40q is %s, want %s", text, got, want)
		}
	}
	for _, list := range [][]string{nil, {"a=org-admin", "a=super-admin"}, slices.Repeat([]string{"a=org-admin"}, 201)} {
		if _, err := federation.ParseRules(list); err == nil {
			t.Errorf("%d rules are taken", len(list))
		}
	}
}

// The first rule of which somebody has the group is theirs, whatever else they
// are in and in which order the provider says it; none is none.
func TestTheFirstRuleCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"A", "B", "C", "D", "a", "A ", "", "É"})
		var rules []federation.Rule
		for _, g := range rapid.SliceOfNDistinct(name, 0, 6, rapid.ID[string]).Draw(t, "rules") {
			rules = append(rules, federation.Rule{Group: g, Role: "org-admin"})
		}
		groups := rapid.SliceOf(name).Draw(t, "groups")
		got, found := federation.Mapped(rules, groups)
		for _, r := range rules {
			if slices.Contains(groups, r.Group) {
				if !found || got.Group != r.Group {
					t.Fatalf("%v of %v: %v", groups, rules, got)
				}
				return
			}
		}
		if found || got.Role != "" {
			t.Fatalf("%v of %v: %v", groups, rules, got)
		}
	})
}
