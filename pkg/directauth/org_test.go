package directauth_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"go.uber.org/goleak"

	"github.com/latchkey-mfa/latchkey/pkg/directauth"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	clientID     = "0oaTheApp"
	clientSecret = "the-app's s3cret/+"
	ada          = "ada@example.com"
)

// Keys of the org: making one takes a moment.
var (
	ecKey  = sync.OnceValue(func() *ecdsa.PrivateKey { return made(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	rsaKey = sync.OnceValue(func() *rsa.PrivateKey { return made(rsa.GenerateKey(rand.Reader, 2048)) })
)

func made[K any](k K, err error) K {
	if err != nil {
		panic(err)
	}
	return k
}

// reply is what the org answers.
type reply struct {
	status int
	header http.Header
	body   string
	err    error // no answer at all
}

type object map[string]any

func answer(o object) reply { return reply{status: 200, body: text(o)} }

func refuse(status int, code, description string) reply {
	return reply{status: status, body: text(object{"error": code, "error_description": description})}
}

func text(o object) string { return string(made(json.Marshal(o))) }

// org answers in memory, and holds each request and answer against the
// description of the API.
type org struct {
	wrong  func(string, ...any) // told of what is not as described
	issuer string
	prefix string // of the endpoints' paths
	routes map[string]func(url.Values) reply
	keys   func() reply

	mu    sync.Mutex
	asked []string   // "POST /token", in order
	last  url.Values // the last form that was posted
	sent  []time.Time
	auth  string
}

func newOrg(t testing.TB) *org {
	o := &org{issuer: "https://org.example", prefix: "/oauth2/v1", routes: map[string]func(url.Values) reply{}, wrong: func(format string, args ...any) {
		t.Helper()
		t.Errorf(format, args...)
	}}
	o.keys = func() reply { return reply{status: 200, body: o.keySet()} }
	return o
}

// client of the org.
func (o *org) client(t testing.TB, change ...func(*directauth.Config)) *directauth.Client {
	cfg := directauth.Config{Issuer: o.issuer, ClientID: clientID, ClientSecret: clientSecret, HTTP: &http.Client{Transport: o}}
	for _, f := range change {
		f(&cfg)
	}
	c, err := directauth.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (o *org) on(path string, f func(url.Values) reply) { o.routes[path] = f }

// then answers one after the other, and the last from then on.
func then(replies ...reply) func(url.Values) reply {
	n := -1
	return func(url.Values) reply {
		n = min(n+1, len(replies)-1)
		return replies[n]
	}
}

func (o *org) count(request string) (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, a := range o.asked {
		if a == request {
			n++
		}
	}
	return n
}

func (o *org) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	path, ok := strings.CutPrefix(req.URL.Path, o.prefix)
	if !ok || req.URL.RawQuery != "" || req.Header.Get("Accept") != "application/json" {
		o.wrong("%s %s, Accept %q", req.Method, req.URL, req.Header.Get("Accept"))
	}
	raw, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(raw))
	if err != nil {
		o.wrong("%s: %v", path, err)
	}
	o.mu.Lock()
	if o.asked, o.auth = append(o.asked, req.Method+" "+path), req.Header.Get("Authorization"); req.Method == http.MethodPost {
		o.last = form
	}
	o.sent = append(o.sent, time.Now())
	o.mu.Unlock()
	r := reply{status: 404, body: text(object{"errorCode": "E0000022", "errorSummary": "no such thing"})}
	switch f := o.routes[path]; {
	case req.Method == http.MethodGet && path == "/keys":
		r = o.keys()
	case f != nil:
		if err := describedRequest(path, form); err != nil {
			o.wrong("%s", err)
		}
		r = f(form)
	}
	if r.err != nil {
		return nil, r.err
	}
	if req.Method == http.MethodPost && strings.HasPrefix(r.body, "{") {
		if err := describedAnswer(path, r.status, []byte(r.body)); err != nil {
			o.wrong("%s", err)
		}
	}
	if r.header == nil {
		r.header = http.Header{}
	}
	return &http.Response{StatusCode: r.status, Header: r.header, Body: io.NopCloser(bytes.NewReader([]byte(r.body))), Request: req}, nil
}

// keySet is the org's, with a key that nobody understands among them.
func (o *org) keySet() string {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: ecKey().Public(), KeyID: "ec", Use: "sig", Algorithm: "ES256"},
		{Key: rsaKey().Public(), KeyID: "rsa", Use: "sig"},
		{Key: rsaKey().Public(), KeyID: "enc", Use: "enc"},
	}}
	raw := string(made(json.Marshal(set)))
	return strings.Replace(raw, `{"keys":[`, `{"keys":[{"kty":"of tomorrow","kid":"new"},`, 1)
}

// claims of an ID token for the request.
func (o *org) claims(form url.Values) object {
	now := time.Now()
	return object{"iss": o.issuer, "aud": clientID, "sub": "00uAda", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "nonce": form.Get("nonce"),
		"preferred_username": ada, "email": ada, "name": "Ada Lovelace", "amr": []string{"swk", "mfa"}}
}

// signed is a token with a key of the org's.
func signed(claims object, alg jose.SignatureAlgorithm, key any, kid string) string {
	opts := &jose.SignerOptions{}
	if kid != "" {
		opts = opts.WithHeader("kid", kid)
	}
	signer := made(jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, opts))
	return made(made(signer.Sign([]byte(text(claims)))).CompactSerialize())
}

func (o *org) idToken(form url.Values) string {
	return signed(o.claims(form), jose.ES256, ecKey(), "ec")
}

// tokens is the answer to a sign-in that is right.
func (o *org) tokens(form url.Values) reply {
	return answer(object{"token_type": "Bearer", "expires_in": 3600, "access_token": "the-access-token", "refresh_token": "the-refresh-token",
		"scope": form.Get("scope"), "id_token": o.idToken(form)})
}

func (o *org) signsIn(path string) { o.on(path, o.tokens) }

// pushed is the answer to a push that is on its way.
func pushed(more object) reply {
	o := object{"oob_code": "the-oob-code", "expires_in": 300, "interval": 5, "channel": "push", "binding_method": "none"}
	for k, v := range more {
		o[k] = v
	}
	return answer(o)
}

func pending() reply {
	return refuse(400, "authorization_pending", "No user response received on the out-of-band authenticator yet. Continue polling to wait for a response.")
}

// signedIn checks the tokens of a sign-in.
func signedIn(t testing.TB, tokens directauth.Tokens, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if tokens.AccessToken != "the-access-token" || tokens.RefreshToken != "the-refresh-token" || tokens.ExpiresIn != time.Hour || tokens.Claims.Subject != "00uAda" {
		t.Fatalf("%q, %v, %+v", tokens.AccessToken, tokens.ExpiresIn, tokens.Claims)
	}
}

// wantForm checks what the last form held, besides what is in all of them.
func (o *org) wantForm(t testing.TB, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if o.last.Get(name) != value {
			t.Errorf("%s is %q, want %q", name, o.last.Get(name), value)
		}
	}
	for name := range o.last {
		if _, ok := want[name]; !ok && !slices.Contains([]string{"client_id", "client_secret", "nonce", "scope", "grant_types_supported"}, name) {
			t.Errorf("%s was sent", name)
		}
	}
}
