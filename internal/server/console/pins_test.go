package console_test

import (
	"database/sql"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
)

// asks fills the dialog in.
func asks(more ...string) url.Values {
	form := url.Values{"reason": {"lost phone"}, "ticket": {"INC-4711"}}
	for i := 0; i+1 < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return form
}

// pinOn reads the PIN off the page.
func pinOn(a answer) string {
	a.b.s.T.Helper()
	box := regexp.MustCompile(`(?s)id="pin"[^>]*>(.*?)</p>`).FindStringSubmatch(a.body)
	if box == nil {
		a.b.s.T.Fatalf("%s: no PIN:\n%s", a.what, a.text())
	}
	return regexp.MustCompile(`[^0-9]`).ReplaceAllString(box[1], "")
}

// The main path: find, look, generate, read, and see it used.
func TestAPINIsGeneratedReadAndUsed(t *testing.T) {
	s := newSite(t)
	m := s.mac("C02AMY", "amy")
	b := s.admin("sam@example.com", access.HelpDeskAdmin)
	for _, q := range []string{"C02A", "c02amy", "amy", "amy's", ""} {
		b.get("/devices?q="+url.QueryEscape(q)).has("C02AMY", "amy's Mac", "armed", "ready")
	}
	b.get("/devices?q=nobody").has("Nothing is found by “nobody”").hasNot("C02AMY")
	b.get(m.path("")).has("Full amy", "Device access code", "View Recovery PIN", "PIN possible", "DeviceRecoveryPINDuration 45")
	b.get(m.ofAmy("/pin")).has("Authenticate the caller first", "The caller is who they say", "C02AMY", "Reason", "Ticket number", "Generate device recovery PIN")

	shown := b.post(m.ofAmy("/pin"), asks()).is(200)
	pin := pinOn(shown)
	want := recoverypin.Timed(m.secret, time.Unix(s.Now().Unix(), 0)).Digits()
	if pin != want {
		t.Fatalf("the PIN is %s, the Mac takes %s", pin, want)
	}
	shown.has("Copy", "45 minutes", "(Europe/Zurich)", "has not reported it as used yet", "Reset authenticators")
	if cc := shown.header.Get("Cache-Control"); cc != "no-store" {
		t.Errorf("the answer with the PIN is %q", cc)
	}
	if !regexp.MustCompile(`<meta http-equiv="refresh" content="1(19|20);url=/devices/`).MatchString(shown.body) {
		t.Error("without a script the page is not left when the PIN's time is over")
	}
	state := regexp.MustCompile(`data-from="([^"]+)"`).FindStringSubmatch(shown.body)[1]
	b.get(state).has("has not reported it as used yet").hasNot(pin)
	m.checkIn(wire.Event{ID: "e1", Type: "device.desktop_mfa.recovery_pin.activate", At: s.Now(), Trusted: true, GUID: amyGUID,
		Detail: map[string]string{"method": "time", "issued_at": itoa(s.Now().Unix()), "window_seconds": "2700"}})
	b.get(state).has("Used at").hasNot(pin)
	b.get(m.ofAmy("")).has("used", "lost phone", "INC-4711", "sam@example.com").hasNot(pin)

	b.post(m.ofAmy("/reset"), nil).to(m.path(""))
	b.get(m.path("")).has("reset pending since")
	m.in.Accounts[0].Factors = []wire.Factor{}
	for _, c := range m.checkIn().Commands {
		m.in.Ack = append(m.in.Ack, c.ID)
	}
	m.checkIn()
	if page := b.get(m.path("")).text(); strings.Contains(page, "reset pending") || !strings.Contains(page, "Factors none") {
		t.Errorf("the reset was carried out, and the page says:\n%s", page)
	}
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// refused is a Mac of which no PIN can be made.
type refused struct {
	arrange func(s *site, m *mac)
	words   []string
	code    string
}

// refusals are the reasons that can be known before the dialog.
func refusals() map[string]refused {
	return map[string]refused{
		"recovery is off": {func(s *site, _ *mac) {
			s.Update(func(tx *sql.Tx) error { return directory.SaveSettings(s.T.Context(), tx, wire.Settings{}) })
		}, []string{"turned off for this org", "A super admin can turn it on"}, "recovery_off"},
		"suspended": {func(s *site, m *mac) {
			s.Update(func(tx *sql.Tx) error {
				_, err := directory.ChangeDevice(s.T.Context(), tx, m.device, directory.Suspend, s.Now())
				return err
			})
		}, []string{"the device is SUSPENDED", "Find out why"}, "device_inactive"},
		"not confirmed": {func(s *site, m *mac) {
			s.Update(func(tx *sql.Tx) error {
				_, err := tx.Exec(`UPDATE devices SET trust = 'REENROLLED', claim = 'abc' WHERE id = $1`, m.device)
				return err
			})
		}, []string{"confirm first", "An org admin has to look"}, "device_unconfirmed"},
		"not registered": {func(s *site, m *mac) {
			s.Update(func(tx *sql.Tx) error { _, err := tx.Exec(`DELETE FROM recovery_secrets`); return err })
		}, []string{"has not registered this account", "Bring the Mac online", "last seen on"}, "no_secret"},
		"too old": {func(s *site, m *mac) {
			s.Update(func(tx *sql.Tx) error { _, err := tx.Exec(`UPDATE recovery_secrets SET confirmed_at = 0`); return err })
		}, []string{"DeviceRecoveryValidityInDays allows 30", "last seen on"}, "secret_too_old"},
		"own account": {func(s *site, m *mac) {
			s.Update(func(tx *sql.Tx) error {
				_, err := directory.SetPrelink(s.T.Context(), tx, m.device, m.account, "sam@example.com", s.Now())
				return err
			})
		}, []string{"your own account", "Ask a colleague"}, "own_account"},
	}
}

// Every reason for which there is no PIN is said, with what to do, before the
// dialog where it can be known, and each refused try is an event.
func TestEveryRefusalIsSaid(t *testing.T) {
	for name, c := range refusals() {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			m := s.mac("C02AMY", "amy")
			b := s.admin("sam@example.com", access.HelpDeskAdmin)
			c.arrange(s, m)
			page := b.get(m.ofAmy("/pin")).has(append(c.words, "No PIN:")...)
			if strings.Contains(page.body, `name="reason"`) {
				t.Error("the dialog is shown, and can come to nothing")
			}
			b.post(m.ofAmy("/pin"), asks()).is(409).has(c.words...)
			if e := s.Events(systemlog.PINGenerate); len(e) != 1 || e[0].Outcome.Reason != c.code {
				t.Errorf("events %+v, want one of %s", e, c.code)
			}
		})
	}
}

// What can be put right in the dialog is told in it, and nothing that was typed
// is lost.
func TestTheDialogKeepsWhatWasTyped(t *testing.T) {
	s := newSite(t)
	m := s.mac("C02AMY", "amy")
	b := s.admin("sam@example.com", access.HelpDeskAdmin)
	form := asks("deviceCode", "63934921", "reason", `lost "phone" <b>`)
	b.post(m.ofAmy("/pin"), form).is(409).has("wrong digit or two swapped", "read again, slowly").hasNot("<b>")
	kept := b.post(m.ofAmy("/pin"), form)
	for _, value := range []string{`value="lost &#34;phone&#34; &lt;b&gt;"`, `value="INC-4711"`, `value="63934921"`} {
		if !strings.Contains(kept.body, value) {
			t.Errorf("the dialog has lost %s", value)
		}
	}

	s.Pass(16 * time.Minute) // the sign-in is older than it may be
	b.get(m.ofAmy("/pin")).has("Your sign-in is older than 15 minutes")
	late := b.post(m.ofAmy("/pin"), asks("code", "000000")).is(403).has("is not right")
	if !strings.Contains(late.body, `value="lost phone"`) {
		t.Error("the reason is lost")
	}
	if n := len(s.Events(systemlog.PINGenerate)); n != 2 {
		t.Errorf("%d tries to generate, want the two with the wrong device code", n)
	}
	pinOn(b.post(m.ofAmy("/pin"), asks("code", b.code())).is(200))
	pinOn(b.post(m.ofAmy("/pin"), asks("deviceCode", "6393 4920")).is(200).has("Leave the screen with the device code"))
}
