package directauth_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
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
	api            *directauth.Server
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
	o.api = api
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

// newMac enrols a Mac and checks it in.
func (o *org) newMac(serial string) servertest.Identity {
	o.T.Helper()
	id := o.Enrol(o.Challenge("dynamic", serial))
	status, _, refusal := o.CheckIn(&id, o.aCheckIn(serial))
	if status != http.StatusOK {
		o.T.Fatalf("check-in: %d %+v", status, refusal)
	}
	return id
}

// aCheckIn is the first of a Mac that has nothing to tell.
func (o *org) aCheckIn(serial string) wire.CheckIn {
	return wire.CheckIn{V: 1, Seq: 1, Boot: "b", Wall: o.Now(), Clock: "anchored", Device: wire.Device{UDID: "U-" + serial, Serial: serial, Name: "Mac " + serial}}
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

// step lets enough time pass for the next code and the next poll.
func (o *org) step() { o.Pass(30 * time.Second) }
