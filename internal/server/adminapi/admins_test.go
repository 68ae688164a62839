package adminapi_test

import (
	"encoding/csv"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
)

// accounts of administrators, roles, groups and tokens, from their making to
// their end.
func (c *console) accounts() {
	c.T.Helper()
	const own = "/api/v1/latchkey/"
	var group struct{ ID string }
	c.must(201, "POST", own+"groups", map[string]string{"name": "Berlin"}, &group)
	c.must(204, "PUT", own+"groups/"+group.ID+"/members/amy@example.com", nil, nil)
	var members []struct{ Profile struct{ Login string } }
	if c.must(200, "GET", own+"groups/"+group.ID+"/members", nil, &members); len(members) != 1 || members[0].Profile.Login != "amy@example.com" {
		c.T.Errorf("%+v", members)
	}
	c.must(200, "GET", own+"groups", nil, nil)

	var role struct {
		Key         string
		Permissions []string
	}
	c.must(201, "POST", own+"roles", map[string]any{"name": "Night desk", "permissions": []string{"okta.devices.read"}}, &role)
	c.must(204, "PUT", own+"roles/"+role.Key, map[string]any{"permissions": []string{"okta.devices.read", "okta.logs.read"}}, nil)
	var roles []struct {
		Key         string
		Permissions []string
	}
	if c.must(200, "GET", own+"roles", nil, &roles); len(roles) != len(access.Roles())+1 || roles[4].Key != "custom-night-desk" || len(roles[4].Permissions) != 2 {
		c.T.Errorf("%+v", roles)
	}

	type admin struct {
		ID, Role, Status, SetUpCode string
		Groups                      []string
	}
	var made, again admin
	c.must(201, "POST", own+"administrators", map[string]any{"login": "kim@example.com", "name": "Kim", "role": "read-only-admin"}, &made)
	path := own + "administrators/" + made.ID
	c.must(204, "PUT", path+"/role", map[string]string{"role": role.Key}, nil)
	c.must(204, "PUT", path+"/groups", map[string]any{"groups": []string{"berlin"}}, nil)
	c.must(200, "GET", path, nil, &again)
	if again.Role != role.Key || len(again.Groups) != 1 || made.SetUpCode == "" || again.SetUpCode != "" {
		c.T.Errorf("%+v, then %+v", made, again)
	}
	if c.must(200, "POST", path+"/lifecycle/reset", nil, &again); again.SetUpCode == "" || again.SetUpCode == made.SetUpCode {
		c.T.Errorf("%+v", again)
	}
	for want, ask := range map[int][3]string{ // who is not suspended is not removed; what is held or in a scope stays
		409: {"DELETE", path}, 404: {"GET", own + "administrators/adm0"}, 400: {"POST", path + "/lifecycle/explode"},
	} {
		if got := c.ask(access.SuperAdmin, ask[0], ask[1], nil, nil); got != want {
			c.T.Errorf("%s %s: %d, want %d", ask[0], ask[1], got, want)
		}
	}
	for _, held := range []string{own + "roles/" + role.Key, own + "groups/" + group.ID} {
		if got := c.ask(access.SuperAdmin, "DELETE", held, nil, nil); got != 409 {
			c.T.Errorf("DELETE %s: %d, want 409", held, got)
		}
	}
	c.must(204, "POST", path+"/lifecycle/suspend", nil, nil)
	c.must(204, "POST", path+"/lifecycle/unsuspend", nil, nil)
	c.must(200, "GET", path, nil, nil)
	c.must(204, "POST", path+"/lifecycle/suspend", nil, nil)
	c.must(204, "DELETE", path, nil, nil)
	var left []admin
	if c.must(200, "GET", own+"administrators", nil, &left); len(left) != 0 {
		c.T.Errorf("%+v", left)
	}
	c.must(204, "DELETE", own+"roles/"+role.Key, nil, nil)
	c.must(204, "DELETE", own+"groups/"+group.ID+"/members/amy@example.com", nil, nil)
	c.must(204, "DELETE", own+"groups/"+group.ID, nil, nil)
	var token struct{ ID, Token string }
	c.must(201, "POST", own+"tokens", map[string]any{"name": "reader", "login": "sam@example.com", "role": "org-admin", "scopes": []string{"okta.logs.read"}}, &token)
	c.must(204, "POST", own+"tokens/"+token.ID+"/revoke", nil, nil)
	var tokens []struct{ ID, Token string }
	if c.must(200, "GET", own+"tokens", nil, &tokens); len(tokens) != len(access.Roles())+1 || tokens[0].Token != "" {
		c.T.Errorf("%+v", tokens)
	}
}

// The routes of accounts are a super admin's, but for looking.
func TestAccountsByRole(t *testing.T) {
	c := newConsole(t)
	c.must(201, "POST", "/api/v1/latchkey/administrators", map[string]any{"login": "kim@example.com", "name": "Kim", "role": "read-only-admin"}, nil)
	for _, row := range []struct {
		method, path string
		body         any
		only         int
	}{
		{"GET", "administrators", nil, 2}, {"GET", "roles", nil, 2}, {"GET", "groups", nil, 2}, {"GET", "tokens", nil, 4},
		{"POST", "administrators", map[string]any{"login": "x", "name": "x", "role": "super-admin"}, 4},
		{"POST", "tokens", map[string]any{"name": "x", "login": "x", "role": "super-admin"}, 4},
		{"POST", "roles", map[string]any{"name": "x", "permissions": []string{"okta.devices.read"}}, 4},
		{"GET", "logs/export?format=csv", nil, 2}, {"PUT", "administrators/x/role", map[string]string{"role": "super-admin"}, 4},
		{"POST", "administrators/x/lifecycle/suspend", nil, 4}, {"DELETE", "administrators/x", nil, 4}, {"POST", "tokens/x/revoke", nil, 4},
	} {
		for _, role := range []access.Role{access.OrgAdmin, access.HelpDeskAdmin, access.ReadOnlyAdmin} {
			raw, _ := json.Marshal(row.body)
			if got := c.send("SSWS "+c.tokens[role], row.method, "/api/v1/latchkey/"+row.path, raw).Code / 100; got != row.only {
				t.Errorf("%s %s as %s: %dxx, want %dxx", row.method, row.path, role, got, row.only)
			}
		}
	}
}

// A token with scopes does what both they and its role allow, and expires.
func TestScopedTokens(t *testing.T) {
	c := newConsole(t)
	var token struct {
		ID, Token string
		ExpiresAt time.Time
		LastUsed  *time.Time
	}
	c.must(201, "POST", "/api/v1/latchkey/tokens", map[string]any{"name": "reader", "login": "sam@example.com", "role": "super-admin", "scopes": []string{"okta.devices.read", "latchkey.admins.manage"}, "expiresInDays": 2}, &token)
	if want := c.Now().Add(48 * time.Hour); !token.ExpiresAt.Equal(want) {
		t.Errorf("good until %s, want %s", token.ExpiresAt, want)
	}
	for path, want := range map[string]int{"/api/v1/devices": 200, "/api/v1/users": 403, "/api/v1/logs": 403, "/api/v1/latchkey/settings": 403, "/api/v1/latchkey/tokens": 200} {
		if got := c.send("SSWS "+token.Token, "GET", path, nil).Code; got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
	more := []byte(`{"name":"more","login":"sam@example.com","role":"super-admin"}`)
	if w := c.send("SSWS "+token.Token, "POST", "/api/v1/latchkey/tokens", more); w.Code != 400 || !strings.Contains(w.Body.String(), "gives no others") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for _, days := range []string{"0", "-1", "367", "1e9", `"90"`} {
		raw := []byte(`{"name":"x","login":"x","role":"org-admin","expiresInDays":` + days + `}`)
		if w := c.send("SSWS "+c.tokens[access.SuperAdmin], "POST", "/api/v1/latchkey/tokens", raw); w.Code != 400 {
			t.Errorf("%s days: %d %s", days, w.Code, w.Body)
		}
	}
	var all []struct {
		ID       string
		LastUsed *time.Time
	}
	c.must(200, "GET", "/api/v1/latchkey/tokens", nil, &all)
	for _, k := range all {
		if k.ID == token.ID && (k.LastUsed == nil || !k.LastUsed.Equal(c.Now())) {
			t.Errorf("used at %v, want %s", k.LastUsed, c.Now())
		}
	}
	c.Pass(48 * time.Hour)
	if got := c.send("SSWS "+token.Token, "GET", "/api/v1/devices", nil).Code; got != 401 {
		t.Errorf("after its time: %d", got)
	}
}

// An export has what the filter picks, as lines or as a table, and is an event.
func TestExports(t *testing.T) {
	c := newConsole(t)
	c.mac("C02A", "amy", "")
	token := "SSWS " + c.tokens[access.SuperAdmin]
	const export = "/api/v1/latchkey/logs/export?format="
	w := c.send(token, "GET", export+"jsonl", nil)
	lines := strings.Split(strings.TrimSpace(w.Body.String()), "\n")
	var last struct{ EventType string }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || last.EventType != "system.log.export" || len(lines) < 5 {
		t.Errorf("%d lines, the last %+v, %v", len(lines), last, err)
	}
	w = c.send(token, "GET", export+"csv&filter="+url.QueryEscape(`eventType eq "system.log.export"`), nil)
	rows, err := csv.NewReader(w.Body).ReadAll()
	if err != nil || len(rows) != 3 || w.Header().Get("Content-Type") != "text/csv; charset=utf-8" || !strings.Contains(w.Header().Get("Content-Disposition"), "system-log.csv") {
		t.Errorf("%v %v %v", rows, err, w.Header())
	}
	for _, bad := range []string{"", "pdf", "csv&limit=5", "csv&sortOrder=DESCENDING", "csv&filter=x", "csv&colour=grey"} {
		if got := c.send(token, "GET", export+bad, nil).Code; got != 400 {
			t.Errorf("%q: %d", bad, got)
		}
	}
}
