package reference_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/latchkey-mfa/latchkey/internal/browsertest"
	"github.com/latchkey-mfa/latchkey/internal/server/reference"
)

// described is the description that the server serves.
func described(t testing.TB) []byte {
	t.Helper()
	raw, err := os.ReadFile("../adminapi/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// What stands in the description stands on the page, escaped.
func TestPage(t *testing.T) {
	p, err := reference.Draw(described(t))
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, httptest.NewRequest("GET", "/api/docs", nil))
	page := w.Body.String()
	for _, want := range []string{"/api/v1/devices/{deviceId}/os-accounts/{osAccountId}/recovery-pins", "Generate a device recovery PIN", "latchkey.recoveryPins.generate", "issuedAt",
		`<a href="#schema-Device">`, "profile.serialNumber sw &#34;C02&#34;", "one of ASCENDING, DESCENDING, usually ASCENDING", "list of <a", `id="group-desktop-MFA"`, "profile.accountUUID", "Needs no token"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "<script") || strings.Contains(page, "http://") || !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("something runs, or comes from elsewhere: %v", w.Header())
	}
	for _, link := range strings.Split(page, `href="#`)[1:] {
		if id, _, _ := strings.Cut(link, `"`); strings.Count(page, `id="`+id+`"`) != 1 {
			t.Errorf("#%s leads to %d places", id, strings.Count(page, `id="`+id+`"`))
		}
	}
	p, err = reference.Draw([]byte("info: {title: '<b>x</b>'}\npaths: {/a: {get: {summary: '<script>'}}}"))
	if err != nil {
		t.Fatal(err)
	}
	w = httptest.NewRecorder()
	if p.ServeHTTP(w, httptest.NewRequest("GET", "/api/docs", nil)); strings.Contains(w.Body.String(), "<script>") || strings.Contains(w.Body.String(), "<b>") {
		t.Errorf("not escaped: %s", w.Body)
	}
	for _, bad := range []string{"", "{", "a: [", "\t"} {
		if _, err := reference.Draw([]byte(bad)); err == nil {
			t.Errorf("%q was drawn", bad)
		}
	}
}

// The page in a real browser: axe finds nothing in light or dark, and nothing
// has to be scrolled sideways on a phone.
func TestBrowserPageCanBeUsed(t *testing.T) {
	axe, err := os.ReadFile("../../../.cache/node_modules/axe-core/axe.min.js")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("axe-core is not installed (make test installs it as root on Debian): %v", err)
	}
	p, err := reference.Draw(described(t))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(p)
	defer server.Close()
	browser, stop := context.WithTimeout(browsertest.Chromium(t, 1200, 900), 4*time.Minute)
	defer stop()
	steps(t, browser, chromedp.Navigate(server.URL+"/api/docs"))
	for _, scheme := range []string{"dark", "light"} {
		if _, err := chromedp.Call(browser, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}); err != nil {
			t.Fatal(err)
		}
		_ = evaluated[int](t, browser, string(axe)+`;(function () { delete window.found; axe.run().then(function (r) { window.found = r.passes.length < 5 ? "axe has looked at nothing" : JSON.stringify(r.violations); }); return 0; })()`)
		if _, err := chromedp.Run(browser, chromedp.Poll[bool](`window.found !== undefined`)); err != nil {
			t.Fatal(err)
		}
		var found []struct{ ID, Impact, Help string }
		if err := json.Unmarshal([]byte(evaluated[string](t, browser, `window.found`)), &found); err != nil || len(found) > 0 {
			t.Errorf("%s: %+v %v", scheme, found, err)
		}
	}
	steps(t, browser, chromedp.EmulateViewport(390, 844))
	if over := evaluated[int](t, browser, `document.documentElement.scrollWidth - window.innerWidth`); over > 0 {
		t.Errorf("%d points too wide for a phone", over)
	}
}

func steps(t *testing.T, browser context.Context, do ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	for _, step := range do {
		if err := chromedp.Do(browser, step); err != nil {
			t.Fatal(err)
		}
	}
}

func evaluated[T any](t *testing.T, browser context.Context, script string) T {
	t.Helper()
	v, err := chromedp.Run(browser, chromedp.Evaluate[T](script))
	if err != nil {
		t.Fatal(err)
	}
	return v
}
