package adminapi_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3filter"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/adminapi"
	"github.com/latchkey-mfa/latchkey/internal/server/desk"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/servertest"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/recoverypin"
)

func TestMain(m *testing.M) {
	pki.UseAES()
	openapi3filter.RegisterBodyDecoder("application/x-ndjson", openapi3filter.PlainBodyDecoder)
	openapi3filter.RegisterBodyDecoder("text/csv", openapi3filter.PlainBodyDecoder)
	goleak.VerifyTestMain(m)
}

// console is an org with its admin API, whose every answer is held against
// the description.
type console struct {
	*servertest.Org
	api    *adminapi.Server
	h      http.Handler
	ours   description
	oktas  description
	tokens map[access.Role]string
	used   map[string]bool // operations that were answered with success
	held   map[string]int  // answers that were held against Okta's description, by status
}

func newConsole(t *testing.T) *console {
	t.Helper()
	c := &console{Org: servertest.New(t), tokens: map[access.Role]string{}, used: map[string]bool{}, held: map[string]int{}}
	c.api = &adminapi.Server{Desk: &desk.Desk{DB: c.DB, Log: c.Log, Book: c.Book, Challenges: c.Challenges, Factors: c.Factors, Accounts: c.Administrators(), Now: c.Now}, DB: c.DB, Zap: zap.NewNop(), Now: c.Now, PublicURL: "https://mfa.example.com"}
	c.h = c.api.Handler()
	c.ours, c.oktas = ours(t), oktas(t)
	for _, role := range access.Roles() {
		c.Update(func(tx *sql.Tx) error {
			text, _, err := access.Create(t.Context(), tx, access.Caller{Name: "test", Login: string(role) + "@example.com", Role: role}, c.Now(), time.Time{})
			c.tokens[role] = text
			return err
		})
	}
	return c
}

// ask sends a request as the role and reads the answer into out, if it is not
// nil. Request and answer must be what the description says.
func (c *console) ask(role access.Role, method, path string, body, out any) int {
	c.T.Helper()
	var raw []byte
	if body != nil {
		raw, _ = json.Marshal(body)
	}
	w := c.send("SSWS "+c.tokens[role], method, path, raw)
	if out != nil {
		if err := json.Unmarshal(w.Body.Bytes(), out); err != nil {
			c.T.Fatalf("%s %s: %d %s: %v", method, path, w.Code, w.Body, err)
		}
	}
	return w.Code
}

// send is a request with that authorization, whatever is in it. The answer must
// be what both descriptions say, also one that refuses.
func (c *console) send(authorization, method, path string, raw []byte) *httptest.ResponseRecorder {
	c.T.Helper()
	req := httptest.NewRequest(method, path, bytes.NewReader(raw))
	req.Header.Set("Authorization", authorization)
	req.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	c.h.ServeHTTP(w, req)
	if w.Header().Get("Cache-Control") != "no-store" {
		c.T.Errorf("%s %s: Cache-Control %q", method, path, w.Header().Get("Cache-Control"))
	}
	route := c.ours.hold(c.T, req, raw, w)
	if route == nil && w.Code != 404 {
		c.T.Errorf("%s %s does not stand in the description", method, path)
	}
	if c.oktas.hold(c.T, req, raw, w) != nil {
		c.held[fmt.Sprint(w.Code)]++
	}
	if w.Code < 300 && route != nil {
		c.used[method+" "+route.Path] = true
	}
	return w
}

// must is ask as a super admin that has to succeed with that status.
func (c *console) must(status int, method, path string, body, out any) {
	c.T.Helper()
	if got := c.ask(access.SuperAdmin, method, path, body, out); got != status {
		c.T.Fatalf("%s %s: %d, want %d", method, path, got, status)
	}
}

type object struct {
	ID     string `json:"id"`
	Status string `json:"status"`
}

// mac enrols a Mac, checks it in with a secret, and returns its ids.
func (c *console) mac(serial, short, linked string) (deviceID, accountID string, secret recoverypin.Secret, id servertest.Identity, in wire.CheckIn) {
	c.T.Helper()
	var ch struct{ Challenge string }
	c.must(201, "POST", "/api/v1/latchkey/scep-challenges", map[string]string{"kind": "dynamic", "serialNumber": serial}, &ch)
	id = c.Enrol(ch.Challenge)
	copy(secret[:], strings.Repeat(serial, 32))
	guid := "4AC29C85-D847-4492-96CB-46E33717" + serial
	in = wire.CheckIn{V: 1, Seq: 1, Boot: "b", Clock: "anchored", Wall: c.Now(), Device: wire.Device{UDID: "U" + serial, Serial: serial, Name: short + "'s Mac", Model: "Mac15,3", OS: "15.1"},
		Accounts: []wire.Account{{GUID: guid, UID: 501, Name: short, FullName: "Full " + short, Linked: linked, Factors: []wire.Factor{{ID: "f", Kind: "Offline_TOTP", At: c.Now()}}}},
		Policy:   wire.PolicyState{State: "bad", Errors: []wire.PolicyError{{Key: "k", Value: "v", Allowed: "a"}}},
		Secrets:  []wire.SecretUpload{{GUID: guid, Generation: 1, Key: secret[:]}}}
	if status, _, refusal := c.CheckIn(&id, in); status != 200 {
		c.T.Fatalf("check-in: %d %+v", status, refusal)
	}
	in.Secrets, in.Seq = nil, 2
	var found, accounts []object
	c.must(200, "GET", "/api/v1/devices?q="+serial, nil, &found)
	if len(found) != 1 {
		c.T.Fatalf("found %d devices by serial %s", len(found), serial)
	}
	c.must(200, "GET", "/api/v1/devices/"+found[0].ID+"/os-accounts", nil, &accounts)
	return found[0].ID, accounts[0].ID, secret, id, in
}

// ids are those of a list.
func ids(t *testing.T, raw []byte) (out []string) {
	t.Helper()
	var list []struct{ ID, UUID string }
	if err := json.Unmarshal(raw, &list); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	for _, o := range list {
		out = append(out, o.ID+o.UUID)
	}
	return out
}
