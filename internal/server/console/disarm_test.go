package console_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// A super admin disarms a Mac, however young the sign-in is only with another
// proof; everybody who looks at the Mac sees it; and it is ended.
func TestARemoteDisarm(t *testing.T) {
	s := newSite(t)
	m := s.mac("C02AMY", "amy")
	b, desk := s.admin("pat@example.com", access.SuperAdmin), s.admin("sam@example.com", access.HelpDeskAdmin)
	s.Pass(time.Minute) // the code of the sign-in is used up
	b.get(m.path("")).has("Break-glass", "Disarm this Mac…")
	desk.get(m.path("")).hasNot("Break-glass")
	zurich, err := time.LoadLocation("Europe/Zurich")
	if err != nil {
		t.Fatal(err)
	}
	tomorrow := "until " + s.Now().Add(24*time.Hour).In(zurich).Format("2 Jan 2006, 15:04")
	b.get(m.path("/disarm")).has("lets people in with the password alone, "+tomorrow, "(Europe/Zurich)", "next check-in", "Code from your authenticator app", "Last check-in")

	reason := url.Values{"reason": {`broken "keys"`}}
	for _, code := range []string{"", "000000"} {
		reason.Set("code", code)
		if page := b.post(m.path("/disarm"), reason).is(403); !strings.Contains(page.body, `value="broken &#34;keys&#34;"`) {
			t.Errorf("with the code %q the reason is lost", code)
		}
	}
	b.post(m.path("/disarm"), url.Values{"reason": {" "}, "code": {b.code()}}).is(400).has("Reason: missing")
	if got := m.checkIn().Commands; len(got) != 0 || len(s.Events(systemlog.LoginRightDisarm)) != 0 {
		t.Fatalf("without a proof, or a reason, the Mac hears %+v", got)
	}

	reason.Set("code", b.code()) // which the refusal has not used up
	b.post(m.path("/disarm"), reason).to(m.path(""))
	until := s.Now().Add(24 * time.Hour)
	for _, who := range []*browser{b, desk} {
		who.get(m.path("")).has("A remote disarm waits for this Mac's next check-in", tomorrow).hasNot("Disarm this Mac…")
	}
	e := s.Events(systemlog.LoginRightDisarm)
	if len(e) != 1 || e[0].Actor.AlternateID != "pat@example.com" || e[0].Detail["reason"] != `broken "keys"` || e[0].Severity != systemlog.Warn {
		t.Errorf("events %+v", e)
	}
	got := m.checkIn().Commands
	if len(got) != 1 || got[0].Kind != wire.CommandDisarm || got[0].Until == nil || !got[0].Until.Equal(until) {
		t.Fatalf("the Mac hears %+v, want a disarm until %s", got, until)
	}
	m.in.Ack, m.in.Armed = []string{got[0].ID}, wire.Armed{State: "disarmed", Reason: "remote"}
	m.checkIn()
	m.in.Ack = nil
	desk.get(m.path("")).has("was told to let everybody in with the password alone", "its login window is “disarmed”").hasNot("End the remote disarm")
	s.Pass(time.Minute)
	reason.Set("code", b.code())
	b.post(m.path("/disarm"), reason).is(409).has("is to be disarmed until")

	b.post(m.path("/disarm/end"), nil).to(m.path(""))
	b.get(m.path("")).has("The remote disarm ends at this Mac's next check-in")
	got = m.checkIn().Commands
	if len(got) != 1 || got[0].Kind != wire.CommandDisarm || got[0].Until == nil || got[0].Until.After(s.Now()) {
		t.Fatalf("the Mac hears %+v, want a disarm that is over", got)
	}
	m.in.Ack = []string{got[0].ID}
	m.checkIn()
	b.get(m.path("")).has("The last one ended", "Disarm this Mac…").hasNot("remote disarm ends at")
	b.post(m.path("/disarm/end"), nil).is(409).has("has no remote disarm that could be ended")
}

// Who signs in at a provider proves it there, and comes back to the form.
func TestARemoteDisarmWithAProofAtTheProvider(t *testing.T) {
	s, idp, _ := newSSOSite(t, "Roots=super-admin")
	m := s.mac("C02AMY", "amy")
	idp.Knows(map[string]somebody{"s1": {Login: "sam@example.com", Groups: []string{"Roots"}}})
	b, v := s.visitor(), idp.Visitor()
	b.sso(v, "s1", "mfa").to("/devices")
	s.ages(6 * time.Minute) // young enough for a PIN, and not for this
	reason := url.Values{"reason": {"broken keys"}}
	b.get(m.path("/disarm")).has("Authenticate at 127.0.0.1").hasNot(`id="code"`)
	b.post(m.path("/disarm"), reason).is(403).has(" first.", "Authenticate at")
	to := b.post(m.path("/disarm/authenticate"), reason).is(200).leads()
	a := b.get(v.SignsIn(to, "s1", "mfa")).to(m.path("/disarm"))
	form := b.get(a.header.Get("Location")).is(200).hasNot("Authenticate at")
	if !strings.Contains(form.body, `value="broken keys"`) || len(s.Events(systemlog.LoginRightDisarm)) != 0 {
		t.Error(form.text())
	}
	b.post(m.path("/disarm"), reason).to(m.path(""))
	b.get(m.path("")).has("A remote disarm waits")
}
