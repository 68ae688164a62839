package directauth_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-mfa/latchkey/pkg/directauth"
)

const mfaToken = "the-mfa-token"

func mfaRequired() reply {
	return reply{status: 403, body: text(object{"error": "mfa_required", "error_description": "Verify with an additional authenticator to complete the sign-in process.",
		"mfa_token": mfaToken, "supported_challenge_types": string(directauth.ChallengeOTP + " " + directauth.ChallengeOOB)})}
}

// TestSignIns: each way in, and what it sends.
func TestSignIns(t *testing.T) {
	assertion := directauth.Assertion{AuthenticatorData: []byte{0xff, 0xfe}, ClientDataJSON: []byte("{}"), Signature: []byte{1}, UserHandle: []byte("u")}
	sms := directauth.OOB{Code: "the-oob-code", Binding: directauth.BindingPrompt}
	smsSecond := sms
	smsSecond.MFAToken = mfaToken
	parts := map[string]string{"authenticatorData": "__4", "clientDataJSON": "e30", "signature": "AQ", "userHandle": "dQ"}
	with := func(base map[string]string, more ...string) map[string]string {
		all := map[string]string{}
		for k, v := range base {
			all[k] = v
		}
		for i := 0; i < len(more); i += 2 {
			all[more[i]] = more[i+1]
		}
		return all
	}
	for name, c := range map[string]struct {
		ask  func(*directauth.Client) (directauth.Tokens, error)
		form map[string]string
	}{
		"OTP": {func(c *directauth.Client) (directauth.Tokens, error) { return c.OTP(t.Context(), ada, "012345") },
			map[string]string{"grant_type": "urn:okta:params:oauth:grant-type:otp", "login_hint": ada, "otp": "012345"}},
		"password": {func(c *directauth.Client) (directauth.Tokens, error) {
			return c.Password(t.Context(), ada, "pa&ss=w%rd")
		},
			map[string]string{"grant_type": "password", "username": ada, "password": "pa&ss=w%rd"}},
		"OTP after a password": {func(c *directauth.Client) (directauth.Tokens, error) {
			return c.AnswerOTP(t.Context(), mfaToken, "012345")
		},
			map[string]string{"grant_type": "http://auth0.com/oauth/grant-type/mfa-otp", "mfa_token": mfaToken, "otp": "012345"}},
		"SMS": {func(c *directauth.Client) (directauth.Tokens, error) { return c.Prompted(t.Context(), sms, "4711") },
			map[string]string{"grant_type": oobGrant, "oob_code": "the-oob-code", "binding_code": "4711"}},
		"SMS after a password": {func(c *directauth.Client) (directauth.Tokens, error) {
			return c.Prompted(t.Context(), smsSecond, "4711")
		},
			map[string]string{"grant_type": "http://auth0.com/oauth/grant-type/mfa-oob", "mfa_token": mfaToken, "oob_code": "the-oob-code", "binding_code": "4711"}},
		"security key": {func(c *directauth.Client) (directauth.Tokens, error) {
			return c.AnswerWebAuthn(t.Context(), directauth.WebAuthnChallenge{}, assertion)
		},
			with(parts, "grant_type", "urn:okta:params:oauth:grant-type:webauthn")},
		"security key after a password": {func(c *directauth.Client) (directauth.Tokens, error) {
			return c.AnswerWebAuthn(t.Context(), directauth.WebAuthnChallenge{MFAToken: mfaToken}, assertion)
		},
			with(parts, "grant_type", "urn:okta:params:oauth:grant-type:mfa-webauthn", "mfa_token", mfaToken)},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOrg(t)
			o.signsIn("/token")
			tokens, err := c.ask(o.client(t))
			signedIn(t, tokens, err)
			if !slices.Equal(tokens.Scopes, []string{"openid", "profile"}) || tokens.Claims.PreferredUsername != ada || !slices.Equal(tokens.Claims.AMR, []string{"swk", "mfa"}) {
				t.Errorf("%q, %+v", tokens.Scopes, tokens.Claims)
			}
			o.wantForm(t, c.form)
			for _, r := range []reply{refuse(400, "invalid_grant", "The credentials provided were invalid."), refuse(400, "invalid_otp", "")} {
				o.on("/token", then(r))
				if _, err := c.ask(o.client(t)); !errors.Is(err, directauth.ErrInvalidCredentials) || errors.Is(err, directauth.ErrDenied) {
					t.Errorf("refused: %v", err)
				}
			}
		})
	}
}

// TestNoGuessIsSentTwice, whatever becomes of the first.
func TestNoGuessIsSentTwice(t *testing.T) {
	down := reply{status: 503, body: "{}", header: http.Header{"Retry-After": {"1"}}}
	for name, r := range map[string]reply{"lost": {err: errors.New("connection reset")}, "503": down, "500": {status: 500, body: "<html>"}, "429": {status: 429, body: "{}"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOrg(t)
				o.on("/token", then(r))
				c := o.client(t)
				ctx := t.Context()
				_, e1 := c.OTP(ctx, ada, "012345")
				_, e2 := c.Password(ctx, ada, "secret")
				_, e3 := c.AnswerOTP(ctx, mfaToken, "012345")
				_, e4 := c.Prompted(ctx, directauth.OOB{Code: "c", Binding: "prompt"}, "1")
				_, e5 := c.AnswerWebAuthn(ctx, directauth.WebAuthnChallenge{}, directauth.Assertion{AuthenticatorData: []byte("a"), ClientDataJSON: []byte("c"), Signature: []byte("s")})
				if o.count("POST /token") != 5 {
					t.Errorf("%d requests for 5 guesses", o.count("POST /token"))
				}
				for _, err := range []error{e1, e2, e3, e4, e5} {
					if err == nil || errors.Is(err, directauth.ErrInvalidCredentials) {
						t.Errorf("%v", err)
					}
				}
			})
		})
	}
}

// TestRepeats: a phone does not ring twice for what may have arrived; a
// challenge that nobody notices is asked for again.
func TestRepeats(t *testing.T) {
	lost, broken := reply{err: errors.New("connection reset")}, reply{status: 502, body: "<html>"}
	down := reply{status: 503, body: "{}", header: http.Header{"Retry-After": {"4"}}}
	longer := reply{status: 503, body: "{}", header: http.Header{"Retry-After": {"60"}}}
	unmade := reply{err: noConnection()}
	for name, c := range map[string]struct {
		first        reply
		push, keyset int // requests
		took         time.Duration
	}{
		"lost":          {lost, 1, 3, 750 * time.Millisecond},
		"502":           {broken, 1, 3, 750 * time.Millisecond},
		"503":           {down, 3, 3, 8 * time.Second},
		"503 for long":  {longer, 1, 1, 0},
		"no connection": {unmade, 3, 3, 750 * time.Millisecond},
		"refused":       {refuse(400, "invalid_request", ""), 1, 1, 0},
		"429":           {refuse(429, "invalid_grant", ""), 1, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOrg(t)
				o.on("/primary-authenticate", then(c.first))
				if _, err := o.client(t).Push(t.Context(), ada); err == nil || len(o.asked) != c.push {
					t.Errorf("push: %d requests, want %d; %v", len(o.asked), c.push, err)
				}
				o.asked = nil
				start := time.Now()
				if _, err := o.client(t).WebAuthn(t.Context(), ada); err == nil || len(o.asked) != c.keyset || time.Since(start) != c.took {
					t.Errorf("WebAuthn: %d requests in %v, want %d in %v; %v", len(o.asked), time.Since(start), c.keyset, c.took, err)
				}
				o.asked = nil
				if _, err := o.client(t, func(cfg *directauth.Config) { cfg.Retries = -1 }).WebAuthn(t.Context(), ada); err == nil || len(o.asked) != 1 {
					t.Errorf("without repetitions: %d requests; %v", len(o.asked), err)
				}
			})
		})
	}
	o := newOrg(t)
	o.on("/primary-authenticate", then(unmade, pushed(nil)))
	if _, err := o.client(t).Push(t.Context(), ada); err != nil {
		t.Errorf("the second time: %v", err)
	}
}

func TestPasswordThenChallenge(t *testing.T) {
	o := newOrg(t)
	o.on("/token", then(mfaRequired()))
	c := o.client(t)
	_, err := c.Password(t.Context(), ada, "right")
	var more *directauth.MFARequired
	if !errors.As(err, &more) || more.Token != mfaToken || !slices.Equal(more.Challenges, []directauth.ChallengeType{directauth.ChallengeOTP, directauth.ChallengeOOB}) {
		t.Fatalf("%v", err)
	}
	o.on("/challenge", then(answer(object{"challenge_type": directauth.ChallengeOOB, "oob_code": "c2", "channel": "push", "binding_method": "transfer", "binding_code": 95, "expires_in": 300, "interval": 5})))
	got, err := c.Challenge(t.Context(), more.Token, more.Challenges...)
	if err != nil || got.Type != directauth.ChallengeOOB || got.OOB.Code != "c2" || got.OOB.BindingCode != "95" || got.OOB.MFAToken != mfaToken {
		t.Errorf("%q, %q, %q: %v", got.Type, got.OOB.Code, got.OOB.MFAToken, err)
	}
	o.wantForm(t, map[string]string{"mfa_token": mfaToken, "channel_hint": "push", "challenge_types_supported": string(directauth.ChallengeOTP + " " + directauth.ChallengeOOB)})
	o.on("/challenge", then(answer(object{"challenge_type": directauth.ChallengeOTP})))
	if got, err := c.Challenge(t.Context(), mfaToken, directauth.ChallengeOTP); err != nil || got.Type != directauth.ChallengeOTP {
		t.Errorf("%q: %v", got.Type, err)
	}
	o.wantForm(t, map[string]string{"mfa_token": mfaToken, "challenge_types_supported": string(directauth.ChallengeOTP)})
	if got, err := c.Challenge(t.Context(), mfaToken, directauth.ChallengeOOB); !errors.Is(err, directauth.ErrAnswer) {
		t.Errorf("a type that was not asked for: %q, %v", got.Type, err)
	}
	o.on("/challenge", then(answer(object{"challenge_type": directauth.ChallengeOOB, "oob_code": "c3", "channel": "sms", "binding_method": "prompt", "expires_in": 300})))
	sms, err := c.ChallengeOutOfBand(t.Context(), mfaToken, directauth.ChannelSMS)
	if err != nil || sms.Binding != directauth.BindingPrompt || sms.MFAToken != mfaToken || sms.Channel != "sms" {
		t.Errorf("%q, %v", sms.Binding, err)
	}
	o.on("/challenge", then(refuse(403, "access_denied", "`"+mfaToken+"` has expired. Use a new `oob_code` or `mfa_token` and try again.")))
	if _, err := c.Challenge(t.Context(), mfaToken); !errors.Is(err, directauth.ErrExpired) {
		t.Errorf("expired: %v", err)
	}
}

func TestWebAuthnChallenge(t *testing.T) {
	encoded := base64.RawURLEncoding.EncodeToString([]byte("test-challenge"))
	full := object{"challengeType": directauth.ChallengeWebAuthn, "publicKey": object{"challenge": encoded, "rpId": "example.okta.com", "timeout": 60000, "userVerification": "required",
		"allowCredentials": []object{{"type": "public-key", "id": "Y3JlZC0x"}, {"type": "public-key", "id": "Y3JlZC0y"}}}, "authenticatorEnrollments": []object{{"credentialId": "x"}}}
	o := newOrg(t)
	o.on("/challenge", then(answer(full)))
	got, err := o.client(t).Challenge(t.Context(), mfaToken)
	w := got.WebAuthn
	if err != nil || got.Type != directauth.ChallengeWebAuthn || string(w.Challenge) != "test-challenge" || w.RPID != "example.okta.com" || len(w.CredentialIDs) != 2 ||
		string(w.CredentialIDs[1]) != "cred-2" || w.Timeout != time.Minute || w.UserVerification != "required" || w.MFAToken != mfaToken {
		t.Errorf("%q, %q, %q: %v", w.Challenge, w.RPID, w.CredentialIDs, err)
	}
	for name, c := range map[string]struct {
		key  object
		rpID string // "" is refused
	}{
		"the issuer's host":  {object{"challenge": encoded + "=="}, "org.example"},
		"the U2F app's host": {object{"challenge": encoded, "extensions": object{"appid": "https://old.example:8443/app"}}, "old.example"},
		"no challenge":       {object{"rpId": "org.example"}, ""},
		"not base64url":      {object{"challenge": "a+b/"}, ""},
		"no host name":       {object{"challenge": encoded, "rpId": "https://evil.example/"}, ""},
		"an endless one":     {object{"challenge": strings.Repeat("A", 2000)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o.on("/primary-authenticate", then(answer(object{"publicKey": c.key})))
			w, err := o.client(t).WebAuthn(t.Context(), ada)
			if w.RPID != c.rpID || (c.rpID == "") != errors.Is(err, directauth.ErrAnswer) || c.rpID != "" && (string(w.Challenge) != "test-challenge" || w.UserVerification != "preferred") {
				t.Errorf("%q, %q: %v", w.RPID, w.Challenge, err)
			}
			o.wantForm(t, map[string]string{"login_hint": ada, "challenge_hint": "urn:okta:params:oauth:grant-type:webauthn"})
		})
	}
}

// TestRefusals: what a refusal of a first request means, by status, code and
// text, in both shapes of body and in none.
func TestRefusals(t *testing.T) {
	okta := func(status int, code, summary string) reply {
		return reply{status: status, body: text(object{"errorCode": code, "errorSummary": summary, "errorId": "sample123", "errorCauses": []object{}})}
	}
	for name, c := range map[string]struct {
		reply reply
		want  error
		code  string
	}{
		"not assigned":           {refuse(400, "access_denied", "User isn't assigned to the client app."), directauth.ErrNotAssigned, "access_denied"},
		"not enrolled":           {refuse(403, "access_denied", "The required authenticator can't be used. Check if it's required by policy."), directauth.ErrNotEnrolled, "access_denied"},
		"not enrolled, typeset":  {refuse(403, "access_denied", "The required authenticator can’t be used."), directauth.ErrNotEnrolled, "access_denied"},
		"grant off":              {refuse(400, "unauthorized_client", "The client isn't authorized"), directauth.ErrClient, "unauthorized_client"},
		"wrong secret":           {refuse(401, "invalid_client", "The client secret supplied for a confidential client is invalid."), directauth.ErrClient, "invalid_client"},
		"too many, OAuth":        {refuse(429, "invalid_grant", "API call exceeded the rate limit due to too many requests."), directauth.ErrRateLimited, "invalid_grant"},
		"too many, Okta":         {okta(429, "E0000047", "You exceeded the maximum number of requests."), directauth.ErrRateLimited, "E0000047"},
		"too many, a page":       {reply{status: 429, body: "<html>slow down"}, directauth.ErrRateLimited, ""},
		"anything else":          {refuse(400, "invalid_request", "`foo` isn't supported as a `channel_hint`."), nil, "invalid_request"},
		"Okta's own failure":     {okta(500, "E0000009", "Internal Server Error"), nil, "E0000009"},
		"a code that is no code": {refuse(400, "line\nbreak", "x"), nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOrg(t)
			o.wrong = func(format string, args ...any) {
				if c.reply.status != 429 {
					t.Errorf(format, args...)
				}
			}
			o.on("/primary-authenticate", then(c.reply))
			_, err := o.client(t).Push(t.Context(), ada)
			var e *directauth.Error
			if !errors.As(err, &e) || e.Status != c.reply.status || e.Code != c.code {
				t.Fatalf("%v: %+v", err, e)
			}
			for _, kind := range []error{directauth.ErrDenied, directauth.ErrExpired, directauth.ErrInvalidCredentials, directauth.ErrRateLimited, directauth.ErrClient, directauth.ErrNotAssigned, directauth.ErrNotEnrolled} {
				if errors.Is(err, kind) != (kind == c.want) {
					t.Errorf("%v is %v: %v", err, kind, errors.Is(err, kind))
				}
			}
			var silent *directauth.Unreachable
			if wasPage := c.code == "" && c.want == nil; errors.As(err, &silent) != wasPage {
				t.Errorf("%v: unreachable is %v", err, !wasPage)
			}
		})
	}
}

func TestAnswersAreBounded(t *testing.T) {
	for name, body := range map[string]string{
		"endless":          `{"oob_code":"c","pad":"` + strings.Repeat("x", 64<<10) + `"}`,
		"a page":           "<!doctype html><title>Hotel</title>",
		"an array":         `["oob_code"]`,
		"nothing":          "",
		"two objects":      `{"oob_code":"c"}{}`,
		"an object, begun": `{"oob_code":"c"`,
	} {
		t.Run(name, func(t *testing.T) {
			o := newOrg(t)
			o.wrong = func(string, ...any) {}
			o.on("/primary-authenticate", then(reply{status: 200, body: body}))
			_, err := o.client(t).Push(t.Context(), ada)
			var silent *directauth.Unreachable
			if !errors.As(err, &silent) || silent.Kind != directauth.NotJSON {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestEndlessAnswer: no more is read of an answer than it may have.
func TestEndlessAnswer(t *testing.T) {
	read := 0
	endless := tripper(func(req *http.Request) (*http.Response, error) {
		body := reader(func(p []byte) (int, error) {
			if read += len(p); read > 1<<20 {
				return 0, errors.New("it reads on and on")
			}
			return copy(p, bytes.Repeat([]byte(" "), len(p))), nil
		})
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(body), Request: req}, nil
	})
	err := newOrg(t).client(t, func(cfg *directauth.Config) { cfg.HTTP = &http.Client{Transport: endless} }).Reach(t.Context())
	unreachable(t, err, directauth.NotJSON, "more than 64 KiB")
}

type reader func([]byte) (int, error)

func (f reader) Read(p []byte) (int, error) { return f(p) }

// TestPasswordThatHasExpired is no code that has: starting anew is no help.
func TestPasswordThatHasExpired(t *testing.T) {
	o := newOrg(t)
	o.on("/token", then(refuse(400, "invalid_grant", "The password has expired.")))
	if _, err := o.client(t).Password(t.Context(), ada, "old"); !errors.Is(err, directauth.ErrInvalidCredentials) || errors.Is(err, directauth.ErrExpired) || !strings.Contains(err.Error(), "password has expired") {
		t.Error(err)
	}
}

func TestTokenAnswers(t *testing.T) {
	for name, change := range map[string]func(object){
		"no access token":  func(o object) { delete(o, "access_token") },
		"another type":     func(o object) { o["token_type"] = "N_A" },
		"a line break":     func(o object) { o["access_token"] = "a\r\nb" },
		"another shape":    func(o object) { o["expires_in"] = object{} },
		"a token in a box": func(o object) { o["access_token"] = object{} },
	} {
		t.Run(name, func(t *testing.T) {
			o := newOrg(t)
			o.wrong = func(string, ...any) {}
			o.on("/token", func(form url.Values) reply {
				good := object{"token_type": "Bearer", "expires_in": 3600, "access_token": "a", "id_token": o.idToken(form)}
				change(good)
				return answer(good)
			})
			if tokens, err := o.client(t).OTP(t.Context(), ada, "012345"); !errors.Is(err, directauth.ErrAnswer) || tokens.AccessToken != "" {
				t.Errorf("%v", err)
			}
		})
	}
}
