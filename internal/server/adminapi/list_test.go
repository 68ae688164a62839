package adminapi_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/adminapi"
	"github.com/latchkey-mfa/latchkey/internal/server/deviceapi"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

func TestSearch(t *testing.T) {
	c := newConsole(t)
	c.must(200, "POST", "/api/v1/users", map[string]any{"profile": map[string]string{"login": "amy@example.com", "lastName": "Example"}}, nil)
	first, _, _, _, _ := c.mac("C02A", "amy", "amy@example.com")
	c.mac("C02B", "bob", "")
	c.must(204, "POST", "/api/v1/devices/"+first+"/lifecycle/suspend", nil, nil)
	for search, want := range map[string]int{
		`profile.serialNumber eq "c02a"`: 1, `profile.serialNumber sw "C02"`: 2, `profile.displayName co "Y'S M"`: 1, `status eq "suspended"`: 1,
		`status eq "ACTIVE" or id eq "` + first + `"`: 2, `lastUpdated gt "2019-06-01T09:00:00.000Z" and profile.platform eq "macOS"`: 2,
		`not (profile.udid co "02a")`: 1, `profile.registered eq true`: 2, `profile.registered eq false`: 0, `profile.osVersion sw "15"`: 2,
		`profile.manufacturer eq "Apple" and profile.model eq "Mac15,3"`: 2, `id pr and created lt "2019-06-01T09:00:00Z"`: 0,
	} {
		var found []object
		if c.must(200, "GET", "/api/v1/devices?search="+url.QueryEscape(search), nil, &found); len(found) != want {
			t.Errorf("%s finds %d, want %d", search, len(found), want)
		}
	}
	var listed []struct {
		ID       string
		Embedded *struct {
			Users []struct{ User map[string]any }
		} `json:"_embedded"`
	}
	for expand, status := range map[string]any{"user": "ACTIVE", "userSummary": nil} {
		listed = nil // or what is read is added to what was
		c.must(200, "GET", "/api/v1/devices?limit=2&expand="+expand, nil, &listed)
		for _, d := range listed {
			if mine := d.ID == first; mine != (len(d.Embedded.Users) == 1) || mine && d.Embedded.Users[0].User["status"] != status {
				t.Errorf("%s: %+v", expand, d.Embedded)
			}
		}
	}
	listed = nil
	if c.must(200, "GET", "/api/v1/devices", nil, &listed); listed[0].Embedded != nil {
		t.Errorf("users that nobody asked for: %+v", listed[0].Embedded)
	}
}

// linked is what the Link header of an answer leads to.
func linked(t *testing.T, h http.Header, rel string) string {
	t.Helper()
	for _, link := range h["Link"] {
		address, kind, _ := strings.Cut(link, ">; rel=")
		if kind == `"`+rel+`"` {
			return strings.TrimPrefix(address, "<https://mfa.example.com")
		}
	}
	return ""
}

// Who follows the links comes past everything once.
func TestPages(t *testing.T) {
	c := newConsole(t)
	for _, serial := range []string{"C02A", "C02B", "C02C"} {
		c.mac(serial, "amy", "")
	}
	token := "SSWS " + c.tokens[access.SuperAdmin]
	for _, start := range []string{"/api/v1/devices?limit=2&search=" + url.QueryEscape(`profile.serialNumber sw "C02"`), "/api/v1/devices?limit=1", "/api/v1/users?limit=1",
		"/api/v1/logs?limit=2&sortOrder=DESCENDING", "/api/v1/logs?limit=3&until=2999-01-01T00:00:00Z&since=2019-01-01T00:00:00Z"} {
		seen, pages := map[string]bool{}, 0
		for next := start; next != "" && pages < 100; pages++ {
			w := c.send(token, "GET", next, nil)
			if self := linked(t, w.Header(), "self"); w.Code != 200 || !strings.HasPrefix(self, strings.SplitN(start, "?", 2)[0]) {
				t.Fatalf("%s: %d %s", next, w.Code, w.Header())
			}
			for _, id := range ids(t, w.Body.Bytes()) {
				if seen[id] {
					t.Errorf("%s: %s is on two pages", start, id)
				}
				seen[id] = true
			}
			next = linked(t, w.Header(), "next")
		}
		if pages == 100 || strings.Contains(start, "devices") && len(seen) != 3 || strings.Contains(start, "logs") && len(seen) < 10 {
			t.Errorf("%s: %d on %d pages", start, len(seen), pages)
		}
	}
}

// A list of events without an end is followed: each answer says where to go on.
func TestTheLogIsFollowed(t *testing.T) {
	c := newConsole(t)
	c.mac("C02A", "amy", "")
	token := "SSWS " + c.tokens[access.SuperAdmin]
	w := c.send(token, "GET", "/api/v1/logs?limit=1000", nil)
	next := linked(t, w.Header(), "next")
	if before := ids(t, w.Body.Bytes()); len(before) == 0 || next == "" {
		t.Fatalf("%d events, next %q", len(before), next)
	}
	w = c.send(token, "GET", next, nil)
	if found := ids(t, w.Body.Bytes()); len(found) != 0 || linked(t, w.Header(), "next") != next {
		t.Fatalf("%v, next %q", found, linked(t, w.Header(), "next"))
	}
	c.must(200, "POST", "/api/v1/users", map[string]any{"profile": map[string]string{"login": "amy@example.com"}}, nil)
	if found := ids(t, c.send(token, "GET", next, nil).Body.Bytes()); len(found) != 1 {
		t.Errorf("%v, want what happened since", found)
	}
	if found := ids(t, c.send(token, "GET", "/api/v1/logs?limit=0", nil).Body.Bytes()); len(found) != 0 {
		t.Errorf("%v, want none", found)
	}
	c.Pass(8 * 24 * time.Hour)
	if found := ids(t, c.send(token, "GET", "/api/v1/logs", nil).Body.Bytes()); len(found) != 0 {
		t.Errorf("%d events of more than a week ago", len(found))
	}
}

func TestFilterOfTheLog(t *testing.T) {
	c := newConsole(t)
	dev, acc, _, _, _ := c.mac("C02A", "amy", "")
	c.must(201, "POST", "/api/v1/devices/"+dev+"/os-accounts/"+acc+"/recovery-pins", wire.PINRequest{Reason: "r"}, nil)
	for filter, want := range map[string]int{
		`eventType eq "device.desktop_mfa.recovery_pin.generate"`:                               1,
		`eventType co "recovery_pin.gen" and target.id eq "` + acc + `"`:                        1,
		`target.id eq "` + dev + `" and severity eq "WARN" and not (eventType eq "x")`:          1,
		`eventType eq "device.desktop_mfa.recovery_pin.generate" and target.id eq "dev0"`:       0,
		`actor.alternateId eq "super-admin@example.com" and transaction.id pr`:                  2,
		`published lt "2019-01-01T00:00:00Z" or (eventType sw "device.desktop_mfa.recovery_p")`: 2,
	} {
		var found []struct{ UUID string }
		if c.must(200, "GET", "/api/v1/logs?filter="+url.QueryEscape(filter), nil, &found); len(found) != want {
			t.Errorf("%s: %d, want %d", filter, len(found), want)
		}
	}
}

// A token that asks too often is told when to come back; another is not kept.
func TestPace(t *testing.T) {
	c := newConsole(t)
	c.api.Pace = deviceapi.NewPace(1, 3)
	ask := func(role access.Role) (int, http.Header) {
		w := c.send("SSWS "+c.tokens[role], "GET", "/api/v1/devices", nil)
		return w.Code, w.Header()
	}
	for range 3 {
		if status, _ := ask(access.SuperAdmin); status != 200 {
			t.Fatal(status)
		}
	}
	status, h := ask(access.SuperAdmin)
	if reset, err := strconv.ParseInt(h.Get("X-Rate-Limit-Reset"), 10, 64); status != 429 || h.Get("Retry-After") != "2" || err != nil || reset <= c.Now().Unix() {
		t.Errorf("%d %v", status, h)
	}
	if status, _ := ask(access.OrgAdmin); status != 200 {
		t.Errorf("another token: %d", status)
	}
	c.Pass(2 * time.Second)
	if status, _ := ask(access.SuperAdmin); status != 200 {
		t.Errorf("after the wait: %d", status)
	}
	if c.held["429"] != 1 || c.held["200"] < 4 {
		t.Errorf("held against Okta's description: %v", c.held)
	}
}

// The server's clock is set back and ahead: a token is good by its expiry and no
// longer, and the log stays in the order in which things happened.
func TestTheServersClockJumps(t *testing.T) {
	c := newConsole(t)
	var token struct{ Token string }
	c.must(201, "POST", "/api/v1/latchkey/tokens", map[string]any{"name": "x", "login": "sam@example.com", "role": "org-admin", "expiresInDays": 2}, &token)
	next, login := "", 0
	for _, jump := range []struct {
		by   time.Duration
		good int
	}{{0, 200}, {-30 * 24 * time.Hour, 200}, {30 * 24 * time.Hour, 200}, {400 * 24 * time.Hour, 401}, {-401 * 24 * time.Hour, 200}} {
		c.Pass(jump.by)
		if got := c.send("SSWS "+token.Token, "GET", "/api/v1/devices", nil).Code; got != jump.good {
			t.Errorf("after %s: %d, want %d", jump.by, got, jump.good)
		}
		login++
		c.must(200, "POST", "/api/v1/users", map[string]any{"profile": map[string]string{"login": "user" + strconv.Itoa(login)}}, nil)
		at := next
		if at == "" {
			at = "/api/v1/logs?since=1970-01-01T00:00:00Z"
		}
		w := c.send("SSWS "+c.tokens[access.SuperAdmin], "GET", at, nil)
		var found []struct {
			Target []struct{ AlternateID string }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &found); err != nil || len(found) == 0 || found[len(found)-1].Target[0].AlternateID != "user"+strconv.Itoa(login) {
			t.Errorf("after %s who follows the log sees %s, %v", jump.by, w.Body, err)
		}
		next = linked(t, w.Header(), "next")
	}
	var verdict adminapi.VerdictBody
	if c.must(200, "GET", "/api/v1/latchkey/logs/verification", nil, &verdict); !verdict.OK {
		t.Errorf("%+v", verdict)
	}
}
