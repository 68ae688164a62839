package adminapi_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/adminapi"
	"github.com/latchkey-mfa/latchkey/internal/server/apierror"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/factor"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
)

// The whole API against its description: every route is answered with success
// at least once.
func TestEveryRouteIsAsDescribed(t *testing.T) {
	c := newConsole(t)
	var user object
	profile := map[string]string{"login": "amy@example.com", "email": "amy.e@example.com", "firstName": "Amy", "lastName": "Example"}
	c.must(200, "POST", "/api/v1/users", map[string]any{"profile": profile}, &user)
	dev, acc, secret, id, in := c.mac("C02A", "amy", "amy@example.com")
	device, account := "/api/v1/devices/"+dev, "/api/v1/devices/"+dev+"/os-accounts/"+acc

	c.must(200, "GET", device, nil, nil)
	c.must(200, "GET", account, nil, nil)
	var owners []struct{ User object }
	if c.must(200, "GET", device+"/users", nil, &owners); len(owners) != 1 || owners[0].User.ID != user.ID {
		t.Errorf("users of the Mac: %+v", owners)
	}
	c.must(200, "GET", "/api/v1/users?q=EXAMPLE", nil, nil)
	c.must(200, "GET", "/api/v1/users/amy@example.com", nil, nil)
	var devices []struct{ Device object }
	if c.must(200, "GET", "/api/v1/users/"+user.ID+"/devices", nil, &devices); len(devices) != 1 || devices[0].Device.ID != dev {
		t.Errorf("devices of the user: %+v", devices)
	}

	var pin wire.IssuedPIN
	c.must(201, "POST", account+"/recovery-pins", wire.PINRequest{Reason: "lost phone", Ticket: "INC-1"}, &pin)
	if pin.PIN != recoverypin.Timed(secret, pin.IssuedAt).Digits() {
		t.Error("the PIN is not the account's")
	}
	c.must(202, "POST", account+"/recovery-pins/"+pin.ID+"/void", nil, nil)
	var pins []struct {
		ID       string
		VoidedAt *time.Time
		PIN      string
	}
	if c.must(200, "GET", account+"/recovery-pins", nil, &pins); len(pins) != 1 || pins[0].VoidedAt == nil || pins[0].PIN != "" {
		t.Errorf("PINs: %+v", pins)
	}
	c.must(200, "PUT", account+"/prelink", map[string]string{"login": "amy@example.com"}, nil)
	c.must(202, "POST", account+"/reset-factors", nil, nil)
	c.must(200, "POST", "/api/v1/users/amy@example.com/lifecycle/reset_factors", nil, nil)
	_, out, _ := c.CheckIn(&id, in)
	kinds := map[string]int{}
	for _, cmd := range out.Commands {
		kinds[cmd.Kind]++
	}
	if kinds[wire.CommandEndWindow] != 1 || kinds[wire.CommandResetFactors] != 2 || out.Accounts[0].Prelink != "amy@example.com" {
		t.Errorf("the Mac hears %v, prelink %q", kinds, out.Accounts[0].Prelink)
	}

	c.endedDisarm(dev)
	for _, op := range []string{"suspend", "unsuspend", "deactivate", "activate"} {
		c.must(204, "POST", device+"/lifecycle/"+op, nil, nil)
		c.must(200, "POST", "/api/v1/users/"+user.ID+"/lifecycle/"+op, nil, nil)
	}
	c.must(200, "GET", "/api/v1/logs?limit=5&sortOrder=DESCENDING&since=2020-01-01T00:00:00Z", nil, nil)
	c.must(200, "GET", "/api/v1/latchkey/settings", nil, nil)
	c.must(200, "PUT", "/api/v1/latchkey/settings", map[string]bool{"endWindowOnEnrol": true}, nil)
	for path, field := range map[string]string{"recovery-pin": "desktopMFARecoveryPinEnabled", "enforce-number-matching-challenge": "desktopMFAEnforceNumberMatchingChallengeEnabled"} {
		c.must(200, "PUT", "/device-access/api/v1/desktop-mfa/"+path+"-settings", map[string]bool{field: false}, nil)
		var got map[string]bool
		if c.must(200, "GET", "/device-access/api/v1/desktop-mfa/"+path+"-settings", nil, &got); got[field] {
			t.Errorf("%s is still on", path)
		}
	}
	var challenges []object
	c.must(200, "GET", "/api/v1/latchkey/scep-challenges", nil, &challenges)
	c.must(204, "POST", "/api/v1/latchkey/scep-challenges/"+challenges[0].ID+"/revoke", nil, nil)
	c.must(200, "POST", "/api/v1/devices/confirm", map[string][]string{"serialNumbers": {"C02A"}}, nil)
	var verdict adminapi.VerdictBody
	if c.must(200, "GET", "/api/v1/latchkey/logs/verification", nil, &verdict); !verdict.OK || verdict.Events < 20 {
		t.Errorf("chain: %+v", verdict)
	}
	if status := c.ask(access.SuperAdmin, "DELETE", device, nil, nil); status != 409 {
		t.Errorf("an active Mac is deleted: %d", status)
	}
	c.must(204, "POST", device+"/lifecycle/deactivate", nil, nil)
	c.must(204, "DELETE", device, nil, nil)
	c.factors()
	c.accounts()
	c.send("SSWS "+c.tokens[access.SuperAdmin], "GET", "/api/v1/latchkey/logs/export?format=csv", nil)
	c.allWereUsed()
}

func (c *console) allWereUsed() {
	c.T.Helper()
	for _, pattern := range c.api.Routes() {
		// No token gets a Mac disarmed: TestATokenDisarmsNothing.
		if !c.used[pattern] && pattern != "POST /api/v1/devices/{deviceId}/disarm" {
			c.T.Errorf("%s was not answered with success", pattern)
		}
	}
}

func TestFindBy(t *testing.T) {
	c := newConsole(t)
	c.must(200, "POST", "/api/v1/users", map[string]any{"profile": map[string]string{"login": "amy@example.com", "email": "a.example@mail.test", "lastName": "Zürcher"}}, nil)
	c.mac("C02A", "amy", "amy@example.com")
	c.mac("C02B", "bob_1", "")
	for q, want := range map[string]int{"c02a": 1, "C02": 2, "AMY'S MAC": 1, "amy": 1, "A.Example@Mail": 1, "zürcher": 1, "full BOB": 1, "bob_": 1, "bobx": 0, "%": 0, "_": 1, "": 2} {
		var found []object
		c.must(200, "GET", "/api/v1/devices?q="+url.QueryEscape(q), nil, &found)
		if len(found) != want {
			t.Errorf("%q finds %d, want %d", q, len(found), want)
		}
	}
	var first, second []object
	c.must(200, "GET", "/api/v1/devices?limit=1", nil, &first)
	c.must(200, "GET", "/api/v1/devices?limit=1&after="+first[0].ID, nil, &second)
	if len(first) != 1 || len(second) != 1 || first[0].ID == second[0].ID {
		t.Errorf("pages %v %v", first, second)
	}
}

// Who may do what, at the routes themselves: 2 is done, 4 is refused.
func TestRolesAtTheRoutes(t *testing.T) {
	c := newConsole(t)
	dev, acc, _, _, _ := c.mac("C02A", "amy", "")
	account := "/api/v1/devices/" + dev + "/os-accounts/" + acc
	for _, row := range []struct {
		method, path            string
		body                    any
		org, help, only, nobody int
	}{
		{"GET", "/api/v1/devices", nil, 2, 2, 2, 4},
		{"GET", "/api/v1/logs", nil, 2, 2, 2, 4},
		{"POST", account + "/recovery-pins", wire.PINRequest{Reason: "r"}, 2, 2, 4, 4},
		{"GET", account + "/recovery-pins", nil, 2, 2, 2, 4},
		{"POST", account + "/reset-factors", nil, 2, 2, 4, 4},
		{"PUT", account + "/prelink", map[string]string{"login": "x@example.com"}, 2, 4, 4, 4},
		{"POST", "/api/v1/devices/confirm", map[string][]string{"ids": {dev}}, 2, 4, 4, 4},
		{"POST", "/api/v1/devices/" + dev + "/lifecycle/reject", nil, 4, 4, 4, 4}, // nothing waits
		{"POST", "/api/v1/users", map[string]any{"profile": map[string]string{"login": "n@example.com"}}, 2, 4, 4, 4},
		{"PUT", "/api/v1/latchkey/settings", map[string]bool{"numberMatching": true}, 4, 4, 4, 4}, // a super admin alone
		{"GET", "/api/v1/latchkey/settings", nil, 2, 2, 2, 4},
		{"POST", "/api/v1/latchkey/scep-challenges", map[string]string{"kind": "static"}, 2, 4, 4, 4},
		{"GET", "/api/v1/latchkey/scep-challenges", nil, 2, 4, 4, 4},
	} {
		for role, want := range map[access.Role]int{access.OrgAdmin: row.org, access.HelpDeskAdmin: row.help, access.ReadOnlyAdmin: row.only, "nobody": row.nobody} {
			if got := c.ask(role, row.method, row.path, row.body, nil) / 100; got != want {
				t.Errorf("%s %s as %s: %dxx, want %dxx", row.method, row.path, role, got, want)
			}
		}
	}
	denied := 0
	for _, e := range c.Events(systemlog.PINGenerate) {
		if e.Outcome.Reason == "not_permitted" {
			denied++
		}
	}
	if denied != 1 {
		t.Errorf("%d denied attempts in the log, want the read-only admin's", denied)
	}
}

// A handler that forgets to ask for a permission must not answer.
func TestForgottenCheckIsHeldBack(t *testing.T) {
	c := newConsole(t)
	h := c.api.Guarded(func() any { return map[string]string{"secret": "of the org"} })
	req := httptest.NewRequest("GET", "/api/v1/forgotten", nil)
	req.Header.Set("Authorization", "SSWS "+c.tokens[access.SuperAdmin])
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	if w.Code != 500 || strings.Contains(w.Body.String(), "of the org") {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
}

func TestTokensAreNeeded(t *testing.T) {
	c := newConsole(t)
	for name, header := range map[string]string{"none": "", "rubbish": "SSWS rubbish", "basic": "Basic YTpi", "no kind": c.tokens[access.SuperAdmin]} {
		w := c.send(header, "GET", "/api/v1/devices", nil)
		var e wire.APIError
		if err := json.Unmarshal(w.Body.Bytes(), &e); w.Code != 401 || err != nil || e.ErrorCode != "E0000011" {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

func TestBadRequests(t *testing.T) {
	c := newConsole(t)
	dev, acc, _, _, _ := c.mac("C02A", "amy", "")
	account := "/api/v1/devices/" + dev + "/os-accounts/" + acc
	for _, row := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", account + "/recovery-pins", `{"reasn":"x"}`, 400, `unknown field \"reasn\"`},
		{"POST", account + "/recovery-pins", `{"reason":"a\u0007b"}`, 400, "reason: only printable"},
		{"POST", account + "/recovery-pins", `{"reason":"` + strings.Repeat("x", 501) + `"}`, 400, "reason: at most 500"},
		{"POST", account + "/recovery-pins", `{"reason":"x"}{}`, 400, "something follows"},
		{"POST", account + "/recovery-pins", `{"reason":"` + strings.Repeat("x", 70<<10) + `"}`, 413, "at most 65536 bytes"},
		{"POST", account + "/recovery-pins", `{}`, 400, "say why"},
		{"POST", account + "/recovery-pins", `{"reason":"x","deviceCode":"63934921"}`, 400, "read again"},
		{"POST", "/api/v1/devices/devzzz/os-accounts/osazzz/recovery-pins", `{"reason":"x"}`, 404, "devzzz"},
		{"GET", "/api/v1/devices?limit=0", "", 400, "limit"},
		{"GET", "/api/v1/devices?sort=x", "", 400, `\"sort\"`},
		{"GET", "/api/v1/devices?search=x", "", 400, "search: at character 2"},
		{"GET", "/api/v1/devices?search=profile.imei+pr", "", 400, `search: \"profile.imei\" cannot be asked for here: want one of created, id`},
		{"GET", "/api/v1/devices?search=profile.model+co+%22Mac%22", "", 400, "does not take co"},
		{"GET", "/api/v1/devices?search=id+pr&q=x", "", 400, "want one of them"},
		{"GET", "/api/v1/devices?expand=all", "", 400, "user or userSummary"},
		{"GET", "/api/v1/logs?filter=x", "", 400, "filter: at character 2"},
		{"GET", "/api/v1/logs?filter=debugContext.debugData+pr", "", 400, "want one of actor.alternateId"},
		{"GET", "/api/v1/logs?limit=1001", "", 400, "0 to 1000"},
		{"GET", "/api/v1/logs?since=yesterday", "", 400, "RFC 3339"},
		{"GET", "/api/v1/logs?sortOrder=up", "", 400, "ASCENDING or DESCENDING"},
		{"POST", "/api/v1/devices/" + dev + "/lifecycle/explode", "", 400, "want activate"},
		{"POST", "/api/v1/devices/" + dev + "/lifecycle/unsuspend", "", 409, "ACTIVE"},
		{"POST", "/api/v1/devices/confirm", `{}`, 400, "want 1 to 1000"},
		{"POST", "/api/v1/users", `{"profile":{"login":"a b"}}`, 400, "profile.login"},
		{"POST", "/api/v1/latchkey/scep-challenges", `{"kind":"static","serialNumber":"C"}`, 400, "names none"},
		{"POST", "/api/v1/latchkey/scep-challenges", `{"kind":"magic"}`, 400, "dynamic"},
		{"PUT", "/device-access/api/v1/desktop-mfa/recovery-pin-settings", `{}`, 400, "missing"},
		{"GET", "/api/v1/nothing", "", 404, "no GET /api/v1/nothing"},
		{"GET", "/api/v1/devices/dev0", "", 404, "dev0"},
		{"DELETE", "/api/v1/devices/" + dev, "", 409, "ACTIVE"},
	} {
		w := c.send("Bearer "+c.tokens[access.SuperAdmin], row.method, row.path, []byte(row.body))
		if w.Code != row.status || !strings.Contains(w.Body.String(), row.want) {
			t.Errorf("%s %s %.40s: %d %s, want %d with %q", row.method, row.path, row.body, w.Code, w.Body, row.status, row.want)
		}
	}
	c.send("SSWS "+c.tokens[access.ReadOnlyAdmin], "DELETE", "/api/v1/devices/"+dev, nil)
	c.send("SSWS x", "GET", "/api/v1/logs", nil)
	for _, status := range []string{"400", "401", "403", "404", "409"} {
		if c.held[status] == 0 {
			t.Errorf("no answer %s was held against Okta's description: %v", status, c.held)
		}
	}
}

func TestConfirmThroughTheAPI(t *testing.T) {
	c := newConsole(t)
	id := c.Enrol(c.Challenge(pki.Static, ""))
	in := wire.CheckIn{V: 1, Seq: 1, Boot: "b", Device: wire.Device{UDID: "U1", Serial: "C02X"}, Accounts: []wire.Account{}}
	if status, _, refusal := c.CheckIn(&id, in); status != 403 || refusal.Reason != wire.RefusedUnverified {
		t.Fatal(status, refusal)
	}
	var found []object
	c.must(200, "GET", "/api/v1/devices?q=C02X", nil, &found)
	path := "/api/v1/devices/" + found[0].ID + "/lifecycle/confirm"
	if got := c.ask(access.SuperAdmin, "POST", path, map[string]string{"certificate": "00"}, nil); got != 409 {
		t.Fatalf("another certificate was confirmed: %d", got)
	}
	c.must(204, "POST", path, map[string]string{"certificate": pki.Fingerprint(id.Certificate)}, nil)
	if status, _, _ := c.CheckIn(&id, in); status != 200 {
		t.Fatal(status)
	}
	next := c.Enrol(c.Challenge(pki.Static, ""))
	if status, _, refusal := c.CheckIn(&next, in); status != 403 || refusal.Reason != wire.RefusedReenrolled {
		t.Fatal(status, refusal)
	}
	c.must(204, "POST", "/api/v1/devices/"+found[0].ID+"/lifecycle/reject", nil, nil)
	if status, _, _ := c.CheckIn(&next, in); status != 401 {
		t.Fatalf("a rejected certificate is answered %d", status)
	}
}

func TestRecoveryOffErasesSecrets(t *testing.T) {
	c := newConsole(t)
	dev, acc, _, _, _ := c.mac("C02A", "amy", "")
	c.must(200, "PUT", "/api/v1/latchkey/settings", map[string]bool{"recovery": false}, nil)
	n := -1
	c.Update(func(tx *sql.Tx) error { return tx.QueryRow(`SELECT count(*) FROM recovery_secrets`).Scan(&n) })
	if n != 0 {
		t.Errorf("%d secrets are left", n)
	}
	var e wire.APIError
	if got := c.ask(access.SuperAdmin, "POST", "/api/v1/devices/"+dev+"/os-accounts/"+acc+"/recovery-pins", wire.PINRequest{Reason: "r"}, &e); got != 409 || e.Reason != "recovery_off" {
		t.Errorf("%d %+v", got, e)
	}
	changed := c.Events(systemlog.ConfigurationUpdate)
	if len(changed) != 1 || changed[0].Detail["recovery"] != "true -> false" {
		t.Errorf("events %+v", changed)
	}
	c.Update(func(tx *sql.Tx) error {
		s, err := directory.Settings(t.Context(), tx)
		if s.Recovery || !s.NumberMatching {
			t.Errorf("settings %+v", s)
		}
		return err
	})
}

// FuzzDecodePIN: whatever comes, the answer is a request within bounds or an
// error with a status.
func FuzzDecodePIN(f *testing.F) {
	for _, seed := range []string{`{"reason":"lost phone","ticket":"INC-1","deviceCode":"6393 4920"}`, `{}`, `null`, `{"reason":1}`, `{"reason":"\u0000"}`, "\xff", `{"reason":"x"} `} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		in, err := adminapi.DecodePIN(bytes.NewReader(raw))
		var refusal *apierror.Error
		if err != nil && !errors.As(err, &refusal) {
			t.Fatalf("an error without a status: %v", err)
		}
		if len([]rune(in.Reason)) > 500 || len([]rune(in.Ticket)) > 100 || strings.ContainsAny(in.Reason+in.Ticket, "\x00\n\r\x1b") {
			t.Fatalf("taken: %q %q", in.Reason, in.Ticket)
		}
	})
}

// factors of a user at the org: listed, removed, and pushes let go again.
func (c *console) factors() {
	c.T.Helper()
	c.Update(func(tx *sql.Tx) error {
		u, err := directory.UserByLogin(context.Background(), tx, "amy@example.com")
		if err != nil {
			return err
		}
		if _, _, err := c.Factors.EnrolTOTP(context.Background(), tx, u, "app"); err != nil {
			return err
		}
		if _, err := tx.Exec(`INSERT INTO push_stops (user_id, blocked_at) VALUES ($1, 1)`, u.ID); err != nil {
			return err
		}
		c.Pass(time.Second) // they are listed by their age
		_, err = c.Factors.EnrolPhone(context.Background(), tx, u, "phone", factor.By{Actor: systemlog.System()})
		return err
	})
	var found []struct {
		ID         string `json:"id"`
		FactorType string `json:"factorType"`
		Status     string `json:"status"`
	}
	c.must(200, "GET", "/api/v1/users/amy@example.com/factors", nil, &found)
	if len(found) != 2 || found[0].FactorType != "token:software:totp" || found[0].Status != "PENDING_ACTIVATION" || found[1].FactorType != "push" {
		c.T.Fatalf("factors: %+v", found)
	}
	const invitations = "/api/v1/latchkey/users/amy@example.com/invitations"
	var made struct{ ID, State, Link string }
	c.must(201, "POST", invitations, map[string]string{"kind": "webauthn"}, &made)
	if made.State != "OPEN" || !strings.HasPrefix(made.Link, "https://mfa.example.com/authenticator/#") {
		c.T.Errorf("%+v", made)
	}
	var listed []struct{ ID, Kind, Link string }
	c.must(200, "GET", invitations, nil, &listed)
	if len(listed) != 1 || listed[0].ID != made.ID || listed[0].Kind != "webauthn" || listed[0].Link != "" {
		c.T.Errorf("%+v", listed)
	}
	for _, kind := range []string{"", "totp"} {
		if status := c.ask(access.SuperAdmin, "POST", invitations, map[string]string{"kind": kind}, nil); status != 400 {
			c.T.Errorf("kind %q: %d", kind, status)
		}
	}
	if status := c.ask(access.HelpDeskAdmin, "POST", invitations, map[string]string{"kind": "push"}, nil); status != 403 {
		c.T.Errorf("invited by the help desk: %d", status)
	}
	c.must(204, "POST", invitations+"/"+made.ID+"/revoke", nil, nil)
	c.must(204, "DELETE", "/api/v1/users/amy@example.com/factors/"+found[0].ID, nil, nil)
	if status := c.ask(access.SuperAdmin, "DELETE", "/api/v1/users/amy@example.com/factors/"+found[0].ID, nil, nil); status != 404 {
		c.T.Errorf("removed twice: %d", status)
	}
	c.must(200, "POST", "/api/v1/latchkey/users/amy@example.com/unblock-pushes", nil, nil)
	if status := c.ask(access.SuperAdmin, "POST", "/api/v1/latchkey/users/amy@example.com/unblock-pushes", nil, nil); status != 409 {
		c.T.Errorf("lifted twice: %d", status)
	}
	if status := c.ask(access.ReadOnlyAdmin, "DELETE", "/api/v1/users/amy@example.com/factors/"+found[1].ID, nil, nil); status != 403 {
		c.T.Errorf("removed by who may only read: %d", status)
	}
}
