package directauth

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
)

// FuzzTokens: what is taken as tokens can be used as they are.
func FuzzTokens(f *testing.F) {
	f.Add([]byte(`{"token_type":"Bearer","expires_in":3600,"access_token":"a","scope":"openid profile","id_token":"x.y.z","refresh_token":"r"}`))
	f.Add([]byte(`{"token_type":"bearer","expires_in":-1e308,"access_token":"a"}`))
	f.Add([]byte(`{"token_type":"N_A","access_token":{}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		tokens, err := readTokens(body)
		switch {
		case err != nil && (!errors.Is(err, ErrAnswer) || tokens.AccessToken != ""):
			t.Errorf("%v", err)
		case err == nil && (!printable(tokens.AccessToken) || tokens.AccessToken == "" || tokens.ExpiresIn < 0 || tokens.ExpiresIn > 366*24*time.Hour):
			t.Errorf("%q, %v", tokens.AccessToken, tokens.ExpiresIn)
		}
	})
}

// FuzzOOB: what is taken as a challenge can be waited for and shown.
func FuzzOOB(f *testing.F) {
	f.Add([]byte(`{"oob_code":"c","expires_in":300,"interval":5,"channel":"push","binding_method":"transfer","binding_code":"95"}`))
	f.Add([]byte(`{"oob_code":"c","expires_in":1e300,"interval":0.001,"binding_method":"transfer","binding_code":95}`))
	f.Add([]byte(`{"oob_code":"c","binding_method":"prompt","channel":"sms","binding_code":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		o, err := readOOB(body, ChannelPush)
		switch {
		case err != nil && !errors.Is(err, ErrAnswer):
			t.Errorf("%v", err)
		case err == nil && (!goodHandle(o.Code) || o.Interval < minInterval || o.Interval > maxInterval || o.ExpiresIn < time.Second || o.ExpiresIn > maxExpiry ||
			len(o.BindingCode) > maxBindingCode || !printable(o.BindingCode) || (o.BindingCode != "") != (o.Binding == BindingTransfer) || checkOOB(o, true, "") != nil):
			t.Errorf("%q, %v, %v, %q", o.Code, o.Interval, o.ExpiresIn, o.BindingCode)
		}
	})
}

// FuzzChallenge: of whatever type, it is one that was asked for, and complete.
func FuzzChallenge(f *testing.F) {
	f.Add([]byte(`{"challenge_type":"http://auth0.com/oauth/grant-type/mfa-otp"}`))
	f.Add([]byte(`{"challenge_type":"http://auth0.com/oauth/grant-type/mfa-oob","oob_code":"c","channel":"push"}`))
	f.Add([]byte(`{"challengeType":"urn:okta:params:oauth:grant-type:mfa-webauthn","publicKey":{"challenge":"dGVzdA==","extensions":{"appid":"https://a.example/x"},"allowCredentials":[{"id":"Y3JlZC0x"}],"timeout":6e9}}`))
	c := &Client{host: "org.example"}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := c.readChallenged(body, everyType(), ChannelPush)
		w := got.WebAuthn
		switch {
		case err != nil && !errors.Is(err, ErrAnswer):
			t.Errorf("%v", err)
		case err != nil:
		case !slices.Contains(everyType(), got.Type), got.Type == ChallengeOOB && got.OOB.Code == "":
			t.Errorf("%q", got.Type)
		case got.Type == ChallengeWebAuthn && (len(w.Challenge) == 0 || w.RPID == "" || strings.Contains(w.RPID, "/") || w.Timeout < 0 || w.Timeout > maxExpiry || w.UserVerification == ""):
			t.Errorf("%q, %q, %v", w.Challenge, w.RPID, w.Timeout)
		}
	})
}

// FuzzRefusal: whatever a refusal holds, its error is one line that repeats
// nothing of what was sent, and a 429 is never a refused person.
func FuzzRefusal(f *testing.F) {
	f.Add(403, []byte(`{"error":"mfa_required","mfa_token":"t","supported_challenge_types":"a b"}`), "3", "")
	f.Add(400, []byte(`{"error":"access_denied","error_description":"`+"`hunter22`"+` has expired."}`), "Thu, 01 Jan 2026 00:00:00 GMT", "")
	f.Add(429, []byte(`{"errorCode":"E0000047","errorSummary":"x","errorId":"hunter22"}`), "", "1767225600")
	f.Add(500, []byte("<html>hunter22\r\n"), "-1", "99999999999999999999")
	f.Fuzz(func(t *testing.T, status int, body []byte, after, reset string) {
		header := http.Header{"Retry-After": {after}, "X-Rate-Limit-Reset": {reset}, "Content-Type": {after}}
		for _, stage := range []stage{asking, guessing, polling} {
			err := refused{stage: stage, held: true, secrets: []string{"hunter22"}, now: time.Unix(1_767_225_000, 0)}.read(status, header, body)
			text := err.Error()
			if strings.Contains(text, "hunter22") || strings.ContainsFunc(text, unicode.IsControl) || len(text) > 3*maxDescription {
				t.Errorf("%q", text)
			}
			if wait := retryAfter(err); wait < 0 || wait > time.Hour {
				t.Errorf("wait %v", wait)
			}
			if status == http.StatusTooManyRequests && errors.Is(err, ErrDenied) {
				t.Errorf("%v", err)
			}
			var more *MFARequired
			if errors.As(err, &more) && !goodHandle(more.Token) {
				t.Errorf("a token of %q", more.Token)
			}
		}
	})
}

// FuzzKeys: only keys that suit an algorithm are found, and none is private.
func FuzzKeys(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"RSA","kid":"a","use":"sig","alg":"RS256","e":"AQAB","n":"AQAB"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"oct","kid":"a","k":"c2VjcmV0"},{"kty":"EC","crv":"P-256","kid":"a","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		keys, err := readKeys(body)
		if err != nil && !errors.Is(err, ErrAnswer) {
			t.Errorf("%v", err)
		}
		for _, k := range keys {
			for _, algorithm := range []string{"RS256", "ES256", "HS256", "none"} {
				if suits(k, algorithm) && (!k.IsPublic() || algorithm == "HS256" || algorithm == "none") {
					t.Errorf("%T for %s", k.Key, algorithm)
				}
			}
		}
	})
}

// FuzzConfig: whatever is taken as an address, requests go to https, or stay on
// the machine.
func FuzzConfig(f *testing.F) {
	f.Add("https://org.example/oauth2/default")
	f.Add("http://127.0.0.1:8080/")
	f.Add("http://localhost@evil.example")
	f.Fuzz(func(t *testing.T, issuer string) {
		c, err := New(Config{Issuer: issuer, ClientID: "id", ClientSecret: "s"})
		if err != nil {
			var in *InputError
			if !errors.As(err, &in) || in.Field != "Issuer" {
				t.Errorf("%v", err)
			}
			return
		}
		req, err := http.NewRequest(http.MethodGet, c.base+"/keys", nil)
		if err != nil || req.URL.Scheme != "https" && !loopback(req.URL.Hostname()) || req.URL.User != nil || !strings.HasSuffix(req.URL.Path, "/v1/keys") {
			t.Errorf("%q: %v, %v", issuer, req, err)
		}
	})
}

// FuzzIDToken: nothing but the org's own signature makes a token believed.
func FuzzIDToken(f *testing.F) {
	keys, err := readKeys([]byte(`{"keys":[{"kty":"EC","crv":"P-256","kid":"a","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`))
	if err != nil || len(keys) != 1 {
		f.Fatalf("%v", err)
	}
	now := func() time.Time { return time.Unix(1_767_225_600, 0) }
	c := &Client{issuer: "https://org.example", id: "id", now: now, keys: keyCache{lock: make(chan struct{}, 1), keys: keys, fetched: now()}}
	f.Add("eyJhbGciOiJFUzI1NiIsImtpZCI6ImEifQ.eyJzdWIiOiJ4In0.AAAA")
	f.Add("eyJhbGciOiJub25lIiwia2lkIjoiYSJ9.e30.")
	f.Fuzz(func(t *testing.T, raw string) {
		if claims, err := c.verify(t.Context(), Tokens{IDToken: raw}, "n"); !errors.Is(err, ErrIDToken) || claims.Subject != "" {
			t.Errorf("%q: %v", raw, err)
		}
	})
}
