package directauth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-mfa/latchkey/pkg/directauth"
)

// signIn with an ID token of the caller's making.
func signIn(t testing.TB, o *org, idToken func(form url.Values) string, change ...func(*directauth.Config)) (directauth.Tokens, error) {
	o.on("/token", func(form url.Values) reply {
		return answer(object{"token_type": "Bearer", "expires_in": 3600, "access_token": "the-access-token", "refresh_token": "the-refresh-token", "id_token": idToken(form)})
	})
	return o.client(t, change...).OTP(t.Context(), ada, "012345")
}

func TestClaims(t *testing.T) {
	for name, c := range map[string]struct {
		change func(object)
		good   bool
	}{
		"as they should be":        {func(object) {}, true},
		"no nonce":                 {func(c object) { delete(c, "nonce") }, true},
		"another nonce":            {func(c object) { c["nonce"] = "of another request" }, false},
		"several apps, and ours":   {func(c object) { c["aud"], c["azp"] = []string{"other", clientID}, clientID }, true},
		"several apps, one unsaid": {func(c object) { c["aud"] = []string{"other", clientID} }, false},
		"another app":              {func(c object) { c["aud"] = "other" }, false},
		"for us, to another app":   {func(c object) { c["azp"] = "other" }, false},
		"another issuer":           {func(c object) { c["iss"] = "https://evil.example" }, false},
		"a custom server's issuer": {func(c object) { c["iss"] = "https://org.example/oauth2/default" }, false},
		"expired just now":         {func(c object) { c["exp"] = time.Now().Add(-time.Minute).Unix() }, true},
		"expired":                  {func(c object) { c["exp"] = time.Now().Add(-3 * time.Minute).Unix() }, false},
		"without an end":           {func(c object) { delete(c, "exp") }, false},
		"a clock that is ahead":    {func(c object) { c["iat"] = time.Now().Add(time.Minute).Unix() }, true},
		"issued tomorrow":          {func(c object) { c["iat"] = time.Now().Add(24 * time.Hour).Unix() }, false},
		"issued never":             {func(c object) { delete(c, "iat") }, false},
		"not valid yet":            {func(c object) { c["nbf"] = time.Now().Add(4 * time.Minute).Unix() }, false},
		"of nobody":                {func(c object) { delete(c, "sub") }, false},
		"a name as a number":       {func(c object) { c["name"] = 7 }, false},
		"another access token":     {func(c object) { c["at_hash"] = "nuJuAMGKXJ2mf_vZdLAVKA" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOrg(t)
			for _, alg := range []jose.SignatureAlgorithm{jose.ES256, jose.RS256} {
				tokens, err := signIn(t, o, func(form url.Values) string {
					claims := o.claims(form)
					c.change(claims)
					if alg == jose.RS256 {
						return signed(claims, alg, rsaKey(), "rsa")
					}
					return signed(claims, alg, ecKey(), "ec")
				})
				if c.good {
					signedIn(t, tokens, err)
				} else if !errors.Is(err, directauth.ErrIDToken) || tokens.AccessToken != "" || tokens.Claims.Subject != "" {
					t.Errorf("%s: taken: %v", alg, err)
				}
			}
		})
	}
}

// TestSignatures: what is not signed by the org, with a key that is for it, is
// nobody's word.
func TestSignatures(t *testing.T) {
	b64 := base64.RawURLEncoding.EncodeToString
	stranger := made(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	o := newOrg(t)
	public := made(json.Marshal(jose.JSONWebKey{Key: rsaKey().Public()}))
	for name, token := range map[string]func(object) string{
		"none": func(c object) string { return b64([]byte(`{"alg":"none"}`)) + "." + b64([]byte(text(c))) + "." },
		"none, and a key": func(c object) string {
			return b64([]byte(`{"alg":"none","kid":"ec"}`)) + "." + b64([]byte(text(c))) + "."
		},
		"the app's secret": func(c object) string {
			return signed(c, jose.HS256, []byte(clientSecret+strings.Repeat("x", 32)), "ec")
		},
		"a public key's text": func(c object) string { return signed(c, jose.HS256, public, "rsa") },
		"a stranger's key":    func(c object) string { return signed(c, jose.ES256, stranger, "ec") },
		"an unknown key":      func(c object) string { return signed(c, jose.ES256, stranger, "unknown") },
		"no key's name":       func(c object) string { return signed(c, jose.ES256, ecKey(), "") },
		"a key to encrypt":    func(c object) string { return signed(c, jose.RS256, rsaKey(), "enc") },
		"another algorithm":   func(c object) string { return signed(c, jose.PS256, rsaKey(), "rsa") },
		"another key's name":  func(c object) string { return signed(c, jose.ES256, ecKey(), "rsa") },
		"changed":             func(c object) string { return changed(signed(c, jose.ES256, ecKey(), "ec")) },
		"cut": func(c object) string {
			s := signed(c, jose.ES256, ecKey(), "ec")
			return s[:strings.LastIndex(s, ".")+1]
		},
		"garbage": func(object) string { return "not.a.token" },
		"a JSON form of it": func(c object) string {
			part := strings.Split(signed(c, jose.ES256, ecKey(), "ec"), ".")
			return text(object{"protected": part[0], "payload": part[1], "signature": part[2]})
		},
		"none at all": func(object) string { return "" },
	} {
		t.Run(name, func(t *testing.T) {
			tokens, err := signIn(t, o, func(form url.Values) string { return token(o.claims(form)) })
			if !errors.Is(err, directauth.ErrIDToken) || tokens.AccessToken != "" {
				t.Errorf("taken: %v", err)
			}
		})
	}
}

// changed gives a token another subject and leaves the signature.
func changed(token string) string {
	part := strings.Split(token, ".")
	payload := made(base64.RawURLEncoding.DecodeString(part[1]))
	part[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(payload), "00uAda", "00uEve", 1)))
	return strings.Join(part, ".")
}

func TestWeakKeysAreNotBelieved(t *testing.T) {
	t.Setenv("GODEBUG", "rsa1024min=0")
	weak := made(rsa.GenerateKey(rand.Reader, 1024))
	o := newOrg(t)
	o.keys = func() reply {
		return reply{status: 200, body: string(made(json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: weak.Public(), KeyID: "weak"}}})))}
	}
	if _, err := signIn(t, o, func(form url.Values) string { return signed(o.claims(form), jose.RS256, weak, "weak") }); !errors.Is(err, directauth.ErrIDToken) {
		t.Error(err)
	}
}

func TestRequireNonce(t *testing.T) {
	o := newOrg(t)
	strict := func(cfg *directauth.Config) { cfg.RequireNonce = true }
	tokens, err := signIn(t, o, o.idToken, strict)
	signedIn(t, tokens, err)
	if len(tokens.Claims.Nonce) < 26 {
		t.Errorf("a nonce of %q can be guessed", tokens.Claims.Nonce)
	}
	_, err = signIn(t, o, func(form url.Values) string {
		claims := o.claims(form)
		delete(claims, "nonce")
		return signed(claims, jose.ES256, ecKey(), "ec")
	}, strict)
	if !errors.Is(err, directauth.ErrIDToken) {
		t.Error(err)
	}
}

// TestAccessTokenHash: an ID token that names its access token goes with no
// other. The hash is that of "the-access-token".
func TestAccessTokenHash(t *testing.T) {
	o := newOrg(t)
	tokens, err := signIn(t, o, func(form url.Values) string {
		claims := o.claims(form)
		claims["at_hash"] = "uby9Z8Gb_H_x4fPjwNzguw"
		return signed(claims, jose.ES256, ecKey(), "ec")
	})
	signedIn(t, tokens, err)
}

// TestClockIsTheCallers: tokens are judged by Config.Now alone.
func TestClockIsTheCallers(t *testing.T) {
	o := newOrg(t)
	for ahead, good := range map[time.Duration]bool{0: true, 59 * time.Minute: true, 2 * time.Hour: false, -time.Hour: false} {
		_, err := signIn(t, o, o.idToken, func(cfg *directauth.Config) { cfg.Now = func() time.Time { return time.Now().Add(ahead) } })
		if good != (err == nil) {
			t.Errorf("%v ahead: %v", ahead, err)
		}
	}
}

// TestScopes: without openid there is no ID token, and no claims.
func TestScopes(t *testing.T) {
	o := newOrg(t)
	tokens, err := signIn(t, o, func(url.Values) string { return "" }, func(cfg *directauth.Config) { cfg.Scopes = []string{"okta.users.read.self"} })
	if err != nil || tokens.AccessToken == "" || tokens.Claims.Subject != "" || o.last.Get("scope") != "okta.users.read.self" {
		t.Errorf("%v, scope %q", err, o.last.Get("scope"))
	}
}

// TestKeysAreFetchedRarely: once for many sign-ins, again for a key that is
// new, but never more than once a minute for names that tokens make up; and
// after an hour, since a key may have been taken back.
func TestKeysAreFetchedRarely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOrg(t)
		kid := "ec"
		o.on("/token", func(form url.Values) reply {
			return answer(object{"token_type": "Bearer", "access_token": "a", "id_token": signed(o.claims(form), jose.ES256, ecKey(), kid)})
		})
		c := o.client(t)
		steps := []struct {
			later   time.Duration
			kid     string
			rotate  bool
			good    bool
			fetches int
		}{
			{0, "ec", false, true, 1},
			{time.Second, "ec", false, true, 1},
			{time.Second, "made-up", false, false, 1},
			{time.Minute, "made-up", false, false, 2},
			{time.Second, "made-up-2", false, false, 2},
			{time.Minute, "rotated", true, true, 3},
			{time.Second, "ec", true, false, 3},
			{30 * time.Minute, "rotated", true, true, 3},
			{31 * time.Minute, "rotated", true, true, 4},
			{61 * time.Minute, "rotated", false, false, 5},
		}
		for i, s := range steps {
			timer := time.NewTimer(s.later)
			<-timer.C
			kid = s.kid
			o.keys = func() reply {
				set := o.keySet()
				if s.rotate {
					set = strings.ReplaceAll(set, `"kid":"ec"`, `"kid":"rotated"`)
				}
				return reply{status: 200, body: set}
			}
			_, err := c.OTP(t.Context(), ada, "012345")
			if (err == nil) != s.good || o.count("GET /keys") != s.fetches {
				t.Errorf("step %d: %v, %d fetches", i, err, o.count("GET /keys"))
			}
		}
	})
}

// TestKeysThatCannotBeHad: the sign-in is spent, and says that the org was not
// reached; what lies in the cache is not lost.
func TestKeysThatCannotBeHad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOrg(t)
		o.signsIn("/token")
		c := o.client(t)
		o.keys = func() reply { return reply{err: errors.New("connection reset")} }
		_, err := c.OTP(t.Context(), ada, "012345")
		var silent *directauth.Unreachable
		if !errors.As(err, &silent) || silent.Kind != directauth.NoAnswer || o.count("GET /keys") != 3 || o.count("POST /token") != 1 {
			t.Errorf("%v after %q", err, o.asked)
		}
		failures := 0
		o.keys = func() reply {
			if failures++; failures == 1 {
				return reply{status: 502, body: "<html>"}
			}
			return reply{status: 200, body: o.keySet()}
		}
		tokens, err := c.OTP(t.Context(), ada, "012345")
		signedIn(t, tokens, err)
	})
}
