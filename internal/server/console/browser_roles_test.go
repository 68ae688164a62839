package console_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
)

// pinRead is the PIN on the page of a browser.
func (b *tab) pinRead() string {
	b.t.Helper()
	b.sees("Say to Full amy")
	return strings.Join(strings.Fields(ask[string](b, `document.getElementById("pin").innerText`)), "")
}

// Each refusal in a browser: the page says why and what to do, and there is no
// button that can come to nothing.
func TestBrowserRefusals(t *testing.T) {
	for name, c := range refusals() {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			m := s.mac("C02AMY", "amy")
			who := s.admin("sam@example.com", access.HelpDeskAdmin)
			s.Pass(time.Minute)
			b := s.tab(t)
			b.signsIn(who)
			c.arrange(s, m)
			b.opens(m.path(""))
			b.presses("View Recovery PIN")
			b.sees("No PIN:")
			for _, words := range c.words {
				b.sees(words)
			}
			if n := ask[int](b, `document.querySelectorAll("main button").length`); n != 0 {
				t.Errorf("%d buttons are on the page", n)
			}
		})
	}
}

// Each role in a browser: who may not generate a PIN has no button for it, and
// the address of the dialog tells why.
func TestBrowserRoles(t *testing.T) {
	s := newSite(t)
	m := s.mac("C02AMY", "amy")
	for role, sees := range map[access.Role]string{
		access.SuperAdmin: "View Recovery PIN, Reset authenticators, Suspend, Deactivate, Disarm this Mac…", access.OrgAdmin: "View Recovery PIN, Reset authenticators, Suspend, Deactivate",
		access.HelpDeskAdmin: "View Recovery PIN, Reset authenticators", access.ReadOnlyAdmin: "",
	} {
		t.Run(string(role), func(t *testing.T) {
			who := s.admin(string(role)+"@example.com", role)
			s.Pass(time.Minute)
			b := s.tab(t)
			b.signsIn(who)
			b.opens(m.path(""))
			b.sees("Users on this Mac")
			got := ask[string](b, `Array.from(document.querySelectorAll("main button, main a.button")).map(function (e) { return e.innerText.trim(); }).filter(function (w) { return w && w !== "Save"; }).join(", ")`)
			if got != sees {
				t.Errorf("the page offers %q, want %q", got, sees)
			}
			if sees == "" {
				b.opens(m.ofAmy("/pin"))
				b.sees("your role may not generate recovery PINs")
			}
		})
	}
}

// Two browsers at the same account at once: each has a PIN of its own, and what
// the Mac would take.
func TestBrowserTwoAtOnce(t *testing.T) {
	s := newSite(t)
	m := s.mac("C02AMY", "amy")
	tabs := []*tab{}
	for _, login := range []string{"sam@example.com", "kim@example.com"} {
		who := s.admin(login, access.HelpDeskAdmin)
		s.Pass(time.Minute)
		b := s.tab(t)
		b.signsIn(who)
		b.opens(m.ofAmy("/pin"))
		b.types("reason", "lost phone")
		tabs = append(tabs, b)
	}
	pressed := make(chan error)
	for _, b := range tabs {
		go func() { pressed <- chromedp.Do(b.ctx, chromedp.Click(`//button[.="Generate device recovery PIN"]`)) }()
	}
	for range tabs {
		if err := <-pressed; err != nil {
			t.Fatal(err)
		}
	}
	first, second := tabs[0].pinRead(), tabs[1].pinRead()
	if first == second || len(first) != 9 || len(second) != 9 {
		t.Errorf("the PINs are %q and %q", first, second)
	}
}

// keys are pressed one after the other, wherever the focus is.
func (b *tab) keys(text string) { b.t.Helper(); b.do(chromedp.KeyEvent(text)) }

// tabsTo moves the focus on until it is on the link or button with that text.
func (b *tab) tabsTo(text string) {
	b.t.Helper()
	for range 60 {
		if ask[string](b, `(document.activeElement.innerText || "").trim()`) == text {
			return
		}
		b.keys(kb.Tab)
	}
	b.t.Fatalf("no number of tabs leads to %q", text)
}

// The main path without a mouse: what has to be typed has the focus, and Return
// goes on.
func TestBrowserKeyboardAlone(t *testing.T) {
	s := newSite(t)
	s.mac("C02AMY", "amy")
	who := s.admin("sam@example.com", access.HelpDeskAdmin)
	s.Pass(time.Minute)
	b := s.tab(t)
	b.opens("/sign-in")
	b.until(`document.activeElement.id === "login"`)
	b.keys(who.login + kb.Tab + password + kb.Enter)
	b.sees("Show that it is you")
	b.until(`document.activeElement.id === "code"`)
	b.keys(who.code() + kb.Enter)
	b.sees("Serial number, computer name")
	b.keys("C02AMY")
	b.until(`location.search.includes("C02AMY")`) // the list that was found is there
	b.tabsTo("amy's Mac")
	b.keys(kb.Enter)
	b.sees("Users on this Mac")
	b.tabsTo("View Recovery PIN")
	b.keys(kb.Enter)
	b.sees("Authenticate the caller first")
	b.until(`document.activeElement.id === "reason"`)
	b.keys("lost phone" + kb.Enter)
	if pin := b.pinRead(); len(pin) != 9 {
		t.Errorf("the PIN is %q", pin)
	}
}

// The main path with scripts turned off: the list is asked for by the button,
// and the head of the page with the PIN has the browser leave it.
func TestBrowserWithoutScripts(t *testing.T) {
	s := newSite(t)
	m := s.mac("C02AMY", "amy")
	who := s.admin("sam@example.com", access.HelpDeskAdmin)
	s.Pass(time.Minute)
	b := s.tab(t)
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	b.signsIn(who)
	b.types("q", "C02AMY")
	b.presses("Search")
	b.presses("amy's Mac")
	b.presses("View Recovery PIN")
	b.types("reason", "lost phone")
	b.presses("Generate device recovery PIN")
	b.pinRead()
	leaves := ask[string](b, `(document.querySelector("head meta[http-equiv=refresh]") || {}).content || ""`)
	if !strings.Contains(leaves, m.ofAmy("/pins/")) {
		t.Errorf("the page is not left by itself: %q", leaves)
	}
}
