package federation_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/federation"
)

// Somebody is signed out at the provider too, and comes back.
func TestTheWayOut(t *testing.T) {
	h := newHostile(t)
	u, err := url.Parse(h.provider.SignOutURL(t.Context(), "an ID token"))
	if err != nil || u.Path != "/end" {
		t.Fatal(u, err)
	}
	for name, want := range map[string]string{"tenant": "1", "client_id": client, "id_token_hint": "an ID token", "post_logout_redirect_uri": console + "/signed-out"} {
		if got := u.Query().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	h.about, h.provider = func(m map[string]any) { delete(m, "end_session_endpoint") }, h.another()
	if to := h.provider.SignOutURL(t.Context(), ""); to != "" {
		t.Error(to)
	}
}

// Words of the provider that somebody has signed out there.
func TestLogoutTokens(t *testing.T) {
	h := newHostile(t)
	right := func() map[string]any {
		return map[string]any{"iss": h.server.URL, "aud": client, "sub": "s1", "sid": "session 1", "iat": h.now.Unix(), "exp": h.now.Add(time.Minute).Unix(), "jti": "one",
			"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}}
	}
	for name, c := range map[string]struct {
		change func(c map[string]any)
		want   string
	}{
		"an ID token":   {func(c map[string]any) { c["nonce"] = "n" }, federation.BadToken},
		"no event":      {func(c map[string]any) { delete(c, "events") }, federation.BadToken},
		"another event": {func(c map[string]any) { c["events"] = map[string]any{"other": map[string]any{}} }, federation.BadToken},
		"an event of another kind": {func(c map[string]any) {
			c["events"] = map[string]any{"http://schemas.openid.net/event/backchannel-logout": "yes"}
		}, federation.BadToken},
		"nobody's":         {func(c map[string]any) { delete(c, "sub"); delete(c, "sid") }, federation.BadToken},
		"no id":            {func(c map[string]any) { delete(c, "jti") }, federation.BadToken},
		"old":              {func(c map[string]any) { c["iat"] = h.now.Add(-13 * time.Minute).Unix() }, federation.BadToken},
		"in the future":    {func(c map[string]any) { c["iat"] = h.now.Add(5 * time.Minute).Unix() }, federation.BadToken},
		"expired":          {func(c map[string]any) { c["exp"] = h.now.Add(-5 * time.Minute).Unix() }, federation.BadToken},
		"another issuer":   {func(c map[string]any) { c["iss"] = "https://evil.example" }, federation.BadToken},
		"another audience": {func(c map[string]any) { c["aud"] = "another" }, federation.BadToken},
		"right":            {func(map[string]any) {}, ""},
		"of a session":     {func(c map[string]any) { delete(c, "sub"); c["jti"] = "two" }, ""},
	} {
		claims := right()
		c.change(claims)
		ended, err := h.provider.ReadLogout(t.Context(), h.signed(claims))
		if got := reason(t, err); got != c.want || c.want == "" && (ended.SessionID != "session 1" || ended.Issuer != h.server.URL) {
			t.Errorf("%s: %q, want %q: %+v %v", name, got, c.want, ended, err)
		}
	}
	if _, err := h.another().ReadLogout(t.Context(), h.signed(right())); reason(t, err) != federation.FlowUsed {
		t.Errorf("a replay: %v", err)
	}
	for _, text := range []string{"", "a.b.c", strings.Repeat("x", 20_000)} {
		if _, err := h.provider.ReadLogout(t.Context(), text); reason(t, err) != federation.BadToken {
			t.Errorf("%.20s: %v", text, err)
		}
	}
}
