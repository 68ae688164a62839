package agent

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/latchkey-mfa/latchkey/internal/browsertest"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// TestInABrowser goes the way that a person goes: a file that opens, a page,
// a code from the QR code's app; and a push that ends without a key pressed.
// AGENT_SHOTS names a folder for pictures.
func TestInABrowser(t *testing.T) {
	push := wire.Screen{Seq: 6, Kind: wire.KindPush, Title: "Approve on your phone", Text: "Choose this number on your phone, if it names “Mac”.", Number: "42", Busy: true,
		Actions: []wire.Action{{ID: wire.ActionAnother, Label: "Another way", Role: wire.RoleOther}, {ID: wire.ActionBack, Label: "Close", Role: wire.RoleCancel}}}
	enrol := enrolScreen()
	enrol.Title = "Set up your device access code"
	choose := chooseScreen()
	choose.Seq = 9
	s := newSite(t, push, enrol, choose)
	door, err := Door(t.TempDir(), s.page.Address())
	if err != nil {
		t.Fatal(err)
	}
	ctx := browsertest.Chromium(t, 760, 900)
	do := func(steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		ctx, stop := context.WithTimeout(ctx, 20*time.Second)
		defer stop()
		if err := chromedp.Do(ctx, steps...); err != nil {
			text, _ := chromedp.Run(ctx, chromedp.Text(chromedp.CSS("body")))
			t.Fatalf("%v\n%s", err, text)
		}
	}
	sees := func(words string) chromedp.Action[chromedp.Void] {
		return chromedp.WaitVisible(`//main//*[contains(normalize-space(.), "` + words + `")]`)
	}
	press := func(label string) chromedp.Action[chromedp.Void] {
		return chromedp.Click(`//button[normalize-space()="`+label+`"]`, chromedp.NodeVisible)
	}
	shot := func(name string) {
		t.Helper()
		folder := os.Getenv("AGENT_SHOTS")
		if folder == "" {
			return
		}
		picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	do(chromedp.Navigate((&url.URL{Scheme: "file", Path: door}).String()), sees("Your second factors"))
	shot("session-home")
	do(press("Set up a factor"), sees("42"))
	shot("session-push")
	// The phone is answered: nobody does anything here.
	s.page.mu.Lock()
	acts := s.page.talk.acts
	s.page.mu.Unlock()
	acts <- wire.Act{Seq: 6}
	do(sees("Set up your device access code"))
	shot("session-enrol")
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if got := scanned(t, picture); got != enrol.QR {
		t.Errorf("a phone reads %q, want %q", got, enrol.QR)
	}
	do(chromedp.SendKeys(chromedp.CSS("input[name=field-code]"), "123456\r"), sees("Second"))
	shot("session-choose")
	if acts := s.daemon.did(); len(acts) != 2 || acts[1].Action != wire.ActionSubmit || acts[1].Values["code"] != "123456" {
		t.Errorf("Enter in the field does %+v", acts)
	}
	do(press("Sign in"), sees("Done."))
	shot("session-done")
}

// scanned is what a phone reads off a picture of the page.
func scanned(t *testing.T, picture []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "page.png")
	if err := os.WriteFile(path, picture, 0o600); err != nil {
		t.Fatal(err)
	}
	tool, err := exec.LookPath("zbarimg")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("zbarimg is not installed")
		}
		t.Skip("zbarimg is not installed")
	}
	out, err := exec.CommandContext(t.Context(), tool, "-q", "--raw", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
