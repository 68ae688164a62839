package console_test

import (
	"context"
	"database/sql"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/factor"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

// person adds an org user on the page, and returns the address of theirs.
func person(b *browser, login string) string {
	b.s.T.Helper()
	at, _, _ := strings.Cut(b.post("/people", url.Values{"login": {login}}).header.Get("Location"), "?")
	return at
}

// blocked gives a user a phone, and has them say that it was not they who asked.
func (s *site) blocked(login string) {
	s.T.Helper()
	ctx, by := context.Background(), factor.By{Actor: systemlog.System()}
	s.Update(func(tx *sql.Tx) error {
		u, err := directory.UserByLogin(ctx, tx, login)
		if err == nil {
			_, err = s.Factors.EnrolPhone(ctx, tx, u, "Amy's <b>phone</b>", by)
		}
		return err
	})
	who, err := s.Factors.Subject(ctx, login)
	if err == nil {
		_, err = s.Factors.Push(ctx, who, "", factor.Asker{ClientID: "cli1", Device: directory.Device{ID: "dev1", Serial: "C02AMY"}})
	}
	var waiting []factor.Push
	s.Update(func(tx *sql.Tx) (err error) {
		waiting, err = s.Factors.Pushes(ctx, tx, false)
		return err
	})
	if err != nil || len(waiting) != 1 {
		s.T.Fatal(waiting, err)
	}
	if err := s.Factors.Deny(ctx, waiting[0].ID, true, by); err != nil {
		s.T.Fatal(err)
	}
}

// An app is set up with its QR code and a code of it; a block is seen and
// lifted; a factor is removed; a reset takes all.
func TestFactorsOfAPerson(t *testing.T) {
	s := newSite(t)
	root := s.admin("pat@example.com", access.OrgAdmin)
	amy := person(root, "amy@example.com")
	root.get(amy).has("Factors at the org", "None: without one")
	page, _, _ := strings.Cut(root.post(amy+"/app", nil).header.Get("Location"), "?")
	key := keyIn(t, root.get(page).is(200).has("Have amy@example.com scan this", "Whoever sees this key").body)
	root.get(amy).has("Authenticator app", "not confirmed", "never")
	root.post(page+"/confirm", url.Values{"code": {"12"}}).is(200).has("not a code that the app shows")
	again := root.post(page+"/confirm", url.Values{"code": {key.Code(totp.Step(s.Now()) - 5)}}).is(200).has("not a code that the app shows")
	if keyIn(t, again.body).Text() != key.Text() {
		t.Error("another key after a wrong code")
	}
	root.post(page+"/confirm", url.Values{"code": {key.Code(totp.Step(s.Now()))}}).to(amy)
	root.get(amy).hasNot("not confirmed")
	root.get(page).is(409) // its key is shown no more
	root.post(page+"/confirm", url.Values{"code": {key.Code(totp.Step(s.Now()))}}).is(409)

	s.blocked("amy@example.com")
	root.get(amy).has("Push to a phone", "Amy's <b>phone</b>", "Pushes are blocked since", "Find out who asked").hasNot("<b>phone")
	root.post(amy+"/unblock-pushes", nil).to(amy)
	root.get(amy).hasNot("Pushes are blocked")
	root.post(amy+"/unblock-pushes", nil).is(409)
	root.post(page+"/remove", nil).to(amy)
	root.post(page+"/remove", nil).is(404)
	root.get(amy).hasNot("Authenticator app</td>").has("Push to a phone")
	root.post(amy+"/reset-factors", nil).to(amy)
	root.get(amy).has("None: without one")
	for kind, want := range map[string]int{systemlog.FactorActivate: 3, systemlog.FactorDeactivate: 2, systemlog.ResetFactors: 1, systemlog.PushUnblock: 1, systemlog.PushNotMe: 1} {
		found := s.Events(kind)
		if len(found) != want {
			t.Errorf("%d events %s, want %d", len(found), kind, want)
		}
	}
	if e := s.Events(systemlog.FactorDeactivate)[0]; e.Actor.AlternateID != "pat@example.com" || e.Targets[0].AlternateID != "amy@example.com" || e.Detail["factor"] != "totp" {
		t.Errorf("%+v", e)
	}
}

// An invitation is shown once, with its code behind the #; who may not make one
// can still take it back.
func TestInvitationsOfAPerson(t *testing.T) {
	s := newSite(t)
	root := s.admin("pat@example.com", access.OrgAdmin)
	amy := person(root, "amy@example.com")
	page := root.post(amy+"/invitations", url.Values{"kind": {"push"}}).is(200).has("Invitation for a phone", "works once", "give it to nobody else")
	link := regexp.MustCompile(`id="link">([^<]+)<`).FindStringSubmatch(page.body)
	if link == nil || !strings.HasPrefix(link[1], s.url+"/authenticator/#") {
		t.Fatalf("the link is %q", link)
	}
	code := link[1][strings.Index(link[1], "#")+1:]
	root.post(amy+"/invitations", url.Values{"kind": {"webauthn"}}).is(200).has("Invitation for a security key")
	root.post(amy+"/invitations", url.Values{"kind": {"totp"}}).is(400).has("want push")
	root.get(amy).has("Invitations", "security key", "open", "pat@example.com").hasNot(code)
	desk := s.admin("sam@example.com", access.HelpDeskAdmin)
	desk.get(amy).has("Take back").hasNot("Invite a phone")
	desk.post(amy+"/invitations", url.Values{"kind": {"push"}}).is(403)
	revoke := regexp.MustCompile(`/people/[a-z0-9]+/invitations/inv[a-z0-9]+/revoke`).FindString(desk.get(amy).body)
	desk.post(revoke, nil).to(amy)
	desk.get(amy).has("revoked")
	desk.post(revoke, nil).is(409)
	for range factor.MaxInvitations - 1 {
		root.post(amy+"/invitations", url.Values{"kind": {"push"}}).is(200)
	}
	root.post(amy+"/invitations", url.Values{"kind": {"push"}}).is(409).has("revoke one")
	root.post(amy+"/suspend", nil).to(amy)
	root.post(amy+"/invitations", url.Values{"kind": {"push"}}).is(409).has("SUSPENDED")
	s.admin("kim@example.com", access.ReadOnlyAdmin).get(amy).has("Invitations").hasNot("Take back", "Invite a")
}

// The help desk removes and lifts, but makes no factor; who reads sees no
// buttons.
func TestFactorsByRole(t *testing.T) {
	s := newSite(t)
	root := s.admin("pat@example.com", access.SuperAdmin)
	amy := person(root, "amy@example.com")
	page, _, _ := strings.Cut(root.post(amy+"/app", nil).header.Get("Location"), "?")
	s.blocked("amy@example.com")
	desk := s.admin("sam@example.com", access.HelpDeskAdmin)
	desk.get(amy).has("Let pushes go again", "Remove").hasNot("Set up an authenticator app")
	desk.post(amy+"/app", nil).is(403)
	desk.get(page).is(403)
	desk.post(page+"/confirm", url.Values{"code": {"123456"}}).is(403)
	reader := s.admin("kim@example.com", access.ReadOnlyAdmin)
	reader.get(amy).has("Pushes are blocked").hasNot("Let pushes go again", ">Remove<", "/app")
	reader.post(page+"/remove", nil).is(403)
	reader.post(amy+"/unblock-pushes", nil).is(403)
	desk.post(amy+"/unblock-pushes", nil).to(amy)
	desk.post(page+"/remove", nil).to(amy)
}

// A login that only observe let through is told as what it would have been, on
// the Mac's page and in the log; one that was allowed is not.
func TestWouldHaveDenied(t *testing.T) {
	s := newSite(t)
	m := s.mac("C02AMY", "amy")
	guid := m.in.Accounts[0].GUID
	m.in.Events = []wire.Event{
		{ID: "e1", Type: "device.desktop_mfa.login.allow", GUID: guid, At: s.Now(), Detail: map[string]string{"reason": "observed", "would_deny": "no_factor <i>"}},
		{ID: "e2", Type: "device.desktop_mfa.login.allow", GUID: guid, At: s.Now(), Detail: map[string]string{"reason": "observed"}},
		{ID: "e3", Type: "device.desktop_mfa.login.allow", GUID: guid, At: s.Now(), Detail: map[string]string{"reason": "factor", "factor": "OV_TOTP"}},
	}
	m.in.Seq++
	if status, _, refusal := s.CheckIn(&m.id, m.in); status != 200 {
		t.Fatalf("%d %+v", status, refusal)
	}
	b := s.admin("pat@example.com", access.SuperAdmin)
	for _, path := range []string{m.path(""), "/log?type=device.desktop_mfa.login.allow"} {
		page := b.get(path).has("would have denied", "no_factor <i>", "not reported").hasNot("<i>")
		if n := len(regexp.MustCompile(`would have denied<`).FindAllString(page.body, -1)); n != 2 {
			t.Errorf("%s: %d logins would have been denied, want 2", path, n)
		}
	}
}

// The new pages as a person sees them.
func TestBrowserFactors(t *testing.T) {
	script := axe(t)
	s := newSite(t)
	m := s.mac("C02AMY", "amy")
	m.in.Events = []wire.Event{{ID: "e1", Type: "device.desktop_mfa.login.allow", GUID: m.in.Accounts[0].GUID, At: s.Now(), Detail: map[string]string{"reason": "observed", "would_deny": "skipped"}}}
	m.in.Seq++
	s.CheckIn(&m.id, m.in)
	who := s.admin("pat@example.com", access.SuperAdmin)
	amy := person(who, "amy@example.com")
	s.blocked("amy@example.com")
	s.Pass(time.Minute)
	b := s.tab(t)
	b.signsIn(who)
	s.Update(func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO user_factors (id, user_id, kind, name, sealed, confirmed, step, created_at, credential, suspended_at)
			VALUES ('ufakey', $1, 'webauthn', 'Blue key', '', TRUE, 0, $2, 'AAAA', $2), ('ufaphone', $1, 'push', 'Amy’s new phone', '', TRUE, 0, $2, 'BBBB', NULL)`,
			strings.TrimPrefix(amy, "/people/"), s.Now().UnixMicro())
		return err
	})
	b.opens(amy)
	b.presses("Invite a phone")
	b.sees("It works once")
	b.looks(script, "an invitation")
	b.shot("page-invitation")
	b.presses("Done")
	b.presses("Set up an authenticator app")
	b.sees("Have amy@example.com scan this")
	b.looks(script, "the app's set-up")
	b.shot("page-person-app")
	key := keyIn(t, ask[string](b, `document.documentElement.outerHTML`))
	b.types("code", key.Code(totp.Step(s.Now())))
	b.presses("Use the app")
	b.sees("The authenticator app is set up")
	b.looks(script, "a person with factors")
	b.shot("page-person")
	b.presses("Let pushes go again")
	b.sees("Pushes are sent again")
	b.check(script, "/log?type=device.desktop_mfa.login.allow")
	b.shot("page-would-have-denied")
	rows := ask[int](b, `document.getElementById("events").rows.length`)
	b.presses("Follow live")
	s.tells(systemlog.Event{Type: "device.desktop_mfa.login.allow", Message: "A login while the page follows"})
	b.until(`document.getElementById("events").rows[0].innerText.includes("A login while the page follows")`)
	if got := ask[int](b, `document.getElementById("events").rows.length`); got != rows+1 {
		t.Errorf("%d rows became %d", rows, got)
	}
	b.presses("Stop following")
	b.check(script, m.path(""))
	b.shot("page-device-observed")
}
