package authenticator_test

import (
	"database/sql"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/webauthn"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/factor"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// TestBrowserEveryState goes through all that a person can meet on a phone, in
// one browser at one server, with a virtual authenticator.
func TestBrowserEveryState(t *testing.T) {
	h := newHouse(t)
	b := h.tab(t)
	b.setsUp()
	b.answers()
	b.isCalled()
	b.elsewhere()
	b.isWrong()
	b.isStopped()
	b.ends()
	b.registersAKey()
	b.pictured()
}

func (b *tab) setsUp() {
	h := b.h
	b.opens(h.url + "/authenticator/")
	b.sees("none", "This phone is not set up", "Your help desk")
	link := h.invite(h.amy, factor.KindPush)
	b.types("invitation", link)
	b.presses("Open the invitation")
	b.sees("enrol-phone", "Set up this phone", "amy@example.com")
	b.types("phone-name", "Amy’s phone")
	b.presses("Create its passkey")
	b.sees("locked", "Locked", "Nothing waits")
	if at := ask[string](b, `location.href`); at != h.url+"/authenticator/" {
		b.t.Errorf("the address is %s", at)
	}
	b.opens(link)
	b.sees("invitation-used", "This invitation was used", "works once")
	b.presses("Done")
	b.opens(h.url + "/authenticator/#NOTHING")
	b.sees("invitation-unknown", "There is no such invitation")
	b.opens(h.invite(h.amy, factor.KindPush))
	b.sees("enrol-phone", "Set up this phone")
	b.types("phone-name", "again")
	b.presses("Create its passkey")
	b.sees("enrolled", "It is set up already", "nothing to do")
	h.told(systemlog.FactorNotTaken, "ENROLLED_ALREADY")
	b.presses("Done") // the invitation is open, and the phone is one
	b.presses("Not now")
	b.sees("locked", "Locked")
	revoked := h.invite(h.amy, factor.KindKey)
	h.Update(func(tx *sql.Tx) error {
		all, err := h.Factors.Invitations(b.t.Context(), tx, h.amy.ID)
		if err != nil {
			return err
		}
		return h.Factors.RevokeInvitation(b.t.Context(), tx, h.amy, all[0].ID, factor.By{Actor: systemlog.System()})
	})
	b.opens(revoked)
	b.sees("invitation-revoked", "This invitation was taken back")
	old := h.invite(h.amy, factor.KindPush)
	h.Pass(factor.InvitationLife)
	b.opens(old)
	b.sees("invitation-expired", "This invitation is too old")
	b.presses("Done")
}

func (b *tab) answers() {
	h := b.h
	_, number := h.asks(h.amy)
	b.until(`!document.getElementById("something").hidden`) // without a reload
	b.sees("locked-waiting", "Locked", "A sign-in waits for you")
	if text := ask[string](b, `document.body.innerText`); strings.Contains(text, "MacBook") {
		b.t.Error("a locked phone shows who asks")
	}
	b.presses("Unlock with this phone’s passkey")
	b.sees("asks", "Are you signing in?", "Amy’s MacBook Air", "amy@example.com", "192.0.2.7", "C02AMY")
	b.types("number", number)
	b.presses("Approve")
	b.sees("approved", "Approved", "You can go on at the Mac")
	b.presses("Done")
	b.sees("quiet", "Nothing waits", "amy@example.com")
	id, _ := h.asks(h.amy)
	b.sees("asks", "Are you signing in?") // without a reload
	if value := ask[string](b, `document.getElementById("number").value`); value != "" {
		b.t.Errorf("the number of the push before is still there: %q", value)
	}
	b.presses("Deny")
	b.sees("denied", "Refused")
	b.presses("Done")
	if e := h.told(systemlog.PushDeny, "PUSH_REFUSED"); e.Detail["push"] != id {
		b.t.Errorf("%+v", e)
	}
	_, number = h.asks(h.amy)
	b.sees("asks", "Are you signing in?")
	b.types("number", other(number))
	b.presses("Approve")
	b.sees("wrong-number", "Wrong number", "Begin again at the Mac")
	b.presses("Done")
	b.later()
}

// later is when what was asked before does not count any more.
func (b *tab) later() {
	b.t.Helper()
	b.h.Pass(factor.PauseLife)
	b.opens(b.h.url + "/authenticator/")
	b.presses("Unlock with this phone’s passkey")
	b.sees("quiet", "Nothing waits")
}

// elsewhere is what ends while it is on the screen.
func (b *tab) elsewhere() {
	h := b.h
	desk := factor.By{Actor: systemlog.System()}
	id, number := h.asks(h.amy)
	b.sees("asks", "Are you signing in?")
	h.must(h.Factors.Approve(b.t.Context(), id, number, desk))
	b.sees("answered-already", "Answered already", "approved on another")
	b.presses("Done")
	id, _ = h.asks(h.amy)
	b.sees("asks", "Are you signing in?")
	h.must(h.Factors.Deny(b.t.Context(), id, false, desk))
	b.sees("refused-already", "Answered already", "refused on another")
	b.later()
	h.asks(h.amy)
	b.sees("asks", "Are you signing in?")
	h.Pass(factor.PushLife)
	b.until(`document.body.dataset.at === "locked"`) // so has the session
	b.presses("Unlock with this phone’s passkey")
	b.sees("quiet", "Nothing waits")
}

func (b *tab) isWrong() {
	h := b.h
	h.Pass(factor.CapWindow)
	b.opens(h.url + "/authenticator/")
	b.sees("locked", "Locked")
	// The passkey of another account of this server, on the same phone.
	link := h.invite(h.join("bob@example.com"), factor.KindPush)
	other := h.visitor()
	_, err := other.Open(b.t.Context(), link)
	h.must(err)
	_, err = other.Enrol(b.t.Context(), "his")
	h.must(err)
	shown, err := other.Shown(b.t.Context())
	h.must(err)
	ask[int](b, `(function () { var f = window.fetch; window.fetch = function (u, o) {
		if (u === "/authenticator/unlock") { window.fetch = f; o.body = JSON.stringify({ credential: `+string(shown)+` }); }
		return f(u, o); }; return 0; })()`)
	b.presses("Unlock with this phone’s passkey")
	b.sees("wrong-account", "That passkey is of another account")
	h.told(systemlog.PhoneUnlock, "FOREIGN_KEY")
	b.presses("Try again")
	b.sees("locked", "Locked")
	b.offline()
	b.late()
}

// late answers a push that is over, before the page knows.
func (b *tab) late() {
	h := b.h
	b.presses("Unlock with this phone’s passkey")
	b.sees("quiet", "Nothing waits")
	id, _ := h.asks(h.amy)
	b.sees("asks", "Are you signing in?")
	h.Update(func(tx *sql.Tx) error {
		_, err := tx.Exec(`UPDATE pushes SET expires_at = created_at WHERE id = $1`, id)
		return err
	})
	b.sees("late", "Too late", "Begin again at the Mac")
	b.presses("Done")
	h.asks(h.amy)
	b.sees("asks", "Are you signing in?")
}

func (b *tab) isStopped() {
	h := b.h
	b.presses("This wasn’t me")
	b.sees("not-me", "Stopped", "Call your help desk now")
	b.presses("Done")
	b.sees("blocked", "Nothing waits", "you said of one that it was not you")
	h.Update(func(tx *sql.Tx) error {
		return h.Factors.Unblock(b.t.Context(), tx, h.amy, factor.By{Actor: systemlog.System()})
	})
	for range factor.PushCap {
		h.asks(h.amy)
		b.sees("asks", "Are you signing in?")
		b.presses("Deny")
		b.sees("denied", "Refused")
		b.presses("Done")
	}
	b.sees("paused", "Nothing waits", "Requests are stopped until")
	b.presses("Lock")
	b.sees("locked", "Locked")
}

func (b *tab) ends() {
	h := b.h
	h.Update(func(tx *sql.Tx) error {
		_, err := tx.Exec(`UPDATE user_factors SET suspended_at = 1 WHERE user_id = $1`, h.amy.ID)
		return err
	})
	b.sees("removed", "This phone is not an authenticator any more", "invite it again") // without a reload
	h.Update(func(tx *sql.Tx) error {
		return errors.Join(h.Factors.RemoveAll(b.t.Context(), tx, h.amy, factor.By{Actor: systemlog.System()}),
			directory.SaveAuthenticatorSettings(b.t.Context(), tx, directory.Authenticators{WebPush: true}))
	})
	b.presses("Look again")
	b.sees("removed", "This phone is not an authenticator any more")
}

// registersAKey uses a security key, which is then one of the user's.
func (b *tab) registersAKey() {
	h := b.h
	b.plug(webauthn.AuthenticatorTransportUsb)
	b.opens(h.invite(h.amy, factor.KindKey))
	b.sees("enrol-key", "Register a security key", "amy@example.com")
	b.types("key-name", "Blue key")
	b.presses("Register the key")
	b.sees("key-ready", "The key is registered")
	h.Update(func(tx *sql.Tx) error {
		all, err := h.Factors.List(b.t.Context(), tx, h.amy.ID)
		if len(all) != 1 || all[0].Kind != factor.KindKey || all[0].Name != "Blue key" || !all[0].Usable() {
			b.t.Errorf("%+v", all)
		}
		return err
	})
}

// pictured: docs/authenticator.md has a picture of each state.
func (b *tab) pictured() {
	b.t.Helper()
	raw, err := os.ReadFile("../../../docs/authenticator.md")
	b.h.must(err)
	for name := range b.seen {
		if !strings.Contains(string(raw), "img/authenticator/"+name+".png") {
			b.t.Errorf("docs/authenticator.md has no picture %s.png", name)
		}
	}
}
