package authenticator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"github.com/latchkey-mfa/latchkey/internal/browsertest"
)

// tab is a person at a phone, whose browser is real.
type tab struct {
	t    *testing.T
	h    *house
	ctx  context.Context
	axe  string // the checker's script; "" where it is not installed
	auth webauthn.AuthenticatorID
	seen map[string]bool // codes and screens
}

// The size of a small phone, in points.
const width, height = 360, 740

func (h *house) tab(t *testing.T) *tab {
	t.Helper()
	b := &tab{t: t, h: h, ctx: browsertest.Chromium(t, width, height, "ignore-certificate-errors"), seen: map[string]bool{}}
	raw, err := os.ReadFile("../../../.cache/node_modules/axe-core/axe.min.js")
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatalf("axe-core is not installed: %v", err)
	}
	b.axe = string(raw)
	if _, err := chromedp.Call(b.ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	b.plug(webauthn.AuthenticatorTransportInternal)
	b.do(chromedp.EmulateViewport(width, height)) // a window is never that narrow
	return b
}

// plug has the browser find another authenticator in the place of the one before.
func (b *tab) plug(transport webauthn.AuthenticatorTransport) {
	b.t.Helper()
	if b.auth != "" {
		if _, err := chromedp.Call(b.ctx, webauthn.RemoveVirtualAuthenticator, webauthn.RemoveVirtualAuthenticatorParams{AuthenticatorID: b.auth}); err != nil {
			b.t.Fatal(err)
		}
	}
	made, err := chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: transport, HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true}})
	if err != nil {
		b.t.Fatal(err)
	}
	b.auth = made.AuthenticatorID
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, 20*time.Second)
	defer stop()
	for _, step := range steps {
		if err := chromedp.Do(ctx, step); err != nil {
			text, _ := chromedp.Run(b.ctx, chromedp.Text(chromedp.CSS("main")))
			b.t.Fatalf("%v\nthe page is:\n%s", err, text)
		}
	}
}

// opens a link from nothing, as a camera does.
func (b *tab) opens(link string) {
	b.t.Helper()
	b.do(chromedp.Navigate("about:blank"), chromedp.Navigate(link))
}

func (b *tab) presses(text string) {
	b.t.Helper()
	b.h.Pass(2 * time.Second) // nobody is faster
	b.do(chromedp.Click(fmt.Sprintf(`//section[not(@hidden)]//button[normalize-space()=%q]`, text), chromedp.NodeVisible))
}

func (b *tab) types(id, text string) {
	b.t.Helper()
	b.do(chromedp.SendKeys(chromedp.ID(id), text, chromedp.NodeVisible))
}

func ask[T any](b *tab, script string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script))
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

func (b *tab) until(script string) {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, 20*time.Second)
	defer stop()
	if err := browsertest.Until(ctx, script); err != nil {
		text, _ := chromedp.Run(b.ctx, chromedp.Text(chromedp.CSS("main")))
		b.t.Fatalf("wait for %s: %v\nthe page is:\n%s", script, err, text)
	}
}

// sees waits for a heading and words on the screen, looks at it as people do who
// see little, and keeps a picture.
func (b *tab) sees(picture, heading string, words ...string) {
	b.t.Helper()
	b.until(fmt.Sprintf(`(function () { var s = document.querySelector("section[data-screen]:not([hidden])"); return !!s && s.querySelector("h1").textContent === %q; })()`, heading))
	text := ask[string](b, `document.querySelector("main").innerText`)
	for _, w := range words {
		if !strings.Contains(text, w) {
			b.t.Errorf("%s: without %q:\n%s", heading, w, text)
		}
	}
	if b.seen[picture] {
		return // once is enough
	}
	b.seen[picture] = true
	b.looks(picture)
	b.shot(picture)
}

// shot keeps a picture for docs/authenticator.md where AUTHENTICATOR_SHOTS names
// a folder.
func (b *tab) shot(name string) {
	b.t.Helper()
	folder := os.Getenv("AUTHENTICATOR_SHOTS")
	if folder == "" {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o644)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// finding is what axe found.
type finding struct {
	ID, Impact, Help string
	Nodes            []struct{ HTML string }
}

// looks has axe go over the screen in both schemes, and wants nothing wider than
// the phone.
func (b *tab) looks(what string) {
	b.t.Helper()
	if over := ask[int](b, `document.documentElement.scrollWidth - window.innerWidth`); over > 0 {
		b.t.Errorf("%s is %d points too wide", what, over)
	}
	if b.axe == "" {
		return
	}
	ask[chromedp.Void](b, `if (!window.axe) {`+b.axe+`};0`)
	for _, scheme := range []string{"dark", "light"} {
		b.scheme(scheme)
		ask[int](b, `(function () { delete window.found; axe.run().then(function (r) { window.found = r.passes.length < 5 ? "axe has looked at nothing" : JSON.stringify(r.violations); }); return 0; })()`)
		b.until(`window.found !== undefined`)
		var found []finding
		if err := json.Unmarshal([]byte(ask[string](b, `window.found`)), &found); err != nil {
			b.t.Fatal(err)
		}
		for _, f := range found {
			if f.Impact == "serious" || f.Impact == "critical" || f.Impact == "moderate" {
				b.t.Errorf("%s, %s: %s (%s): %s: %.200s", what, scheme, f.ID, f.Impact, f.Help, f.Nodes[0].HTML)
			}
		}
	}
}

func (b *tab) scheme(name string) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}}); err != nil {
		b.t.Fatal(err)
	}
}
