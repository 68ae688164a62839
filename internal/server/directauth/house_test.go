package directauth_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/latchkey-mfa/latchkey/internal/server/deviceapi"
	"github.com/latchkey-mfa/latchkey/internal/server/directauth"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/factor"
	"github.com/latchkey-mfa/latchkey/internal/server/servertest"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

const (
	issuer   = "https://mfa.example.com"
	grantOTP = "urn:okta:params:oauth:grant-type:otp"
	grantOOB = "urn:okta:params:oauth:grant-type:oob"
	mfaOTP   = "http://auth0.com/oauth/grant-type/mfa-otp"
	mfaOOB   = "http://auth0.com/oauth/grant-type/mfa-oob"
	phrase   = "seven quiet lamps 8"
	amy      = "amy@example.com"
)

// org is a whole org with a client, a Mac and Amy, whose every answer is held
// against Okta's description.
type org struct {
	*servertest.Org
	mac            servertest.Identity
	id, secret     string // of the client
	user           directory.User
	app            totp.Key
	keys           *directauth.Keys
	router         routers.Router
	logs           *observer.ObservedLogs
	clients        map[*servertest.Identity]*http.Client
	mu             sync.Mutex
	secretsOfTests []string // what must not stand in logs or events
}

func newOrg(t testing.TB) *org {
	t.Helper()
	o := &org{Org: servertest.New(t), clients: map[*servertest.Identity]*http.Client{}}
	core, logs := observer.New(zap.DebugLevel)
	o.logs = logs
	o.Update(func(tx *sql.Tx) (err error) {
		if o.keys, err = directauth.OpenKeys(context.Background(), tx, o.Vault, o.Now()); err != nil {
			return err
		}
		var c directauth.Client
		c, o.secret, err = directauth.CreateClient(context.Background(), tx, o.Vault, "Macs", o.Now())
		o.id = c.ID
		return err
	})
	api := directauth.New(directauth.Config{DB: o.DB, Vault: o.Vault, Log: o.Log, Factors: o.Factors, Door: &deviceapi.Door{Trust: o.Trust, DB: o.DB}, Keys: o.keys,
		Zap: zap.New(core), Now: o.Now, Issuer: issuer, DeviceURL: o.Device.URL})
	o.Serve("/oauth2/", api.Handler())
	o.Serve("/.well-known/openid-configuration", api.Handler())
	o.mac = o.newMac("C02A")
	o.user = o.join(amy)
	o.app = o.enrolApp(o.user)
	o.enrolPhone(o.user)
	doc, err := openapi3.NewLoader().LoadFromFile("../../../testdata/openapi/okta-direct-auth.openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	adjust(doc)
	if o.router, err = gorillamux.NewRouter(doc); err != nil {
		t.Fatal(err)
	}
	o.secretsOfTests = []string{o.secret, phrase}
	t.Cleanup(o.nothingLeaked)
	return o
}

// adjust mends the description where it is at odds with what Okta does.
func adjust(doc *openapi3.T) {
	// It knows the org's own authorization server alone; Okta serves the same
	// under a custom one, from which SDKs derive all paths.
	for path, item := range doc.Paths.Map() {
		doc.Paths.Set(strings.Replace(path, "/oauth2/v1/", "/oauth2/default/v1/", 1), item)
	}
	doc.Servers = nil
	// Lists are sent as one value with spaces in it, as its own examples have
	// them, not as arrays of form fields.
	for _, schema := range doc.Components.Schemas {
		for _, s := range append([]*openapi3.SchemaRef{schema}, schema.Value.AllOf...) {
			for name, p := range s.Value.Properties {
				if name == "grant_types_supported" || name == "challenge_types_supported" {
					p.Value = openapi3.NewStringSchema()
				}
			}
		}
	}
	// What every server may answer when it is not well, or shut to a Mac.
	whole := openapi3.NewResponse().WithDescription("an error of the server").WithJSONSchemaRef(doc.Components.Schemas["Error"])
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			for _, status := range []string{"413", "500"} {
				op.Responses.Set(status, &openapi3.ResponseRef{Value: whole})
			}
		}
	}
	// Its schemas allow any members, so that a wrong name would pass: they are
	// closed, with mfa_token as the facts have it, and the members of the SDKs.
	oauth := doc.Components.Schemas["OAuthError"].Value
	for _, name := range []string{"mfa_token", "supported_challenge_types"} {
		oauth.Properties[name] = openapi3.NewStringSchema().NewRef()
	}
	for _, name := range []string{"OAuthError", "Error", "OobAuthenticateResponse", "ChallengeResponse"} {
		closed := false
		doc.Components.Schemas[name].Value.AdditionalProperties = openapi3.AdditionalProperties{Has: &closed}
	}
	oauth.Required = []string{"error", "error_description"}
	doc.Components.Schemas["OobAuthenticateResponse"].Value.Required = []string{"oob_code", "expires_in", "channel", "binding_method"}
	// A Mac that is shut out gets the error of a check-in, with its reason.
	shut := openapi3.NewSchema()
	own := openapi3.NewObjectSchema()
	for name, s := range doc.Components.Schemas["Error"].Value.Properties {
		own.Properties[name] = s
	}
	own.Properties["reason"] = openapi3.NewStringSchema().NewRef()
	own.Required = []string{"errorCode", "errorSummary"}
	shut.OneOf = openapi3.SchemaRefs{{Value: oauth}, {Value: own}}
	for _, item := range doc.Paths.Map() {
		if item.Post == nil {
			continue
		}
		for _, status := range []string{"400", "401", "403", "429"} {
			item.Post.Responses.Set(status, &openapi3.ResponseRef{Value: openapi3.NewResponse().WithDescription("refused").WithJSONSchema(shut)})
		}
	}
}

// newMac enrols a Mac and checks it in.
func (o *org) newMac(serial string) servertest.Identity {
	o.T.Helper()
	id := o.Enrol(o.Challenge("dynamic", serial))
	status, _, refusal := o.CheckIn(&id, wire.CheckIn{V: 1, Seq: 1, Boot: "b", Wall: o.Now(), Clock: "anchored", Device: wire.Device{UDID: "U-" + serial, Serial: serial, Name: "Mac " + serial}})
	if status != http.StatusOK {
		o.T.Fatalf("check-in: %d %+v", status, refusal)
	}
	return id
}

// join makes a user.
func (o *org) join(login string) (u directory.User) {
	o.T.Helper()
	o.Update(func(tx *sql.Tx) (err error) {
		u, err = directory.CreateUser(context.Background(), tx, directory.User{Login: login, Email: "mail." + login, FirstName: "Amy", LastName: "Berg"}, o.Now())
		return err
	})
	return u
}

func (o *org) enrolApp(u directory.User) (k totp.Key) {
	o.T.Helper()
	o.Update(func(tx *sql.Tx) error {
		f, key, err := o.Factors.EnrolTOTP(context.Background(), tx, u, "app")
		k = key
		if err != nil {
			return err
		}
		return o.Factors.TrustTOTP(context.Background(), tx, u, f.ID, factor.By{Actor: systemlog.System()})
	})
	return k
}

func (o *org) enrolPhone(u directory.User) {
	o.T.Helper()
	o.Update(func(tx *sql.Tx) error {
		_, err := o.Factors.EnrolPhone(context.Background(), tx, u, "phone", factor.By{Actor: systemlog.System()})
		return err
	})
}

func (o *org) code() string { return o.app.Code(totp.Step(o.Now())) }

// wrongCode is none of those that would be taken now.
func (o *org) wrongCode() string {
	for n := range 5 {
		code := strings.Repeat(string(rune('0'+n)), 6)
		if _, ok := o.app.Match(code, o.Now(), 1, 0); !ok {
			return code
		}
	}
	return "987654"
}

// answer is what came back.
type answer struct {
	Status      int
	Header      http.Header
	Raw         string
	Error       string `json:"error"`
	Description string `json:"error_description"`
	Code        string `json:"errorCode"`
	Reason      string `json:"reason"`
	MFA         string `json:"mfa_token"`
	Types       string `json:"supported_challenge_types"`
	Challenge   string `json:"challenge_type"`
	OOB         string `json:"oob_code"`
	Number      string `json:"binding_code"`
	Binding     string `json:"binding_method"`
	Channel     string `json:"channel"`
	ExpiresIn   int    `json:"expires_in"`
	Interval    int    `json:"interval"`
	Access      string `json:"access_token"`
	ID          string `json:"id_token"`
	Scope       string `json:"scope"`
	Type        string `json:"token_type"`
}

// fields are pairs of names and values.
func fields(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

// ask is a request of Amy's Mac with the client's secret in the form.
func (o *org) ask(path string, pairs ...string) answer {
	o.T.Helper()
	v := fields(pairs...)
	v.Set("client_id", o.id)
	v.Set("client_secret", o.secret)
	return o.send(&o.mac, path, v.Encode(), nil)
}

// send is any request. What is refused may be against the description; what is
// taken may not, and no answer may.
func (o *org) send(id *servertest.Identity, path, body string, header http.Header) answer {
	o.T.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, o.Device.URL+path, strings.NewReader(body))
	if err != nil {
		o.T.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for name := range header {
		req.Header.Set(name, header.Get(name))
	}
	resp, err := o.client(id).Do(req)
	if err != nil {
		o.T.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		o.T.Fatal(err)
	}
	o.described(req, body, resp, raw)
	a := answer{Status: resp.StatusCode, Header: resp.Header, Raw: string(raw)}
	if err := json.Unmarshal(raw, &a); err != nil {
		o.T.Fatalf("%s: %d %s: %v", path, resp.StatusCode, raw, err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range []string{a.MFA, a.OOB, a.Access, a.ID} {
		if s != "" {
			o.secretsOfTests = append(o.secretsOfTests, s)
		}
	}
	return a
}

// client keeps its connections until the test ends.
func (o *org) client(id *servertest.Identity) *http.Client {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.clients[id] == nil {
		o.clients[id] = o.Client(id)
		o.T.Cleanup(o.clients[id].CloseIdleConnections)
	}
	return o.clients[id]
}

func (o *org) described(req *http.Request, body string, resp *http.Response, raw []byte) {
	o.T.Helper()
	route, params, err := o.router.FindRoute(req)
	if err != nil {
		o.T.Fatalf("%s does not stand in the description: %v", req.URL.Path, err)
	}
	req.Body = io.NopCloser(strings.NewReader(body))
	in := &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route, Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
	if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil && resp.StatusCode < 400 {
		o.T.Errorf("%s was taken, against the description: %v", req.URL.Path, err)
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: resp.StatusCode, Header: resp.Header, Body: io.NopCloser(bytes.NewReader(raw)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true}}
	if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
		o.T.Errorf("%s: answer %d %s is not as described: %v", req.URL.Path, resp.StatusCode, raw, err)
	}
	if resp.Header.Get("Cache-Control") != "no-store" {
		o.T.Errorf("%s: Cache-Control %q", req.URL.Path, resp.Header.Get("Cache-Control"))
	}
}

// is holds status and error.
func (o *org) is(a answer, status int, code string) answer {
	o.T.Helper()
	if a.Status != status || a.Error != code {
		o.T.Errorf("%d %s, want %d %q", a.Status, a.Raw, status, code)
	}
	return a
}

func (o *org) byOTP(login, code string) answer {
	o.T.Helper()
	return o.ask("/oauth2/v1/token", "grant_type", grantOTP, "scope", "openid profile", "login_hint", login, "otp", code)
}

func (o *org) push(login string) answer {
	o.T.Helper()
	return o.ask("/oauth2/v1/primary-authenticate", "login_hint", login, "channel_hint", "push", "challenge_hint", grantOOB)
}

func (o *org) poll(code string) answer {
	o.T.Helper()
	return o.ask("/oauth2/v1/token", "grant_type", grantOOB, "scope", "openid", "oob_code", code)
}

// password asks with Amy's password, which is set first.
func (o *org) password() answer {
	o.T.Helper()
	if err := o.Factors.SetPassword(context.Background(), amy, phrase, factor.By{Actor: systemlog.System()}); err != nil {
		o.T.Fatal(err)
	}
	return o.is(o.ask("/oauth2/v1/token", "grant_type", "password", "scope", "openid", "username", amy, "password", phrase), 403, "mfa_required")
}

// waiting is the push that waits.
func (o *org) waiting() (p factor.Push) {
	o.T.Helper()
	o.Update(func(tx *sql.Tx) error {
		all, err := o.Factors.Pushes(context.Background(), tx, false)
		if len(all) != 1 {
			o.T.Fatalf("%d pushes wait", len(all))
		}
		p = all[0]
		return err
	})
	return p
}

func (o *org) approve(number string) {
	o.T.Helper()
	if err := o.Factors.Approve(context.Background(), o.waiting().ID, number, factor.By{Actor: systemlog.System()}); err != nil {
		o.T.Fatal(err)
	}
}

func (o *org) deny(notMe bool) {
	o.T.Helper()
	if err := o.Factors.Deny(context.Background(), o.waiting().ID, notMe, factor.By{Actor: systemlog.System()}); err != nil {
		o.T.Fatal(err)
	}
}

// outcome is the last event of a type.
func (o *org) outcome(kind string) systemlog.Event {
	o.T.Helper()
	found := o.Events(kind)
	if len(found) == 0 {
		o.T.Fatalf("no event %s", kind)
	}
	return found[len(found)-1]
}

// claims are those of an ID token, whose signature is right by the published
// keys.
func (o *org) claims(token string) map[string]any {
	o.T.Helper()
	part := strings.Split(token, ".")
	if len(part) != 3 {
		o.T.Fatalf("no JWT: %q", token)
	}
	decode := func(text string) []byte {
		raw, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			o.T.Fatal(err)
		}
		return raw
	}
	var head struct{ Alg, Kid string }
	var set struct {
		Keys []struct{ Kid, N, E, Alg, Kty, Use string }
	}
	if err := json.Unmarshal(decode(part[0]), &head); err != nil || head.Alg != "RS256" {
		o.T.Fatalf("%+v %v", head, err)
	}
	o.get("/oauth2/v1/keys", &set)
	sum := sha256.Sum256([]byte(part[0] + "." + part[1]))
	good := false
	for _, k := range set.Keys {
		if k.Kid == head.Kid && k.Kty == "RSA" && k.Alg == "RS256" && k.Use == "sig" {
			public := rsa.PublicKey{N: new(big.Int).SetBytes(decode(k.N)), E: int(new(big.Int).SetBytes(decode(k.E)).Int64())}
			good = rsa.VerifyPKCS1v15(&public, crypto.SHA256, sum[:], decode(part[2])) == nil
		}
	}
	if !good {
		o.T.Fatal("the signature is not of a published key")
	}
	var out map[string]any
	if err := json.Unmarshal(decode(part[1]), &out); err != nil {
		o.T.Fatal(err)
	}
	return out
}

func (o *org) get(path string, out any) int {
	o.T.Helper()
	resp, err := o.client(nil).Get(o.Device.URL + path)
	if err != nil {
		o.T.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		o.T.Fatal(err)
	}
	return resp.StatusCode
}

// nothingLeaked: no secret, code or token stands in a log or an event.
func (o *org) nothingLeaked() {
	var text strings.Builder
	for _, entry := range o.logs.All() {
		raw, _ := json.Marshal(entry.ContextMap())
		text.WriteString(entry.Message + string(raw) + "\n")
	}
	err := o.DB.View(context.Background(), func(tx *sql.Tx) error {
		found, err := o.Log.Find(context.Background(), tx, systemlog.Query{Limit: systemlog.MaxLimit})
		raw, _ := json.Marshal(found)
		text.Write(raw)
		return err
	})
	if err != nil && !strings.Contains(err.Error(), "closed") {
		o.T.Error(err)
	}
	for _, secret := range o.secretsOfTests {
		if strings.Contains(text.String(), secret) {
			o.T.Errorf("%q stands in a log or an event", secret)
		}
	}
}

// step lets enough time pass for the next code and the next poll.
func (o *org) step() { o.Pass(30 * time.Second) }
