package adminapi_test

import (
	"database/sql"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/adminapi"
)

// scoped is an operation with the scopes that its description names.
type scoped struct {
	id, method, path string
	scopes           []access.Permission
}

func scopedOperations(t *testing.T) (out []scoped) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(adminapi.OpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if op.Security != nil && len(*op.Security) == 0 {
				continue
			}
			s := scoped{id: op.OperationID, method: method, path: path}
			names, _ := op.Extensions["x-latchkey-scopes"].([]any)
			for _, name := range names {
				s.scopes = append(s.scopes, access.Permission(name.(string)))
			}
			out = append(out, s)
		}
	}
	return out
}

// The description names the scopes of each operation: with these a token gets
// past the permissions, and without any one of them it does not.
func TestScopesAreAsDescribed(t *testing.T) {
	c := newConsole(t)
	c.must(200, "POST", "/api/v1/users", map[string]any{"profile": map[string]string{"login": "amy@example.com"}}, nil)
	dev, acc, _, _, _ := c.mac("C02A", "amy", "amy@example.com")
	var group, admin struct{ ID string }
	c.must(201, "POST", "/api/v1/latchkey/groups", map[string]string{"name": "Berlin"}, &group)
	c.must(201, "POST", "/api/v1/latchkey/administrators", map[string]any{"login": "kim@example.com", "name": "Kim", "role": "org-admin"}, &admin)
	c.must(201, "POST", "/api/v1/latchkey/roles", map[string]any{"name": "x", "permissions": []string{"okta.devices.read"}}, nil)
	names := strings.NewReplacer("{deviceId}", dev, "{osAccountId}", acc, "{userId}", "amy@example.com", "{login}", "amy@example.com", "{groupId}", group.ID, "{adminId}", admin.ID,
		"{roleKey}", "custom-x", "{operation}", "suspend", "{pinId}", "pin0", "{factorId}", "fac0", "{invitationId}", "inv0", "{challengeId}", "cha0", "{tokenId}", "tok0")
	// What cannot be read is refused before what may not be done, unless it may
	// not be done at all: each body is a good one.
	bodies := map[string]string{"confirmDevices": `{"ids":["dev0"]}`, "setPrelink": `{"login":"amy@example.com"}`, "issueRecoveryPin": `{"reason":"lost phone"}`,
		"createUser": `{"profile":{"login":"new@example.com"}}`, "createInvitation": `{"kind":"push"}`, "createChallenge": `{"kind":"static"}`,
		"createAdministrator": `{"login":"n@example.com","name":"N","role":"org-admin"}`, "setAdministratorRole": `{"role":"read-only-admin"}`, "setAdministratorGroups": `{"groups":[]}`,
		"createRole": `{"name":"y","permissions":["okta.devices.read"]}`, "changeRole": `{"permissions":["okta.devices.read"]}`, "disarmDevice": `{"reason":"x"}`, "createGroup": `{"name":"Paris"}`,
		"createToken": `{"name":"n","login":"n","role":"org-admin"}`, "replaceDesktopMFARecoveryPinOrgSetting": `{"desktopMFARecoveryPinEnabled":true}`, "putSettings": `{"recovery":true}`,
		"replaceDesktopMFAEnforceNumberMatchingChallengeOrgSetting": `{"desktopMFAEnforceNumberMatchingChallengeEnabled":true}`}
	seen := 0
	for _, op := range scopedOperations(t) {
		if len(op.scopes) == 0 {
			t.Errorf("%s names no scopes", op.id)
			continue
		}
		path := names.Replace(op.path)
		if op.id == "exportLogs" {
			path += "?format=csv"
		}
		try := func(scopes []access.Permission) int {
			return c.send("SSWS "+c.token(scopes), op.method, path, []byte(bodies[op.id])).Code
		}
		for _, missing := range op.scopes {
			others := slices.DeleteFunc(slices.Clone(access.Permissions()), func(p access.Permission) bool { return p == missing })
			if got := try(others); got != 403 {
				t.Errorf("%s with all scopes but %s: %d, want 403", op.id, missing, got)
			}
		}
		if op.id == "disarmDevice" {
			// Past the permissions it is refused all the same: TestATokenDisarmsNothing.
		} else if got := try(op.scopes); got == 401 || got == 403 || got >= 500 {
			t.Errorf("%s with the scopes %v alone: %d", op.id, op.scopes, got)
		}
		seen++
	}
	if seen != len(c.api.Routes()) {
		t.Errorf("%d operations, %d routes", seen, len(c.api.Routes()))
	}
}

// token is one of a super admin with these scopes.
func (c *console) token(scopes []access.Permission) (text string) {
	c.T.Helper()
	c.Update(func(tx *sql.Tx) (err error) {
		text, _, err = access.Create(c.T.Context(), tx, access.Caller{Name: "scoped", Login: "scoped@example.com", Role: access.SuperAdmin, Scopes: scopes}, c.Now(), time.Time{})
		return err
	})
	return text
}

// docs/api.md has a row for each scope, with the operations that need it, and
// says where a scope is not the one of Okta's description.
func TestScopesTable(t *testing.T) {
	raw, err := os.ReadFile("../../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for line := range strings.Lines(string(raw)) {
		if cell := strings.Split(line, "|"); len(cell) == 4 && strings.HasPrefix(cell[1], " `") {
			rows[strings.Trim(cell[1], " `")] = cell[2]
		}
	}
	needed := map[access.Permission][]string{}
	for _, op := range scopedOperations(t) {
		for _, s := range op.scopes {
			needed[s] = append(needed[s], op.id)
		}
	}
	for _, scope := range access.Permissions() {
		said := strings.FieldsFunc(rows[string(scope)], func(r rune) bool { return strings.ContainsRune(" ,`", r) })
		want := needed[scope]
		slices.Sort(said)
		slices.Sort(want)
		if !slices.Equal(said, want) && len(want) > 0 {
			t.Errorf("docs/api.md says of %s\n%v, and the description\n%v", scope, said, want)
		}
		if rows[string(scope)] == "" {
			t.Errorf("docs/api.md has no row for the scope %s", scope)
		}
	}
	doc, err := openapi3.NewLoader().LoadFromFile("../../../testdata/openapi/okta-management.openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	differs := map[string]bool{"resetFactors": true, "replaceDesktopMFARecoveryPinOrgSetting": true, "replaceDesktopMFAEnforceNumberMatchingChallengeOrgSetting": true}
	ours := map[string][]access.Permission{}
	for _, op := range scopedOperations(t) {
		ours[op.id] = op.scopes
	}
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			mine, there := ours[op.OperationID]
			if !there || op.Security == nil {
				continue
			}
			for _, way := range *op.Security {
				if theirs, ok := way["oauth2"]; ok && (len(mine) != 1 || string(mine[0]) != theirs[0]) != differs[op.OperationID] {
					t.Errorf("%s needs %v, at Okta %v", op.OperationID, mine, theirs)
				}
			}
		}
	}
	for id := range differs {
		if !strings.Contains(string(raw), "| `"+id+"` |") {
			t.Errorf("docs/api.md does not say that %s needs another scope than at Okta", id)
		}
	}
}
