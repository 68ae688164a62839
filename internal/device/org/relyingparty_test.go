package org

import "testing"

// TestForWhomAKeyMaySign: what is signed for another site than the org's could
// be used there.
func TestForWhomAKeyMaySign(t *testing.T) {
	for _, tt := range []struct {
		url, id string
		origin  string // "" where it may not
	}{
		{"https://login.acme.example", "login.acme.example", "https://login.acme.example"},
		{"https://Login.Acme.example:8443", "login.acme.example", "https://login.acme.example:8443"},
		{"https://login.acme.example", "acme.example", "https://login.acme.example"},
		{"https://a.login.acme.co.uk", "login.acme.co.uk", "https://a.login.acme.co.uk"},
		{"https://login.acme.co.uk", "co.uk", ""},
		{"https://login.acme.example", "example", ""},
		{"https://login.acme.example", "evil.example", ""},
		{"https://login.acme.example", "n.acme.example", ""},
		{"https://login.acme.example", "login.login.acme.example", ""},
		{"https://acme.okta.com", "okta.com", "https://acme.okta.com"},
		{"https://acme.github.io", "github.io", ""}, // where strangers have sites
		{"https://login.acme.example", "", ""},
		{"https://localhost:8443", "localhost", "https://localhost:8443"},
		{"https://127.0.0.1", "0.1", ""},
	} {
		o := New(Options{Settings: func() (Settings, bool) { return Settings{URL: tt.url}, true }})
		if origin, ok := o.RelyingParty(tt.id); origin != tt.origin || ok != (tt.origin != "") {
			t.Errorf("%s for %q: %q, %v; want %q", tt.url, tt.id, origin, ok, tt.origin)
		}
	}
	if _, ok := New(Options{Settings: func() (Settings, bool) { return Settings{}, false }}).RelyingParty("acme.example"); ok {
		t.Error("without a profile")
	}
}
