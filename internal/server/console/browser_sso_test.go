package console_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// A person in a real browser, with the provider on another site: in, another
// proof with what was typed kept, a PIN, and out on both sides. Cookies go where
// a browser lets them go, and forms where its rules do.
func TestBrowserSingleSignOn(t *testing.T) {
	script := axe(t)
	s, idp, _ := newSSOSite(t, "Desk=help-desk-admin")
	m := s.mac("C02AMY", "amy")
	idp.Knows(map[string]somebody{"s1": {Login: "sam@example.com", Name: "Sam", Groups: []string{"Desk"}}})
	b := s.tab(t)
	provider := "Sign in at " + strings.TrimPrefix(idp.Issuer, "http://")
	b.check(script, "/sign-in?next=/people")
	b.shot("sign-in-sso")
	b.presses(provider)
	b.sees("Who are you?")
	b.fills("s1", "pwd mfa")
	b.sees("People") // where they wanted to go
	if at := b.at(); at != s.url+"/people" {
		t.Errorf("%s", at)
	}
	b.opens(m.path(""))
	s.ages(16 * time.Minute)
	b.presses("View Recovery PIN")
	b.sees("Your sign-in is older than 15 minutes")
	b.types("reason", "lost phone")
	b.types("ticket", "INC-4711")
	b.looks(script, "the dialog with the provider")
	b.shot("pin-dialog-sso")
	b.presses("Authenticate at " + strings.TrimPrefix(idp.Issuer, "http://"))
	b.sees("Who are you?") // though there is a session: prompt=login
	b.fills("s1", "pwd mfa")
	b.sees("Authenticate the caller first")
	b.until(`document.getElementById("reason").value == "lost phone" && document.getElementById("ticket").value == "INC-4711"`)
	b.presses("Generate device recovery PIN")
	b.sees("Say to Full amy")
	if e := s.last(systemlog.PINGenerate); e.Actor.AlternateID != "sam@example.com" || e.Outcome.Result != systemlog.Success {
		t.Errorf("%+v", e)
	}
	b.do(chromedp.Click(`//header//button[normalize-space()="Sign out"]`))
	b.sees("Sign out here too?")
	b.presses("Sign out at the provider")
	b.sees("You are signed out.")
	b.presses(provider)
	b.sees("Who are you?") // the provider's session has gone, too
	b.fills("s1", "pwd")
	b.sees("You are not signed in")
	b.looks(script, "the refusal")
	b.shot("sso-refused")
}

// fills signs in at the provider.
func (b *tab) fills(subject, methods string) {
	b.t.Helper()
	b.types("sub", subject)
	b.types("amr", methods)
	b.presses("Sign in as this")
}
