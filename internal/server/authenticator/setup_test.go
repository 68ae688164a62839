package authenticator_test

import (
	"context"
	"database/sql"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/phonetest"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/factor"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// TestInvitations: each that opens nothing says why, and the log as well.
func TestInvitations(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	used := h.invite(h.amy, factor.KindPush)
	s, err := h.visitor().Open(ctx, used)
	h.must(err)
	if s.State != "enrolling" || s.Kind != "push" || s.Login != "amy@example.com" || s.Seconds != 900 {
		t.Errorf("%+v", s)
	}
	h.told(systemlog.InvitationUse, "")
	revoked, late := h.invite(h.amy, factor.KindPush), h.invite(h.amy, factor.KindKey)
	h.Update(func(tx *sql.Tx) error {
		all, err := h.Factors.Invitations(ctx, tx, h.amy.ID)
		for _, i := range all {
			if i.State == factor.InvitationOpen && i.Kind == factor.KindPush {
				err = h.Factors.RevokeInvitation(ctx, tx, h.amy, i.ID, factor.By{Actor: systemlog.System()})
			}
		}
		return err
	})
	gone := h.join("gone@example.com")
	inactive := h.invite(gone, factor.KindPush)
	h.Update(func(tx *sql.Tx) error {
		_, err := directory.ChangeUser(ctx, tx, gone.ID, directory.Suspend, h.Now())
		return err
	})
	for link, want := range map[string][2]string{used: {"invitation_used", "USED"}, revoked: {"invitation_revoked", "REVOKED"}, inactive: {"invitation_revoked", "ACCOUNT_NOT_ACTIVE"},
		"#nothing": {"invitation_unknown", "UNKNOWN"}, "#": {"invitation_unknown", "UNKNOWN"}, "#" + strings.Repeat("x", 5000): {"invitation_unknown", "UNKNOWN"}} {
		_, err := h.visitor().Open(ctx, link)
		h.refused(err, want[0])
		h.told(systemlog.InvitationUse, want[1])
	}
	h.Pass(factor.InvitationLife)
	_, err = h.visitor().Open(ctx, late)
	h.refused(err, "invitation_expired")
	h.told(systemlog.InvitationUse, "EXPIRED")

	// Guessing is slow, and is told of once.
	for range 30 {
		_, err = h.visitor().Open(ctx, "#guess")
	}
	if no := h.refused(err, "too_many"); no.Status != http.StatusTooManyRequests {
		t.Error(no)
	}
	if n := len(h.Events(systemlog.PhoneLimit)); n != 1 {
		t.Errorf("%d events", n)
	}
	_, code, _ := strings.Cut(used, "#")
	for _, e := range h.Events("") {
		for _, v := range e.Detail {
			if strings.Contains(v, "guess") || strings.Contains(v, code) {
				t.Errorf("a code is in the log: %+v", e)
			}
		}
	}
}

func TestSetUpsThatAreRefused(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	open := func(u directory.User, kind string) *phonetest.Phone {
		t.Helper()
		h.Pass(time.Minute)
		p := h.visitor()
		_, err := p.Open(ctx, h.invite(u, kind))
		h.must(err)
		return p
	}
	_, err := h.visitor().Enrol(ctx, "one")
	h.refused(err, "no_visit")

	p := open(h.amy, factor.KindPush)
	_, err = p.Enrol(ctx, "\x00")
	h.refused(err, "name")
	_, err = p.Enrol(ctx, "one") // what was wrong is put right
	h.must(err)
	_, err = p.Enrol(ctx, "again")
	h.refused(err, "no_visit")

	// The same authenticator once more, of the same person and of another.
	for _, u := range []directory.User{h.amy, h.join("bob@example.com")} {
		twice := open(u, factor.KindPush)
		twice.Credential = p.Credential
		_, err = twice.Enrol(ctx, "two")
		h.refused(err, "enrolled")
		h.told(systemlog.FactorNotTaken, "ENROLLED_ALREADY")
	}
	said := open(h.amy, factor.KindKey) // the browser knows it by the list of what there is
	h.refused(said.Do(ctx, "enrol/duplicate", map[string]string{}, nil), "enrolled")

	for name, c := range map[string]struct {
		wrong        func(p *phonetest.Phone)
		code, reason string
	}{
		"another site":   {func(p *phonetest.Phone) { p.Site.ID = "evil.example" }, "wrong_site", "WRONG_RP_ID"},
		"another origin": {func(p *phonetest.Phone) { p.Site.Origin = "https://evil.example" }, "wrong_site", "WRONG_ORIGIN"},
		"not verified":   {func(p *phonetest.Phone) { p.Authenticator.Options.UserNotVerified = true }, "not_verified", "USER_NOT_VERIFIED"},
	} {
		p := open(h.amy, factor.KindPush)
		c.wrong(p)
		_, err := p.Enrol(ctx, name)
		h.refused(err, c.code)
		h.told(systemlog.FactorNotTaken, c.reason)
	}
	late := open(h.amy, factor.KindPush)
	made, err := late.Created(ctx)
	h.must(err)
	h.Pass(factor.VisitLife)
	h.refused(late.Do(ctx, "enrol", map[string]any{"name": "late", "credential": made}, nil), "no_visit")
	h.onlyOnePhone(ctx)
}

func (h *house) onlyOnePhone(ctx context.Context) {
	h.T.Helper()
	h.Update(func(tx *sql.Tx) error {
		found, err := h.Factors.List(ctx, tx, h.amy.ID)
		if len(found) != 1 || !found[0].Passkey {
			h.T.Errorf("%+v", found)
		}
		return err
	})
}

func TestUnlocksThatAreRefused(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	p, other := h.phone(h.amy, "one"), h.phone(h.join("bob@example.com"), "his")
	p.Credential.Counter = 7
	for name, c := range map[string]struct {
		answer       func() error
		code, reason string
	}{
		"another account": {func() error {
			mine, handle := p.Credential, p.Authenticator.Options.UserHandle
			p.Credential, p.Authenticator.Options.UserHandle = other.Credential, other.Authenticator.Options.UserHandle
			defer func() { p.Credential, p.Authenticator.Options.UserHandle = mine, handle }()
			_, err := p.Unlock(ctx)
			return err
		}, "wrong_account", "FOREIGN_KEY"},
		"not verified": {func() error {
			p.Authenticator.Options.UserNotVerified = true
			defer func() { p.Authenticator.Options.UserNotVerified = false }()
			_, err := p.Unlock(ctx)
			return err
		}, "not_verified", "USER_NOT_VERIFIED"},
		"twice": {func() error {
			shown, err := p.Shown(ctx)
			h.must(err)
			h.must(p.Do(ctx, "unlock", map[string]any{"credential": shown}, nil))
			return p.Do(ctx, "unlock", map[string]any{"credential": shown}, nil)
		}, "not_right", "INVALID_CREDENTIALS"},
		"late": {func() error {
			shown, err := p.Shown(ctx)
			h.must(err)
			h.Pass(2 * time.Minute)
			return p.Do(ctx, "unlock", map[string]any{"credential": shown}, nil)
		}, "not_right", "INVALID_CREDENTIALS"},
		"another phone's challenge": {func() error {
			shown, err := p.Shown(ctx)
			h.must(err)
			_, err = other.Shown(ctx)
			h.must(err)
			return other.Do(ctx, "unlock", map[string]any{"credential": shown}, nil)
		}, "wrong_account", "FOREIGN_KEY"},
		"nothing": {func() error {
			_, err := p.Shown(ctx)
			h.must(err)
			return p.Do(ctx, "unlock", map[string]any{"credential": map[string]string{}}, nil)
		}, "form", "UNREADABLE"},
	} {
		t.Run(name, func(t *testing.T) {
			h.refused(c.answer(), c.code)
			h.told(systemlog.PhoneUnlock, c.reason)
		})
	}
	// An unlocked session is the browser's that has unlocked it: not of whoever
	// has the phone's cookie, nor of the session's alone.
	_, err := p.Unlock(ctx)
	h.must(err)
	for cookie, want := range map[string]string{"__Host-latchkey-phone": "locked", "__Host-latchkey-unlock": "none"} {
		thief, err := p.Thief(cookie)
		h.must(err)
		if s, err := thief.State(ctx); err != nil || s.State != want {
			t.Errorf("with %s: %+v %v", cookie, s, err)
		}
		if _, err := thief.Approve(ctx, "psh", "10"); err == nil {
			t.Errorf("with %s: an answer was taken", cookie)
		}
	}
	h.must(p.Do(ctx, "lock", map[string]string{}, nil))
	if s, err := p.State(ctx); err != nil || s.State != "locked" {
		t.Errorf("%+v %v", s, err)
	}
	p.Credential.Counter = 2
	_, err = p.Unlock(ctx)
	h.refused(err, "suspended")
	h.told(systemlog.FactorSuspend, "SIGN_COUNT_BACK")
	p.Credential.Counter = 50
	_, err = p.Unlock(ctx)
	h.refused(err, "removed")
}

// TestRequestsOfOthers: what is no request of the page does nothing.
func TestRequestsOfOthers(t *testing.T) {
	h := newHouse(t)
	p := h.unlocked(h.amy, "one")
	id, number := h.asks(h.amy)
	send := func(kind, site, body string) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+"/authenticator/pushes/"+id+"/approve", strings.NewReader(body))
		h.must(err)
		r.Header.Set("Content-Type", kind)
		r.Header.Set("Sec-Fetch-Site", site)
		answer, err := p.Send(r)
		h.must(err)
		defer answer.Body.Close()
		if answer.Header.Get("Content-Security-Policy") == "" || answer.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%v", answer.Header)
		}
		return answer.StatusCode
	}
	right := `{"number":"` + number + `"}`
	for _, c := range []struct {
		kind, site, body string
		want             int
	}{
		{"application/json", "cross-site", right, 403}, {"application/json", "same-site", right, 403}, {"text/plain", "same-origin", right, 400},
		{"application/x-www-form-urlencoded", "same-origin", "number=" + number, 400}, {"application/json", "same-origin", right + right, 400},
		{"application/json", "same-origin", `{"number":"` + number + `","more":1}`, 400}, {"application/json", "same-origin", strings.Repeat(" ", 80<<10), 400},
		{"application/json", "same-origin", right, 200},
	} {
		if got := send(c.kind, c.site, c.body); got != c.want {
			t.Errorf("%s %s %.40q: %d, want %d", c.kind, c.site, c.body, got, c.want)
		}
	}
	for path, want := range map[string]int{"/authenticator/": 200, "/authenticator/app.js": 200, "/authenticator/manifest.webmanifest": 200, "/authenticator/icon-512.png": 200,
		"/authenticator/nothing": 404, "/authenticator/..%2fdoc.go": 404, "/authenticator/events": 401} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.url+path, nil)
		h.must(err)
		answer, err := h.visitor().Send(r)
		h.must(err)
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, answer.StatusCode, want)
		}
	}
	for range 100 {
		if _, err := p.State(t.Context()); err != nil {
			h.refused(err, "too_many")
			return
		}
	}
	t.Error("a phone asks as often as it likes")
}
