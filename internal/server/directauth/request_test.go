package directauth_test

import (
	"context"
	"database/sql"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/directauth"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// How a client is known, and what it is told when it is not.
func TestClients(t *testing.T) {
	o := newOrg(t)
	basic := func(id, secret string) http.Header {
		req := http.Request{Header: http.Header{}}
		req.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
		return req.Header
	}
	otp := func(pairs ...string) string {
		return fields(append([]string{"grant_type", grantOTP, "scope", "openid", "login_hint", amy, "otp", "x"}, pairs...)...).Encode()
	}
	const wrong, none = "The client secret supplied for a confidential client is invalid.", "No client credentials found"
	for name, c := range map[string]struct {
		body   string
		header http.Header
		status int
		code   string
		words  string
	}{
		"in the header":    {otp(), basic(o.id, o.secret), 400, "invalid_grant", "The credentials provided were invalid."},
		"and the same id":  {otp("client_id", o.id), basic(o.id, o.secret), 400, "invalid_grant", "The credentials provided were invalid."},
		"and another id":   {otp("client_id", "x"), basic(o.id, o.secret), 401, "invalid_client", "Invalid value for the `client_id` parameter"},
		"wrong":            {otp("client_id", o.id, "client_secret", "x"), nil, 401, "invalid_client", wrong},
		"wrong, basic":     {otp(), basic(o.id, "x"), 401, "invalid_client", wrong},
		"unknown":          {otp("client_id", "x", "client_secret", o.secret), nil, 401, "invalid_client", wrong},
		"none":             {otp(), nil, 401, "invalid_client", none},
		"no secret":        {otp("client_id", o.id), nil, 401, "invalid_client", none},
		"both":             {otp("client_secret", o.secret), basic(o.id, o.secret), 400, "invalid_request", "Can't supply multiple client credentials. Use one of the following: credentials in the Authorization header, credentials in the post body, or a `client_assertion` in the post body."},
		"a bearer":         {otp(), http.Header{"Authorization": {"Bearer x"}}, 401, "invalid_client", none},
		"an assertion":     {otp("client_assertion", "x"), nil, 401, "invalid_client", "The client authentication method isn't supported. Use a client secret."},
		"escaped nonsense": {otp(), http.Header{"Authorization": {"Basic JTo="}}, 401, "invalid_client", none},
	} {
		a := o.send(&o.mac, "/oauth2/v1/token", c.body, c.header)
		if a.Status != c.status || a.Error != c.code || a.Description != c.words {
			t.Errorf("%s: %d %s", name, a.Status, a.Raw)
		}
		o.Pass(time.Second)
	}
	if n := len(o.Events(systemlog.TokenRefuse)); n != 1 {
		t.Errorf("%d events of refused clients within a minute, want 1", n)
	}
	o.Update(func(tx *sql.Tx) error {
		_, err := directauth.RevokeClient(context.Background(), tx, o.id, o.Now())
		return err
	})
	o.is(o.byOTP(amy, o.code()), 401, "invalid_client")
}

// What is malformed is refused with the reason, and quotes nothing that is
// secret.
func TestMalformed(t *testing.T) {
	o := newOrg(t)
	credentials := "&" + fields("client_id", o.id, "client_secret", o.secret).Encode()
	for name, c := range map[string]struct {
		path, body string
		status     int
		code       string
	}{
		"no grant":          {"token", "", 400, "invalid_request"},
		"no assertion":      {"token", "grant_type=urn:okta:params:oauth:grant-type:webauthn&scope=openid", 400, "invalid_request"},
		"a bad assertion":   {"token", "grant_type=urn:okta:params:oauth:grant-type:webauthn&scope=openid&authenticatorData=AA&clientDataJSON=e30&signature=AA", 400, "invalid_grant"},
		"no base64":         {"token", "grant_type=urn:okta:params:oauth:grant-type:webauthn&scope=openid&authenticatorData=AA&clientDataJSON=e30&signature=!", 400, "invalid_grant"},
		"no token of a key": {"token", "grant_type=urn:okta:params:oauth:grant-type:mfa-webauthn&authenticatorData=AA&clientDataJSON=e30&signature=AA", 400, "invalid_request"},
		"an unknown challenge": {"token", "grant_type=urn:okta:params:oauth:grant-type:webauthn&scope=openid&authenticatorData=AA&clientDataJSON=" +
			base64.RawURLEncoding.EncodeToString([]byte(`{"challenge":"AAAA"}`)) + "&signature=AA", 400, "expired_token"},
		"another grant":     {"token", "grant_type=authorization_code&code=x", 400, "unsupported_grant_type"},
		"no scope":          {"token", "grant_type=password&username=amy&password=x", 400, "invalid_scope"},
		"no code":           {"token", "grant_type=" + grantOTP + "&scope=openid&login_hint=amy", 400, "invalid_request"},
		"no login":          {"token", "grant_type=" + grantOTP + "&scope=openid&otp=123456", 400, "invalid_request"},
		"a long nonce":      {"token", "grant_type=" + grantOTP + "&scope=openid&otp=123456&login_hint=amy&nonce=" + strings.Repeat("n", 300), 400, "invalid_request"},
		"twice":             {"token", "grant_type=password&grant_type=password", 400, "invalid_request"},
		"no text":           {"token", "grant_type=%ff", 400, "invalid_request"},
		"no form":           {"token", "%zz", 400, "invalid_request"},
		"many":              {"token", strings.Repeat("&a=", 1) + manyFields(), 400, "invalid_request"},
		"long":              {"token", "otp=" + strings.Repeat("1", 5000), 400, "invalid_request"},
		"too large":         {"token", "otp=" + strings.Repeat("1", 17<<10), 413, ""},
		"a bad channel":     {"primary-authenticate", "login_hint=amy&channel_hint=sms&challenge_hint=" + grantOOB, 400, "invalid_request"},
		"no channel":        {"primary-authenticate", "login_hint=amy&challenge_hint=" + grantOOB, 400, "invalid_request"},
		"a bad challenge":   {"primary-authenticate", "login_hint=amy&channel_hint=push&challenge_hint=urn:okta:params:oauth:grant-type:otp", 400, "invalid_request"},
		"nobody":            {"primary-authenticate", "channel_hint=push&challenge_hint=" + grantOOB, 400, "invalid_request"},
		"no token":          {"challenge", "", 400, "invalid_request"},
		"an unknown token":  {"challenge", "mfa_token=x", 400, "access_denied"},
		"an unknown code":   {"token", "grant_type=" + grantOOB + "&scope=openid&oob_code=x", 400, "access_denied"},
		"an unknown mfa":    {"token", "grant_type=" + mfaOTP + "&otp=123456&mfa_token=x", 400, "access_denied"},
		"an unknown oob":    {"token", "grant_type=" + mfaOOB + "&oob_code=x&mfa_token=x", 400, "access_denied"},
		"SQL":               {"token", "grant_type=" + grantOTP + "&scope=openid&otp=123456&login_hint=" + url.QueryEscape(`' OR 1=1 --`), 400, "invalid_grant"},
		"HTML":              {"primary-authenticate", "login_hint=amy&channel_hint=" + url.QueryEscape("<script>`\n") + "&challenge_hint=" + grantOOB, 400, "invalid_request"},
		"SQL as an oob":     {"token", "grant_type=" + grantOOB + "&scope=openid&oob_code=" + url.QueryEscape(`x' OR '1'='1`), 400, "access_denied"},
		"a pattern of amys": {"primary-authenticate", "login_hint=" + url.QueryEscape("a%") + "&channel_hint=push&challenge_hint=" + grantOOB, 403, "access_denied"},
	} {
		a := o.send(&o.mac, "/oauth2/v1/"+c.path, c.body+credentials, nil)
		if a.Status != c.status || a.Error != c.code {
			t.Errorf("%s: %d %s", name, a.Status, a.Raw)
		}
		if strings.Contains(a.Raw, "<") || len(a.Raw) > 600 {
			t.Errorf("%s: %s", name, a.Raw)
		}
		o.Pass(time.Second)
	}
	a := o.send(&o.mac, "/oauth2/v1/token", `{"grant_type":"password"}`, http.Header{"Content-Type": {"application/json"}})
	o.is(a, 400, "invalid_request")
}

func manyFields() string {
	v := url.Values{}
	for n := range 40 {
		v.Set(fmt.Sprint("f", n), "x")
	}
	return v.Encode()
}
