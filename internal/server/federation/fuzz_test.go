package federation_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/federation"
)

// FuzzAnswer: an answer is one code or one error for one flow, or is refused.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{"state=ssoabc.def&code=x", "state=ssoabc.def&error=access_denied", "state=sso.x&state=y&code=z", "code=%zz", "state=ssoa%2F.x&code=1", strings.Repeat("a=b&", 5000)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		a, err := federation.ReadAnswer(query)
		var no *federation.Refusal
		flow, state, code, failed := a.Parts()
		if err != nil {
			if !errors.As(err, &no) || federation.FlowOf(query) != "" || flow != "" {
				t.Errorf("%q: %v", query, err)
			}
			return
		}
		// The id becomes part of a cookie's name.
		plain := !strings.ContainsFunc(flow, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsLower(r) && !unicode.IsDigit(r) })
		if !plain || state == "" || (code == "") == (failed == "") || federation.FlowOf(query) != flow || len(query) > 8<<10 {
			t.Errorf("%q: %q %q %q %q", query, flow, state, code, failed)
		}
	})
}

// FuzzRule: a rule gives a role that there can be, never a scoped super admin,
// and is read again as itself.
func FuzzRule(f *testing.F) {
	for _, seed := range []string{"Admins=super-admin", "CN=a,OU=b=org-admin@x;y", "=", "a=custom-b", "a=super-admin@b", "a=org-admin@;"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := federation.ParseRule(text)
		if err != nil {
			return
		}
		if r.Group == "" || r.Role.Permissions() == nil && !access.MayBeCustom(r.Role) || r.Role == access.SuperAdmin && len(r.Scope) > 0 || strings.Contains(text, "@") && !strings.Contains(r.Group, "@") && len(r.Scope) == 0 {
			t.Errorf("%q is %+v", text, r)
		}
		again := r.Group + "=" + string(r.Role)
		if len(r.Scope) > 0 {
			again += "@" + strings.Join(r.Scope, ";")
		}
		if twice, err := federation.ParseRule(again); err != nil || twice.Group != r.Group || twice.Role != r.Role {
			t.Errorf("%q is %+v, and that is %+v, %v", text, r, twice, err)
		}
	})
}

// FuzzClaims: a claim of groups is a list of texts or is refused, and what a
// provider says can be shown.
func FuzzClaims(f *testing.F) {
	for _, seed := range []string{`["a","b"]`, `"a"`, `null`, `{"a":1}`, `[1]`, `[["a"]]`, `"` + strings.Repeat("a", 100) + `"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		groups, err := federation.GroupsIn(json.RawMessage(raw))
		if err != nil && groups != nil || len(groups) > 2000 {
			t.Errorf("%q: %q, %v", raw, groups, err)
		}
		if text := federation.Legible(string(raw)); len(text) > 200 || strings.ContainsFunc(text, unicode.IsControl) {
			t.Errorf("%q is shown as %q", raw, text)
		}
	})
}
