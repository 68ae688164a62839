package console_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// again is another browser of the same person, signed in.
func (b *browser) again(password string) *browser {
	b.s.T.Helper()
	other := b.s.visitor()
	other.login, other.key, other.codes = b.login, b.key, b.codes
	b.s.Pass(time.Minute) // for the app's next code
	other.post("/sign-in", url.Values{"login": {b.login}, "password": {password}}).to("/sign-in/second")
	other.post("/sign-in/code", url.Values{"code": {other.code()}}).to("/")
	return other
}

func TestOwnPassword(t *testing.T) {
	s := newSite(t)
	b := s.admin("sam@example.com", access.HelpDeskAdmin)
	other := b.again(password)
	const better = "staple battery horse correct"
	change := func(current, next string) answer {
		return b.post("/account/password", url.Values{"current": {current}, "password": {next}})
	}
	b.get("/account").has("Change password")
	b.get("/account/password").is(200).has("Your password until now")
	change("wrong", better).is(403).has("is not right").hasNot(better)
	change(password, "short").is(403).has("12").hasNot(`value="short"`)
	other.get("/devices").is(200)
	change(password, better).to("/account")
	b.get("/account").is(200)
	other.get("/devices").to("/sign-in")
	s.visitor().post("/sign-in", url.Values{"login": {b.login}, "password": {password}}).is(403)
	b.again(better).get("/devices").is(200)
	if n := len(s.Events(systemlog.PasswordUpdate)); n != 2 { // with that of the set-up
		t.Errorf("%d events", n)
	}
}

func TestOwnAppAndCodes(t *testing.T) {
	s := newSite(t)
	b := s.admin("sam@example.com", access.HelpDeskAdmin)
	page := b.get("/account/app").is(200).has("stays good until this one is confirmed")
	old := b.key
	b.key = keyIn(t, page.body)
	b.post("/account/app", url.Values{"code": {"000000"}}).is(403).has("is not right")
	b.post("/account/app", url.Values{"code": {"12"}}).is(403).has("six digits")
	b.post("/account/app", url.Values{"code": {b.code()}}).to("/account")
	b.again(password)
	b.key = old
	v := s.visitor()
	v.post("/sign-in", url.Values{"login": {b.login}, "password": {password}}).to("/sign-in/second")
	v.post("/sign-in/code", url.Values{"code": {b.code()}}).is(403)
	b.post("/account/remove-app", nil).is(403).has("last second factor stays")

	b.get("/account/recovery-codes").is(200).has("void at once")
	made := regexp.MustCompile(`<li>([^<]+)</li>`).FindAllStringSubmatch(b.post("/account/recovery-codes", nil).is(200).has("Your recovery codes").body, -1)
	if len(made) != 10 {
		t.Fatalf("%d codes", len(made))
	}
	v.post("/sign-in/recovery", url.Values{"code": {b.codes[0]}}).is(403)
	v.post("/sign-in/recovery", url.Values{"code": {made[0][1]}}).to("/")
	b.get("/account").has("Recovery codes left 9").hasNot(made[1][1])
}

// An open screen is not enough to stay for ever: after a quarter of an hour each
// change asks for a factor, before anything is shown or typed.
func TestOwnChangesNeedAFreshSignIn(t *testing.T) {
	s := newSite(t)
	b := s.admin("sam@example.com", access.HelpDeskAdmin)
	s.Pass(16 * time.Minute)
	for _, what := range []string{"password", "app", "remove-app", "passkey", "remove-passkey", "recovery-codes"} {
		b.get("/account/"+what).is(200).has("Show once more that it is you").hasNot("<svg", "Your password until now")
		b.post("/account/"+what, url.Values{"current": {password}, "password": {"staple battery horse correct"}, "code": {b.code()}, "id": {"pkynone"}, "name": {"x"}}).
			is(403).has("Nothing was changed")
	}
	b.post("/account/passkey/new", nil).is(403)
	b.post("/account/nothing/fresh", url.Values{"code": {"000000"}}).is(404)
	b.post("/account/passkey/fresh", url.Values{"code": {"000000"}, "name": {"My key"}}).is(403).has("is not right")
	if !strings.Contains(b.post("/account/passkey/fresh", url.Values{"code": {"12"}, "name": {"My key"}}).is(403).has("Sign out").body, `value="My key"`) {
		t.Error("the name was not kept")
	}
	at := b.post("/account/passkey/fresh", url.Values{"code": {b.code()}, "name": {"My key"}}).to("/account/passkey").header.Get("Location")
	if !strings.Contains(b.get(at).is(200).has("Make a passkey").body, `value="My key"`) {
		t.Error("the name was not kept")
	}
	b.get("/account/password").has("Your password until now")
	b.get("/account/nothing").is(404)
	b.post("/account/nothing", nil).is(404)
	b.post("/account/remove-passkey", url.Values{"id": {"pkynone"}}).is(404)
	s.visitor().get("/account/app").to("/sign-in")
}

// A passkey is added in a browser, takes the place of the app, and stays as the
// last factor.
func TestBrowserOwnPasskey(t *testing.T) {
	s := newSite(t)
	who := s.admin("sam@example.com", access.HelpDeskAdmin)
	s.Pass(time.Minute)
	b := s.tab(t)
	b.signsIn(who)
	if _, err := chromedp.Call(b.ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	_, err := chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true, HasUserVerification: true,
		IsUserVerified: true, AutomaticPresenceSimulation: true}})
	if err != nil {
		t.Fatal(err)
	}
	b.opens("/account/passkey")
	b.shot("account-passkey")
	b.presses("Make a passkey")
	b.sees("Your account is changed")
	b.sees("My passkey")
	b.opens("/account/remove-app")
	b.presses("Remove the app")
	b.sees("Your account is changed")
	s.Pass(16 * time.Minute)
	b.opens("/account/recovery-codes")
	b.sees("Show once more that it is you")
	b.shot("account-fresh")
	b.presses("Use a passkey")
	b.presses("Make new codes")
	b.sees("Your recovery codes")
	b.opens("/account")
	b.presses("Remove")
	b.sees("opens nothing any more")
	b.presses("Remove the passkey")
	b.sees("last second factor stays")
}
