package console_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"github.com/latchkey-mfa/latchkey/internal/browsertest"
	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
)

// tab is a person at a real browser.
type tab struct {
	t      testing.TB
	ctx    context.Context
	s      *site
	clicks int
}

// tab opens Chromium, with a new profile.
func (s *site) tab(t testing.TB) *tab {
	t.Helper()
	// The server's certificate is the test's own.
	ctx := browsertest.Chromium(t, 1200, 900, "ignore-certificate-errors")
	return &tab{t: t, ctx: ctx, s: s}
}

// do does one step after the other.
func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, 20*time.Second)
	defer stop()
	for _, step := range steps {
		err := chromedp.Do(ctx, step)
		for err != nil && strings.Contains(err.Error(), pageChanged) && ctx.Err() == nil {
			err = chromedp.Do(ctx, step)
		}
		if err != nil {
			b.t.Fatalf("%v\nthe page is %s:\n%s", err, b.at(), b.text())
		}
	}
}

// pageChanged is Chromium's answer when a new page came between finding what to
// press and pressing it: nothing was pressed.
const pageChanged = "Could not find node with given id"

func (b *tab) opens(path string) { b.t.Helper(); b.do(chromedp.Navigate(b.s.url + path)) }

// presses the button, or follows the link, with that text.
func (b *tab) presses(text string) {
	b.t.Helper()
	b.clicks++
	b.do(chromedp.Click(fmt.Sprintf(`//main//*[self::button or self::a or self::summary][normalize-space()=%q]`, text), chromedp.NodeVisible))
}

// types into the field with that id.
func (b *tab) types(id, text string) {
	b.t.Helper()
	b.do(chromedp.SendKeys(chromedp.ID(id), text, chromedp.NodeVisible))
}

// sees waits for words on the page.
func (b *tab) sees(words string) {
	b.t.Helper()
	b.do(chromedp.WaitVisible(fmt.Sprintf(`//main//*[contains(normalize-space(.), %q)]`, words)))
}

func (b *tab) text() string {
	text, _ := chromedp.Run(b.ctx, chromedp.Text(chromedp.CSS("main")))
	return text
}

func (b *tab) at() string {
	at, _ := chromedp.Run(b.ctx, chromedp.Location())
	return at
}

func ask[T any](b *tab, script string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script))
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// until waits for a script to be true.
func (b *tab) until(script string) {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, 30*time.Second)
	defer stop()
	if err := browsertest.Until(ctx, script); err != nil {
		b.t.Fatalf("wait for %s: %v\nthe page is %s:\n%s", script, err, b.at(), b.text())
	}
}

// shot keeps a picture for docs/console.md where CONSOLE_SHOTS names a folder.
func (b *tab) shot(name string) {
	b.t.Helper()
	folder := os.Getenv("CONSOLE_SHOTS")
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

// signsIn goes through the pages as a person does, with an app.
func (b *tab) signsIn(who *browser) {
	b.t.Helper()
	b.opens("/sign-in")
	b.types("login", who.login)
	b.types("password", password)
	b.presses("Continue")
	b.types("code", who.code())
	b.presses("Sign in")
	b.sees("Devices")
}

// The help desk's main path in a browser: sign in, find, generate, read, used.
func TestBrowserMainPath(t *testing.T) {
	s := newSite(t)
	m := s.mac("C02AMY", "amy")
	s.mac("C02BOB", "bob")
	who := s.admin("sam@example.com", access.HelpDeskAdmin)
	s.Pass(time.Minute) // for the app's next code
	b := s.tab(t)
	b.opens("/sign-in")
	b.shot("sign-in")
	b.signsIn(who)
	b.shot("devices")
	b.types("q", "c02a") // found as one types: no button is pressed
	b.until(`!document.body.innerText.includes("C02BOB") && document.body.innerText.includes("C02AMY")`)
	b.presses("amy's Mac")
	b.sees("Users on this Mac")
	b.shot("device")
	b.presses("View Recovery PIN")
	b.sees("Authenticate the caller first")
	b.types("reason", "lost phone")
	b.types("ticket", "INC-4711")
	b.shot("pin-dialog")
	b.presses("Generate device recovery PIN")
	b.sees("Say to Full amy")
	b.shot("pin")
	if b.clicks > 5 {
		t.Errorf("the main path took %d clicks", b.clicks)
	}
	want := recoverypin.Timed(m.secret, time.Unix(s.Now().Unix(), 0)).Digits()
	if got := strings.Join(strings.Fields(ask[string](b, `document.getElementById("pin").innerText`)), ""); got != want {
		t.Fatalf("the page shows %q, the Mac takes %q", got, want)
	}
	b.until(`/^1[01][0-9] seconds left$/.test(document.getElementById("left").textContent)`)
	if at := b.at(); strings.Contains(at, want) {
		t.Errorf("the PIN is in the address: %s", at)
	}
	m.checkIn(wire.Event{ID: "e1", Type: "device.desktop_mfa.recovery_pin.activate", At: s.Now(), Trusted: true, GUID: amyGUID,
		Detail: map[string]string{"method": "time", "issued_at": itoa(s.Now().Unix())}})
	b.until(`document.getElementById("state").innerText.includes("Used at")`)
	b.until(`!document.getElementById("pin")`) // used: it has nothing to do on the page any more
	b.shot("pin-used")
	b.presses("Reset authenticators")
	b.sees("Reset the authenticators of Full amy?")
	b.shot("reset")
	b.presses("Reset authenticators")
	b.sees("The authenticators are reset at the next check-in")
}

// The PIN leaves the page when its time is over, whatever the browser's clock.
func TestBrowserPINLeavesThePage(t *testing.T) {
	s := newSite(t)
	m := s.mac("C02AMY", "amy")
	b := s.tab(t)
	who := s.admin("sam@example.com", access.HelpDeskAdmin)
	s.Pass(time.Minute)
	b.signsIn(who)
	b.opens(m.ofAmy("/pin"))
	b.types("reason", "lost phone")
	b.presses("Generate device recovery PIN")
	b.sees("seconds left")
	// The browser's clock is set ahead, past the two minutes.
	ask[bool](b, `(function () { var now = Date.now; Date.now = function () { return now() + 121000; }; return true; })()`)
	b.until(`!document.getElementById("pin")`)
	if page := b.text(); strings.Contains(page, "seconds left") {
		t.Errorf("the page still counts: %s", page)
	}
}

// A passkey is made at set-up and opens the console, with nothing typed but the
// password; the recovery codes are shown once.
func TestBrowserPasskey(t *testing.T) {
	s := newSite(t)
	code := s.invited("pat@example.com", access.SuperAdmin)
	b := s.tab(t)
	b.opens("/set-up")
	if _, err := chromedp.Call(b.ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	_, err := chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true, HasUserVerification: true,
		IsUserVerified: true, AutomaticPresenceSimulation: true}})
	if err != nil {
		t.Fatal(err)
	}
	b.types("login", "pat@example.com")
	b.types("code", code)
	b.shot("set-up")
	b.presses("Continue")
	b.types("password", password)
	b.presses("Continue")
	b.sees("Set up a second factor")
	b.shot("set-up-factor")
	b.presses("Make a passkey")
	b.sees("Your recovery codes")
	b.shot("recovery-codes")
	b.presses("I have kept them")
	b.sees("Devices")
	b.do(chromedp.Click(`//header//button[normalize-space()="Sign out"]`))
	b.sees("You are signed out")
	b.types("login", "pat@example.com")
	b.types("password", password)
	b.presses("Continue")
	b.sees("Show that it is you")
	b.shot("second-factor")
	b.presses("Use a passkey")
	b.sees("Serial number, computer name")
	b.opens("/account")
	b.sees("My passkey")
	b.shot("account")
}
