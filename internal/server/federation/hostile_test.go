package federation_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-mfa/latchkey/internal/server/federation"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/store/storetest"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
)

const (
	client  = "latchkey"
	console = "https://mfa.example.com:8443"
	secret  = "the client's secret"
)

// hostile is a provider that says whatever a test wants: what a real one cannot
// be made to say.
type hostile struct {
	t        testing.TB
	server   *httptest.Server
	key      *rsa.PrivateKey
	provider *federation.Provider
	db       *store.DB
	vault    *vault.Vault
	now      time.Time

	mu      sync.Mutex
	asked   map[string]int                                     // requests by path
	form    url.Values                                         // of the last token request
	basic   [2]string                                          // its client and secret
	about   func(m map[string]any)                             // changes what discovery says
	answers map[string]func(w http.ResponseWriter) (done bool) // instead of the right answer, by path
	padding int                                                // spaces behind each answer
	token   func() string                                      // the ID token
}

func newHostile(t testing.TB, change ...func(c *federation.Config)) *hostile {
	t.Helper()
	h := &hostile{t: t, now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), asked: map[string]int{}, answers: map[string]func(http.ResponseWriter) bool{}}
	var err error
	if h.key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	h.server = httptest.NewServer(http.HandlerFunc(h.serve))
	t.Cleanup(h.server.Close)
	if h.vault, err = vault.Create(filepath.Join(t.TempDir(), "master.key")); err != nil {
		t.Fatal(err)
	}
	if h.db, err = store.Open(context.Background(), storetest.Where(t)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.db.Close() })
	h.provider = h.another(change...)
	return h
}

// another is the provider as another server of the org knows it.
func (h *hostile) another(change ...func(c *federation.Config)) *federation.Provider {
	h.t.Helper()
	c := federation.Config{Issuer: h.server.URL, ClientID: client, ClientSecret: secret, GroupsClaim: "groups", LoginClaim: "preferred_username",
		Rules: []federation.Rule{{Group: "Desk", Role: "help-desk-admin"}}, SecondFactor: []string{"mfa"}, PublicURL: console,
		DB: h.db, Vault: h.vault, Now: func() time.Time { return h.now }}
	for _, do := range change {
		do(&c)
	}
	p, err := federation.New(c)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(p.Close)
	return p
}

func (h *hostile) serve(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked[r.URL.Path]++
	if instead := h.answers[r.URL.Path]; instead != nil && instead(w) {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	var out any
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		m := map[string]any{"issuer": h.server.URL, "authorization_endpoint": h.server.URL + "/auth", "token_endpoint": h.server.URL + "/token", "jwks_uri": h.server.URL + "/keys",
			"end_session_endpoint": h.server.URL + "/end?tenant=1", "id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"}}
		if h.about != nil {
			h.about(m)
		}
		out = m
	case "/keys":
		out = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: h.key.Public(), KeyID: "one", Algorithm: "RS256", Use: "sig"}}}
	case "/token":
		_ = r.ParseForm()
		h.form = r.PostForm
		h.basic[0], h.basic[1], _ = r.BasicAuth()
		out = map[string]any{"access_token": "an access token", "token_type": "Bearer", "id_token": h.token()}
	}
	_ = json.NewEncoder(w).Encode(out)
	_, _ = w.Write([]byte(strings.Repeat(" ", h.padding)))
}

// says has the provider answer in another way at a path; nil is the right way.
func (h *hostile) says(path string, answer func(w http.ResponseWriter) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answers[path] = answer
}

// count is how often a path was asked for.
func (h *hostile) count(path string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.asked[path]
}

// right are the claims of a token that is believed.
func (h *hostile) right(nonce string) map[string]any {
	return map[string]any{"iss": h.server.URL, "sub": "s1", "aud": client, "exp": h.now.Add(time.Hour).Unix(), "iat": h.now.Unix(), "auth_time": h.now.Unix(), "nonce": nonce,
		"amr": []string{"pwd", "mfa"}, "preferred_username": "sam@example.com", "name": "Sam", "groups": []string{"Desk"}, "sid": "session 1"}
}

// signed is a token with these claims, by the provider's key.
func (h *hostile) signed(claims any) string {
	return signedWith(h.t, jose.RS256, jose.JSONWebKey{Key: h.key, KeyID: "one"}, claims)
}

func signedWith(t testing.TB, algorithm jose.SignatureAlgorithm, key any, claims any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return compact(t, signer, raw)
}

// signedText is signed, of any bytes.
func signedText(t testing.TB, h *hostile, raw []byte) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: h.key, KeyID: "one"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return compact(t, signer, raw)
}

func compact(t testing.TB, signer jose.Signer, raw []byte) string {
	t.Helper()
	made, err := signer.Sign(raw)
	if err != nil {
		t.Fatal(err)
	}
	text, err := made.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// begun is a sign-in that was begun.
type begun struct {
	federation.Begun
	query url.Values // at the provider
}

func (h *hostile) begins(f federation.Flow) begun {
	h.t.Helper()
	b, err := h.provider.Begin(h.t.Context(), f)
	if err != nil {
		h.t.Fatal(err)
	}
	u, err := url.Parse(b.URL)
	if err != nil {
		h.t.Fatal(err)
	}
	return begun{b, u.Query()}
}

// answer is the query that the provider sends the browser back with.
func (b begun) answer() string {
	return url.Values{"state": {b.query.Get("state")}, "code": {"the code"}}.Encode()
}

// reason is why somebody was refused; "" for who was not.
func reason(t testing.TB, err error) string {
	t.Helper()
	var no *federation.Refusal
	if err != nil && !errors.As(err, &no) {
		t.Fatalf("no refusal: %v", err)
	}
	if no == nil {
		return ""
	}
	if no.Text == "" || len(no.Error()) > 1500 {
		t.Errorf("what is said: %q", no.Error())
	}
	for _, hidden := range []string{secret, "the code", "an access token"} {
		if strings.Contains(no.Error(), hidden) || strings.Contains(no.Text, hidden) {
			t.Errorf("%q is told: %s", hidden, no.Error())
		}
	}
	return no.Reason
}

// forgery is a token that is not right, or that is, all the same.
type forgery struct {
	token func(c map[string]any) string // from the right claims
	want  string
}

// forgedSignatures are tokens that the provider has not signed.
func (h *hostile) forgedSignatures() map[string]forgery {
	t := h.t
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public := x509.MarshalPKCS1PublicKey(&h.key.PublicKey)
	return map[string]forgery{
		"right":                        {h.signedRight, ""},
		"no token":                     {func(map[string]any) string { return "" }, federation.BadToken},
		"no JWT":                       {func(map[string]any) string { return "a.b.c" }, federation.BadToken},
		"unsigned":                     {func(c map[string]any) string { return bare(`{"alg":"none"}`, c) }, federation.BadToken},
		"unsigned, spelled otherwise":  {func(c map[string]any) string { return bare(`{"alg":"nOnE","kid":"one"}`, c) }, federation.BadToken},
		"HS256 with the public key":    {func(c map[string]any) string { return signedWith(t, jose.HS256, public, c) }, federation.BadToken},
		"HS256 with the client secret": {func(c map[string]any) string { return signedWith(t, jose.HS256, []byte(secret+secret), c) }, federation.BadToken},
		"another key": {func(c map[string]any) string {
			return signedWith(t, jose.RS256, jose.JSONWebKey{Key: other, KeyID: "one"}, c)
		}, federation.BadToken},
		"another key of another kind": {func(c map[string]any) string {
			return signedWith(t, jose.ES256, jose.JSONWebKey{Key: curve, KeyID: "one"}, c)
		}, federation.BadToken},
		"a key of its own in it": {func(c map[string]any) string { return embedded(t, other, c) }, federation.BadToken},
		"a changed claim": {func(c map[string]any) string {
			part := strings.Split(h.signed(c), ".")
			c["groups"] = []string{"Admins"}
			part[1] = strings.Split(h.signed(c), ".")[1]
			return strings.Join(part, ".")
		}, federation.BadToken},
	}
}

// with changes a claim; nil takes it out, and a function is asked when the token
// is made.
func (h *hostile) with(name string, value any) func(map[string]any) string {
	return func(c map[string]any) string {
		if later, ok := value.(func() any); ok {
			value = later()
		}
		if c[name] = value; value == nil {
			delete(c, name)
		}
		return h.signed(c)
	}
}

// forgedClaims are tokens that the provider has signed, for others or for
// nothing.
func (h *hostile) forgedClaims() map[string]forgery {
	with := h.with
	ago := func(d time.Duration) func() any { return func() any { return h.now.Add(-d).Unix() } }
	return map[string]forgery{
		"another issuer":             {with("iss", "https://evil.example"), federation.BadToken},
		"the issuer with a slash":    {with("iss", h.server.URL+"/"), federation.BadToken},
		"another audience":           {with("aud", "another"), federation.BadToken},
		"no audience":                {with("aud", nil), federation.BadToken},
		"two audiences":              {with("aud", []string{client, "another"}), federation.BadToken},
		"issued to another":          {with("azp", "another"), federation.BadToken},
		"expired":                    {with("exp", ago(3*time.Minute)), federation.BadToken},
		"no end":                     {with("exp", nil), federation.BadToken},
		"not valid yet":              {with("nbf", ago(-3*time.Minute)), federation.BadToken},
		"issued in the future":       {with("iat", ago(-3*time.Minute)), federation.BadToken},
		"issued before it was asked": {with("iat", ago(3*time.Minute)), federation.BadToken},
		"no time of issue":           {with("iat", nil), federation.BadToken},
		"another nonce":              {with("nonce", "another"), federation.BadToken},
		"no nonce":                   {with("nonce", nil), federation.BadToken},
		"of another access token":    {with("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), federation.BadToken},
		"nobody":                     {with("sub", nil), federation.BadToken},
		"a subject that is too long": {with("sub", strings.Repeat("s", 256)), federation.BadToken},
		"a subject of two lines":     {with("sub", "s1\ns2"), federation.BadToken},
		"a session of the provider's that is too long": {with("sid", strings.Repeat("s", 256)), federation.BadToken},
		"claims of the wrong kind":                     {with("acr", 1), federation.BadToken},
		"signed in a day ago":                          {with("auth_time", ago(24*time.Hour)), federation.TooOld},
		"signed in in the future":                      {with("auth_time", ago(-time.Hour)), federation.TooOld},
		"signed in at no time":                         {with("auth_time", 1e300), federation.TooOld},
		"no word of when":                              {with("auth_time", nil), federation.TooOld},
		"a password alone":                             {with("amr", []string{"pwd"}), federation.NoSecond},
		"no word of how":                               {with("amr", nil), federation.NoSecond},
		"how in one text":                              {with("amr", "mfa"), ""},
		"a class that is wanted":                       {with("acr", "mfa"), ""},
		"no login":                                     {with("preferred_username", nil), federation.BadClaims},
		"a login of the wrong kind":                    {with("preferred_username", 7), federation.BadClaims},
		"groups of the wrong kind":                     {with("groups", map[string]string{"Desk": "yes"}), federation.BadClaims},
		"too many groups":                              {with("groups", make([]string, 2001)), federation.BadClaims},
		"no groups":                                    {with("groups", nil), federation.NoRole},
		"other groups":                                 {with("groups", []string{"desk", "Desk ", "Others"}), federation.NoRole},
		"one group in one text":                        {with("groups", "Desk"), ""},
	}
}

// Tokens that are not for this sign-in let nobody in.
func TestForgedTokens(t *testing.T) {
	h := newHostile(t)
	all := h.forgedSignatures()
	maps.Copy(all, h.forgedClaims())
	for name, forged := range all {
		t.Run(name, func(t *testing.T) {
			h.now = h.now.Add(10 * time.Second) // keys may be fetched again
			b := h.begins(federation.Flow{Next: "/devices"})
			h.token = func() string { return forged.token(h.right(b.query.Get("nonce"))) }
			f, who, err := h.provider.Finish(t.Context(), b.answer(), b.Sealed)
			if got := reason(t, err); got != forged.want {
				t.Fatalf("%q, want %q: %v", got, forged.want, err)
			}
			if (who.Role != "") != (forged.want == "") || f.Next != "/devices" {
				t.Errorf("role %q, next %q", who.Role, f.Next)
			}
			if text := fmt.Sprintf("%v %+v %#v %v %#v %v", who, who, who, f, f, b.Begun); who.IDToken != "" && strings.Contains(text, who.IDToken) || strings.Contains(text, f.Verifier) && f.Verifier != "" {
				t.Errorf("a secret prints: %s", text)
			}
		})
	}
}

func (h *hostile) signedRight(c map[string]any) string { return h.signed(c) }

// bare is a token without a signature.
func bare(header string, claims any) string {
	raw, _ := json.Marshal(claims)
	return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString(raw) + "."
}

// embedded is a token that brings its own key.
func embedded(t testing.TB, key *rsa.PrivateKey, claims any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, (&jose.SignerOptions{EmbedJWK: true}))
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := json.Marshal(claims)
	return compact(t, signer, raw)
}
