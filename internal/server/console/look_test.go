package console_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

// axe is the checker's script, which .ci/prepare brings from npm.
func axe(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile("../../../.cache/node_modules/axe-core/axe.min.js")
	if err == nil {
		return string(raw)
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("axe-core is not installed: %v", err)
	}
	t.Skipf("axe-core is not installed (make test installs it as root on Debian): %v", err)
	return ""
}

// finding is what axe found.
type finding struct {
	ID, Impact, Help string
	Nodes            []struct{ HTML string }
}

// Every page, for people who do not see, see little, or have a small screen:
// axe finds nothing serious in light or dark, and nothing has to be scrolled
// sideways at 200 % or on a phone.
func TestBrowserEveryPageCanBeUsed(t *testing.T) {
	script := axe(t)
	s := newSite(t)
	m := s.mac("C02AMY", "amy")
	who := s.admin("pat@example.com", access.SuperAdmin)
	who.post("/people", map[string][]string{"login": {"amy@example.com"}, "firstName": {"Amy"}})
	who.post("/certificates", map[string][]string{"kind": {"dynamic"}})
	who.post(m.ofAmy("/pin"), asks()).is(200)
	group := m.theirs(who, "Zürich", "bob@example.com")
	who.post("/administrators/roles", role("Desk, night", access.DevicesRead, access.PINGenerate))
	s.admin("sam@example.com", "custom-desk-night")
	s.Pass(time.Minute)
	b := s.tab(t)
	pages := []string{"/sign-in", "/set-up"}
	for _, path := range pages {
		b.check(script, path)
	}
	b.signsIn(who)
	for name, path := range map[string]string{"devices": "/devices", "none": "/devices?q=nobody", "device": m.path(""), "dialog": m.ofAmy("/pin"), "pins": m.ofAmy(""),
		"reset": m.ofAmy("/reset"), "disarm": m.path("/disarm"), "readiness": "/readiness?reason=unconfirmed", "people": "/people", "log": "/log", "certificates": "/certificates",
		"administrators": "/administrators", "settings": "/settings", "profiles": "/profiles", "account": "/account", "groups": "/people/groups", "group": "/people/groups/" + group, "password": "/account/password", "app": "/account/app",
		"passkey": "/account/passkey", "codes": "/account/recovery-codes", "error": "/nothing"} {
		b.check(script, path)
		b.shot("page-" + name)
	}
	b.answers(script, m)
}

// The pages on the way in, which no address leads to, in the same way.
func TestBrowserEveryPageOfTheSetUpCanBeUsed(t *testing.T) {
	script := axe(t)
	s := newSite(t)
	code := s.invited("pat@example.com", access.SuperAdmin)
	b := s.tab(t)
	b.opens("/set-up")
	b.types("login", "pat@example.com")
	b.types("code", code)
	b.presses("Continue")
	b.sees("Choose a password")
	b.looks(script, "the password")
	b.types("password", password)
	b.presses("Continue")
	b.sees("Set up a second factor")
	b.looks(script, "the second factor's set-up")
	key := keyIn(t, ask[string](b, `document.documentElement.outerHTML`))
	b.types("code", key.Code(totp.Step(s.Now())))
	b.presses("Use the app")
	b.sees("Your recovery codes")
	b.looks(script, "the recovery codes")
	b.presses("I have kept them")
	b.sees("Devices")
	b.do(chromedp.Click(`//header//button[normalize-space()="Sign out"]`))
	b.sees("You are signed out")
	b.types("login", "pat@example.com")
	b.types("password", password)
	b.presses("Continue")
	b.sees("Show that it is you")
	b.looks(script, "the second factor")
}

// answers are the pages that come of a form, which no address leads to.
func (b *tab) answers(script string, m *mac) {
	b.t.Helper()
	b.opens(m.ofAmy("/pin"))
	b.types("reason", "lost phone")
	b.presses("Generate device recovery PIN")
	b.sees("Say to Full amy")
	state := ask[string](b, `document.getElementById("state").dataset.from`)
	b.looks(script, "the PIN")
	b.check(script, state)
	b.opens("/administrators")
	b.presses("Add an administrator")
	b.types("login", "kim@example.com")
	b.types("name", "Kim")
	b.presses("Make a set-up code")
	b.sees("It is shown once")
	b.looks(script, "the set-up code")
	b.shot("page-set-up-code")
	b.opens("/readiness")
	b.presses("Confirm by a list of serial numbers")
	b.types("serials", m.in.Device.Serial)
	b.presses("Confirm them")
	b.sees("0 confirmed")
	b.looks(script, "what was confirmed")
	b.shot("page-confirmed")
	b.opens("/people")
	b.presses("Pre-link accounts of Macs by a list")
	b.types("list", m.in.Device.Serial+",amy,amy@example.com")
	b.presses("Pre-link them")
	b.sees("1 pre-linked")
	b.looks(script, "what was pre-linked")
	b.shot("page-prelinked")
	b.profileIsChecked(script)
}

// profileIsChecked uploads the published sample that is broken, and then one
// that is not.
func (b *tab) profileIsChecked(script string) {
	b.t.Helper()
	for name, file := range map[string]string{"page-profile-broken": "intune-malformed.mobileconfig", "page-profile": "kandji.mobileconfig"} {
		path, err := filepath.Abs("../../../testdata/profiles/" + file)
		if err != nil {
			b.t.Fatal(err)
		}
		b.opens("/profiles")
		b.do(chromedp.SetUploadFiles(chromedp.ID("file"), []string{path}))
		b.presses("Look through it")
		b.sees("What is wrong with it")
		b.looks(script, name)
		b.shot(name)
	}
}

// check opens a page and looks at it.
func (b *tab) check(script, path string) {
	b.t.Helper()
	b.opens(path)
	b.looks(script, path)
}

// looks looks at the page that is open, in both schemes and three widths.
func (b *tab) looks(script, what string) {
	b.t.Helper()
	ask[chromedp.Void](b, script+";0")
	for _, scheme := range []string{"dark", "light"} {
		if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}); err != nil {
			b.t.Fatal(err)
		}
		ask[int](b, `(function () { delete window.found; axe.run().then(function (r) { window.found = r.passes.length < 5 ? "axe has looked at nothing" : JSON.stringify(r.violations); }); return 0; })()`)
		b.until(`window.found !== undefined`)
		raw := ask[string](b, `window.found`)
		var found []finding
		if err := json.Unmarshal([]byte(raw), &found); err != nil {
			b.t.Fatal(err)
		}
		for _, f := range found {
			if f.Impact == "serious" || f.Impact == "critical" || f.Impact == "moderate" {
				b.t.Errorf("%s, %s: %s (%s): %s: %.200s", what, scheme, f.ID, f.Impact, f.Help, f.Nodes[0].HTML)
			}
		}
	}
	for _, width := range []int64{390, 600} { // a phone; 1200 at 200 %
		b.do(chromedp.EmulateViewport(width, 844))
		if over := ask[int](b, `document.documentElement.scrollWidth - window.innerWidth`); over > 0 {
			wide := ask[string](b, `(function () { var w = ""; document.querySelectorAll("main *").forEach(function (e) { if (e.getBoundingClientRect().right > window.innerWidth + 1 && !e.closest(".table")) { w += e.outerHTML.slice(0, 80) + "\n"; } }); return w; })()`)
			b.t.Errorf("%s is %d points too wide at %d:\n%s", what, over, width, wide)
		}
	}
	b.do(chromedp.EmulateViewport(1200, 900))
	if links := ask[int](b, `document.querySelectorAll("a:not([href]), button:not([type]):not(form button)").length`); links > 0 {
		b.t.Errorf("%s has %d things that no key reaches", what, links)
	}
}
