package federation_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"

	"github.com/latchkey-mfa/latchkey/internal/server/federation"
)

// finishes has the provider's right answer come, and is why it was refused.
func (h *hostile) finishes(b begun, answer string) string {
	h.t.Helper()
	h.token = func() string { return h.signed(h.right(b.query.Get("nonce"))) }
	_, _, err := h.provider.Finish(h.t.Context(), answer, b.Sealed)
	return reason(h.t, err)
}

// What is asked of the provider, and how the code is taken there.
func TestTheWayThere(t *testing.T) {
	h := newHostile(t, func(c *federation.Config) {
		c.Scopes, c.SecondFactor = []string{"groups"}, []string{"mfa", "urn:okta:loa:2fa:any"}
	})
	b := h.begins(federation.Flow{Next: "/"})
	for name, want := range map[string]string{"response_type": "code", "client_id": client, "redirect_uri": console + "/sign-in/sso/callback", "scope": "openid profile email groups",
		"code_challenge_method": "S256", "max_age": "43200", "acr_values": "urn:okta:loa:2fa:any", "prompt": ""} {
		if got := b.query.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if len(b.query.Get("nonce")) < 20 || len(b.query.Get("state")) < 40 || strings.Contains(b.URL, secret) {
		t.Errorf("%s", b.URL)
	}
	if got := h.finishes(b, b.answer()); got != "" {
		t.Fatal(got)
	}
	if h.form.Get("code") != "the code" || h.form.Get("redirect_uri") != console+"/sign-in/sso/callback" || oauth2.S256ChallengeFromVerifier(h.form.Get("code_verifier")) != b.query.Get("code_challenge") ||
		h.basic != [2]string{client, url.QueryEscape(secret)} {
		t.Errorf("%v %v", h.form, h.basic)
	}
	again := h.begins(federation.Flow{Session: "ses1", Next: "/"})
	if again.query.Get("prompt") != "login" || again.query.Get("max_age") != "0" || again.query.Get("nonce") == b.query.Get("nonce") || again.query.Get("code_challenge") == b.query.Get("code_challenge") {
		t.Errorf("%v", again.query)
	}
}

// Another proof is one of now, not of an hour ago.
func TestAnotherProofIsRecent(t *testing.T) {
	h := newHostile(t)
	for age, want := range map[time.Duration]string{0: "", time.Minute: "", 3 * time.Minute: federation.TooOld, time.Hour: federation.TooOld} {
		b := h.begins(federation.Flow{Session: "ses1", Next: "/"})
		h.token = func() string {
			c := h.right(b.query.Get("nonce"))
			c["auth_time"] = h.now.Add(-age).Unix()
			return h.signed(c)
		}
		f, who, err := h.provider.Finish(t.Context(), b.answer(), b.Sealed)
		if got := reason(t, err); got != want || f.Session != "ses1" || want == "" && !who.At.Equal(h.now.Add(-age)) {
			t.Errorf("%s ago: %q, want %q; %s", age, got, want, who.At)
		}
	}
}

// An answer is taken once, in the browser that asked, within ten minutes, at any
// server of the org; and what it asks for is not to be changed.
func TestAnswersThatAreNotOurs(t *testing.T) {
	h := newHostile(t)
	used := h.begins(federation.Flow{Next: "/"})
	if got := h.finishes(used, used.answer()); got != "" {
		t.Fatal(got)
	}
	here := h.provider
	h.provider = h.another() // another server
	if got := h.finishes(used, used.answer()); got != federation.FlowUsed {
		t.Errorf("a replay: %q", got)
	}
	mine, theirs := h.begins(federation.Flow{Next: "/"}), h.begins(federation.Flow{Next: "/"})
	stranger := newHostile(t).begins(federation.Flow{Next: "/"})
	h.provider = here
	asked := h.count("/token")
	state := mine.query.Get("state")
	id, _, _ := strings.Cut(state, ".")
	long := strings.Repeat("x", 9000)
	for name, c := range map[string]struct{ query, sealed, want string }{
		"no cookie":                 {mine.answer(), "", federation.NoFlow},
		"another flow's cookie":     {mine.answer(), theirs.Sealed, federation.NoFlow},
		"a cookie of another org":   {stranger.answer(), stranger.Sealed, federation.NoFlow},
		"a changed cookie":          {mine.answer(), mine.Sealed[:len(mine.Sealed)-4] + "AAAA", federation.NoFlow},
		"a cookie that is too long": {mine.answer(), long, federation.NoFlow},
		"another state":             {"code=x&state=" + id + ".guessed", mine.Sealed, federation.NoFlow},
		"no state":                  {"code=x", mine.Sealed, federation.BadAnswer},
		"half a state":              {"code=x&state=" + id, mine.Sealed, federation.BadAnswer},
		"two states":                {"code=x&state=" + state + "&state=" + state, mine.Sealed, federation.BadAnswer},
		"two codes":                 {"code=x&code=y&state=" + state, mine.Sealed, federation.BadAnswer},
		"no code":                   {"state=" + state, mine.Sealed, federation.BadAnswer},
		"a code and an error":       {"code=x&error=access_denied&state=" + state, mine.Sealed, federation.BadAnswer},
		"no query":                  {"%zz", mine.Sealed, federation.BadAnswer},
		"a long one":                {"code=" + long + "&state=" + state, mine.Sealed, federation.BadAnswer},
	} {
		_, who, err := h.provider.Finish(t.Context(), c.query, c.sealed)
		if got := reason(t, err); got != c.want || who.Subject != "" {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if h.count("/token") != asked {
		t.Error("the provider was asked")
	}
	if got := h.finishes(mine, mine.answer()); got != "" { // none of it used the flow up
		t.Errorf("the right answer after all: %q", got)
	}
	h.now = h.now.Add(federation.FlowLife)
	if got := h.finishes(theirs, theirs.answer()); got != federation.NoFlow {
		t.Errorf("ten minutes later: %q", got)
	}
	h.now = h.now.Add(-2 * federation.FlowLife)
	if got := h.finishes(theirs, theirs.answer()); got != federation.NoFlow {
		t.Errorf("by a clock that went back: %q", got)
	}
}

// Two answers to one sign-in at once: one is taken.
func TestOneAnswerIsTaken(t *testing.T) {
	h := newHostile(t)
	b := h.begins(federation.Flow{Next: "/"})
	h.token = func() string { return h.signed(h.right(b.query.Get("nonce"))) }
	var wg sync.WaitGroup
	got := make([]string, 8)
	for i := range got {
		wg.Go(func() {
			_, _, err := h.provider.Finish(t.Context(), b.answer(), b.Sealed)
			got[i] = reason(t, err)
		})
	}
	wg.Wait()
	if n := strings.Count(strings.Join(got, " "), federation.FlowUsed); n != len(got)-1 {
		t.Errorf("%q", got)
	}
}

// An answer names its issuer, where the provider says that it does (RFC 9207).
func TestMixUp(t *testing.T) {
	h := newHostile(t)
	for name, c := range map[string]struct {
		says      bool
		iss, want string
	}{
		"not promised, not there": {false, "", ""}, "not promised, right": {false, h.server.URL, ""}, "not promised, another": {false, "https://evil.example", federation.BadAnswer},
		"promised, right": {true, h.server.URL, ""}, "promised, not there": {true, "", federation.BadAnswer}, "promised, another": {true, h.server.URL + "/", federation.BadAnswer},
	} {
		h.about = func(m map[string]any) { m["authorization_response_iss_parameter_supported"] = c.says }
		h.provider = h.another()
		b := h.begins(federation.Flow{Next: "/"})
		answer := b.answer()
		if c.iss != "" {
			answer += "&iss=" + url.QueryEscape(c.iss)
		}
		if got := h.finishes(b, answer); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// What the provider says in place of a code is not repeated, but explained.
func TestTheProviderSaysNo(t *testing.T) {
	h := newHostile(t)
	for _, code := range []string{"access_denied", "login_required", "<script>", strings.Repeat("e", 5000)} {
		b := h.begins(federation.Flow{Next: "/"})
		_, _, err := h.provider.Finish(t.Context(), url.Values{"error": {code}, "error_description": {"go to evil.example"}, "state": {b.query.Get("state")}}.Encode(), b.Sealed)
		if reason(t, err) != federation.ProviderSaid || strings.Contains(err.Error(), "evil") || strings.Contains(err.Error(), "<") || len(err.Error()) > 400 {
			t.Errorf("%.50s: %v", code, err)
		}
	}
}

// A provider that is away, slow, endless or mad keeps nobody waiting and makes
// nobody an administrator; it is asked again later.
func TestAProviderInTrouble(t *testing.T) {
	h := newHostile(t)
	say := func(status int, body string) func(http.ResponseWriter) bool {
		return func(w http.ResponseWriter) bool {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
			return true
		}
	}
	endless := func(w http.ResponseWriter) bool {
		for range 40 {
			_, _ = w.Write(make([]byte, 64<<10))
		}
		return true
	}
	for name, answer := range map[string]func(http.ResponseWriter) bool{
		"an error": say(503, "busy"), "no JSON": say(200, "<html>"), "endless": endless, "elsewhere": say(302, ""),
		"what was sent in its error": say(400, `{"error":"`+secret+`","error_description":"`+secret+`"}`), "what was sent in an error without a code": say(400, "the secret is "+secret),
	} {
		t.Run(name, func(t *testing.T) {
			for _, at := range []string{"/token", "/keys", "/.well-known/openid-configuration"} {
				h.provider = h.another()
				b := h.begins(federation.Flow{Next: "/"})
				h.token = func() string { return h.signed(h.right(b.query.Get("nonce"))) }
				if strings.Contains(at, "well-known") {
					h.provider = h.another()
				}
				h.says(at, answer)
				_, who, err := h.provider.Finish(t.Context(), b.answer(), b.Sealed)
				if got := reason(t, err); got == "" || who.Role != "" {
					t.Errorf("%s: %q: %v", at, got, err)
				}
				h.says(at, nil)
				h.now = h.now.Add(6 * time.Second) // asked again
				if b = h.begins(federation.Flow{Next: "/"}); h.finishes(b, b.answer()) != "" {
					t.Errorf("%s: not asked again", at)
				}
			}
		})
	}
}

// What would be right is not read to its end where there is too much of it.
func TestAnswersAreBounded(t *testing.T) {
	h := newHostile(t)
	h.padding = 2 << 20
	if _, err := h.provider.Begin(t.Context(), federation.Flow{}); reason(t, err) != federation.Unreachable {
		t.Errorf("discovery: %v", err)
	}
	h.padding, h.provider = 0, h.another()
	b := h.begins(federation.Flow{Next: "/"})
	h.padding = 2 << 20
	if got := h.finishes(b, b.answer()); got != federation.BadToken { // keys
		t.Errorf("keys: %q", got)
	}
}

// The token endpoint repeats the code that it was sent: it is not told on.
func TestACodeThatIsRepeated(t *testing.T) {
	h := newHostile(t)
	for _, body := range []string{`{"error":"the code"}`, `{"error":"invalid_grant","error_description":"the code"}`, "the code", "the+code"} {
		b := h.begins(federation.Flow{Next: "/"})
		h.says("/token", func(w http.ResponseWriter) bool {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(body))
			return true
		})
		if _, _, err := h.provider.Finish(t.Context(), b.answer(), b.Sealed); reason(t, err) == "" || strings.Contains(err.Error(), "the+code") {
			t.Error(err)
		}
	}
}

// A slow provider is given up; one that is gone is not asked by each visitor.
func TestASlowProvider(t *testing.T) {
	h := newHostile(t, func(c *federation.Config) { c.Timeout = 50 * time.Millisecond })
	b := h.begins(federation.Flow{Next: "/"})
	over := make(chan struct{})
	h.says("/token", func(http.ResponseWriter) bool { <-over; return true })
	_, _, err := h.provider.Finish(t.Context(), b.answer(), b.Sealed)
	if got := reason(t, err); got != federation.Unreachable {
		t.Errorf("%q", got)
	}
	close(over)
	h.provider = h.another(func(c *federation.Config) { c.Timeout = 5 * time.Second })
	h.says("/.well-known/openid-configuration", func(w http.ResponseWriter) bool { w.WriteHeader(500); return true })
	before := h.count("/.well-known/openid-configuration")
	for range 20 {
		_, err := h.provider.Begin(t.Context(), federation.Flow{Next: "/"})
		if reason(t, err) != federation.Unreachable {
			t.Fatal(err)
		}
	}
	if n := h.count("/.well-known/openid-configuration") - before; n != 2 { // it and once more
		t.Errorf("asked %d times", n)
	}
	// Whoever gives up meanwhile makes nobody else wait.
	h.now = h.now.Add(time.Minute)
	gone, stop := context.WithCancel(t.Context())
	stop()
	if _, err := h.provider.Begin(gone, federation.Flow{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	h.says("/.well-known/openid-configuration", nil)
	h.begins(federation.Flow{Next: "/"})
}

// What a provider says of itself must not lead a code into the clear, and its
// keys are not asked for by everybody who has made a token.
func TestDiscoveryThatIsNotTaken(t *testing.T) {
	h := newHostile(t)
	for name, about := range map[string]func(m map[string]any){
		"another issuer":        func(m map[string]any) { m["issuer"] = "https://evil.example" },
		"a token in the clear":  func(m map[string]any) { m["token_endpoint"] = "http://example.com/token" },
		"keys in the clear":     func(m map[string]any) { m["jwks_uri"] = "http://example.com/keys" },
		"no token endpoint":     func(m map[string]any) { delete(m, "token_endpoint") },
		"a script":              func(m map[string]any) { m["authorization_endpoint"] = "javascript:alert(1)" },
		"a sign-out elsewhere":  func(m map[string]any) { m["end_session_endpoint"] = "http://example.com/" },
		"keys that are no text": func(m map[string]any) { m["jwks_uri"] = 1 },
	} {
		h.about, h.provider = about, h.another()
		if _, err := h.provider.Begin(t.Context(), federation.Flow{}); reason(t, err) != federation.Unreachable {
			t.Errorf("%s: %v", name, err)
		}
	}
	h.about, h.provider = nil, h.another()
	b := h.begins(federation.Flow{Next: "/"})
	if h.finishes(b, b.answer()) != "" {
		t.Fatal("not in")
	}
	before := h.count("/keys")
	for range 10 {
		if _, err := h.provider.ReadLogout(t.Context(), signedWith(t, jose.RS256, jose.JSONWebKey{Key: h.key, KeyID: "two"}, map[string]any{"iss": h.server.URL, "aud": client})); reason(t, err) != federation.BadToken {
			t.Fatal(err)
		}
	}
	if n := h.count("/keys") - before; n > 1 {
		t.Errorf("the keys were fetched %d times", n)
	}
	// A key that the provider took back is good for an hour at most.
	at := h.count("/.well-known/openid-configuration")
	h.now = h.now.Add(time.Hour)
	h.begins(federation.Flow{Next: "/"})
	if h.count("/.well-known/openid-configuration") != at+1 {
		t.Error("it was not asked again after an hour")
	}
}

// A public client proves itself by PKCE alone; a provider that takes secrets in
// forms only gets it there.
func TestHowTheClientProvesItself(t *testing.T) {
	h := newHostile(t, func(c *federation.Config) { c.ClientSecret = "" })
	b := h.begins(federation.Flow{Next: "/"})
	if h.finishes(b, b.answer()) != "" || h.form.Get("client_id") != client || h.form.Has("client_secret") || h.basic[0] != "" {
		t.Errorf("%v %v", h.form, h.basic)
	}
	h.about = func(m map[string]any) { m["token_endpoint_auth_methods_supported"] = []string{"client_secret_post"} }
	h.provider = h.another()
	b = h.begins(federation.Flow{Next: "/"})
	if h.finishes(b, b.answer()) != "" || h.form.Get("client_secret") != secret || h.basic[0] != "" {
		t.Errorf("%v %v", h.form, h.basic)
	}
}

// What is typed is kept, up to what a browser keeps.
func TestTooMuchToKeep(t *testing.T) {
	h := newHostile(t)
	if b := h.begins(federation.Flow{Session: "ses1", Next: "/devices/d/accounts/a/pin", Typed: map[string]string{"reason": strings.Repeat("é", 500), "ticket": strings.Repeat("x", 100)}}); len(b.Sealed) > 3900 {
		t.Errorf("%d bytes", len(b.Sealed))
	}
	if _, err := h.provider.Begin(t.Context(), federation.Flow{Typed: map[string]string{"reason": strings.Repeat("x", 4000)}}); !errors.Is(err, federation.ErrTooLong) {
		t.Error(err)
	}
}
