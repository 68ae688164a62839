package federation_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"
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

// FuzzEndpoint: a code goes over TLS, or to this machine, and nowhere else.
func FuzzEndpoint(f *testing.F) {
	for _, seed := range []string{"https://a.example", "http://127.0.0.1:1/x", "http://[::1]", "http://localhost.evil.example", "javascript:alert(1)", "https://a@b", "//x", "http://127.0.0.1@evil.example", "https:\\x"} {
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, text string, local bool) {
		if federation.Secure(text, local) != nil {
			return
		}
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && (!local || u.Scheme != "http" || !federation.Loopback(text)) {
			t.Errorf("%q is taken: %v", text, err)
		}
	})
}

// FuzzToken: whatever the provider signs is refused, or names somebody with a
// role of the mapping who has shown a second factor just now.
func FuzzToken(f *testing.F) {
	h := newHostile(f)
	flow := federation.Flow{Nonce: "n", Began: h.now}
	right, err := json.Marshal(h.right("n"))
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{string(right), "{}", "null", `{"iss":1}`, strings.Replace(string(right), `["Desk"]`, `"Desk"`, 1), strings.Replace(string(right), `"amr"`, `"nonce":"x","amr"`, 1),
		`{"iss":"` + h.server.URL + `","aud":"latchkey","jti":"1","sub":"s","iat":1,"events":{"http://schemas.openid.net/event/backchannel-logout":{}}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, claims []byte) {
		token := signedText(t, h, claims)
		who, err := federation.Believe(t.Context(), h.provider, token, flow)
		if (reason(t, err) == "") != (who.Role == "help-desk-admin") || who.Role != "" && (who.Subject == "" || who.Login == "" || who.At.Before(h.now.Add(-13*time.Hour))) {
			t.Errorf("%q: %+v %v", claims, who.Role, err)
		}
		over, err := h.provider.ReadLogout(t.Context(), token)
		if (reason(t, err) == "") != (over.Issuer != "") || over.Issuer != "" && over.Subject == "" && over.SessionID == "" {
			t.Errorf("%q: %+v %v", claims, over, err)
		}
	})
}
