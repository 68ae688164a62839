package directauth_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/latchkey-mfa/latchkey/pkg/directauth"
)

func noConnection() error { return &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED} }

func TestConfigNamesItsField(t *testing.T) {
	good := directauth.Config{Issuer: "https://org.example", ClientID: "id", ClientSecret: "s"}
	for name, c := range map[string]struct {
		change func(*directauth.Config)
		field  string // "" is taken
	}{
		"good":                  {func(*directauth.Config) {}, ""},
		"a slash at the end":    {func(c *directauth.Config) { c.Issuer += "/" }, ""},
		"a custom server":       {func(c *directauth.Config) { c.Issuer += "/oauth2/default" }, ""},
		"loopback without TLS":  {func(c *directauth.Config) { c.Issuer = "http://127.0.0.1:8080" }, ""},
		"localhost without TLS": {func(c *directauth.Config) { c.Issuer = "http://localhost:8080" }, ""},
		"no issuer":             {func(c *directauth.Config) { c.Issuer = "" }, "Issuer"},
		"no TLS":                {func(c *directauth.Config) { c.Issuer = "http://org.example" }, "Issuer"},
		"not really localhost":  {func(c *directauth.Config) { c.Issuer = "http://localhost.evil.example" }, "Issuer"},
		"no host":               {func(c *directauth.Config) { c.Issuer = "https:///x" }, "Issuer"},
		"a name and password":   {func(c *directauth.Config) { c.Issuer = "https://a:b@org.example" }, "Issuer"},
		"a query":               {func(c *directauth.Config) { c.Issuer += "?x" }, "Issuer"},
		"another scheme":        {func(c *directauth.Config) { c.Issuer = "ftp://org.example" }, "Issuer"},
		"a base without TLS":    {func(c *directauth.Config) { c.BaseURL = "http://devices.org.example/oauth2/v1" }, "BaseURL"},
		"no id":                 {func(c *directauth.Config) { c.ClientID = "" }, "ClientID"},
		"no secret":             {func(c *directauth.Config) { c.ClientSecret = "" }, "ClientSecret"},
		"a secret of two lines": {func(c *directauth.Config) { c.ClientSecret = "a\nb" }, "ClientSecret"},
		"two scopes in one":     {func(c *directauth.Config) { c.Scopes = []string{"openid profile"} }, "Scopes"},
		"no scopes":             {func(c *directauth.Config) { c.Scopes = []string{} }, "Scopes"},
		"many repetitions":      {func(c *directauth.Config) { c.Retries = 11 }, "Retries"},
		"a long request":        {func(c *directauth.Config) { c.RequestTimeout = time.Hour }, "RequestTimeout"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good
			c.change(&cfg)
			_, err := directauth.New(cfg)
			var in *directauth.InputError
			if c.field == "" && err != nil || c.field != "" && (!errors.As(err, &in) || in.Field != c.field) {
				t.Errorf("%v, want %q", err, c.field)
			}
		})
	}
}

// TestWhereAndAs: endpoints of each kind of server, and both ways to show the
// app's secret.
func TestWhereAndAs(t *testing.T) {
	for name, c := range map[string]struct{ issuer, base, prefix string }{
		"the org's own":    {"https://org.example", "", "/oauth2/v1"},
		"a custom one":     {"https://org.example/oauth2/default", "", "/oauth2/default/v1"},
		"another host":     {"https://org.example", "https://devices.org.example/oauth2/v1/", "/oauth2/v1"},
		"below some path":  {"https://org.example/tenant", "", "/tenant/oauth2/v1"},
		"a slash too many": {"https://org.example/oauth2/default/", "", "/oauth2/default/v1"},
	} {
		for _, basic := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, basic %v", name, basic), func(t *testing.T) {
				o := newOrg(t)
				o.prefix = c.prefix
				o.issuer = strings.TrimSuffix(c.issuer, "/")
				o.signsIn("/token")
				client := o.client(t, func(cfg *directauth.Config) { cfg.Issuer, cfg.BaseURL, cfg.Basic = c.issuer, c.base, basic })
				if err := client.Reach(t.Context()); err != nil || o.auth != "" {
					t.Errorf("%v, credentials %q", err, o.auth)
				}
				o.on("/primary-authenticate", then(pushed(nil)))
				if _, err := client.Push(t.Context(), ada); err != nil {
					t.Error(err)
				}
				want := "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(clientID)+":"+url.QueryEscape(clientSecret)))
				if inForm := o.last.Has("client_secret") || o.last.Has("client_id"); inForm == basic || basic != (o.auth == want) {
					t.Errorf("in the form: %v; header %q", inForm, o.auth)
				}
				tokens, err := client.OTP(t.Context(), ada, "012345")
				signedIn(t, tokens, err)
			})
		}
	}
}

// TestGivenClientIsTamed: no redirect is followed and no cookie goes along,
// whatever client is given; and it is left as it was.
func TestGivenClientIsTamed(t *testing.T) {
	o := newOrg(t)
	jar := made(cookiejar.New(nil))
	jar.SetCookies(made(url.Parse(o.issuer)), []*http.Cookie{{Name: "sid", Value: "someone"}})
	var cookies string
	given := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return nil }, Transport: tripper(func(req *http.Request) (*http.Response, error) {
		cookies += req.Header.Get("Cookie")
		return o.RoundTrip(req)
	})}
	o.on("/token", then(reply{status: 307, header: http.Header{"Location": {"https://evil.example/oauth2/v1/token"}}}))
	_, err := o.client(t, func(cfg *directauth.Config) { cfg.HTTP = given }).OTP(t.Context(), ada, "012345")
	var silent *directauth.Unreachable
	if !errors.As(err, &silent) || silent.Kind != directauth.Redirect || !strings.Contains(err.Error(), "evil.example") || len(o.asked) != 1 || cookies != "" || given.Jar == nil {
		t.Errorf("%v, %q, cookies %q", err, o.asked, cookies)
	}
}

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// TestArguments are looked at before anything is sent.
func TestArguments(t *testing.T) {
	o := newOrg(t)
	c, ctx := o.client(t), t.Context()
	long := strings.Repeat("a", 257)
	for field, errs := range map[string][]error{
		"user":     {second(c.Push(ctx, "")), second(c.Push(ctx, long)), second(c.OTP(ctx, "a\x00b", "1")), second(c.Password(ctx, "a\u0085", "p")), second(c.WebAuthn(ctx, "\xff"))},
		"code":     {second(c.OTP(ctx, ada, "")), second(c.OTP(ctx, ada, "1\n2")), second(c.AnswerOTP(ctx, mfaToken, long))},
		"password": {second(c.Password(ctx, ada, "")), second(c.Password(ctx, ada, strings.Repeat("p", 1025)))},
		"mfaToken": {second(c.AnswerOTP(ctx, "", "1")), second(c.Challenge(ctx, "\n"))},
		"types":    {second(c.Challenge(ctx, mfaToken, "carrier-pigeon"))},
		"channel":  {second(c.OutOfBand(ctx, ada, "carrier-pigeon")), second(c.ChallengeOutOfBand(ctx, mfaToken, ""))},
		"Assertion.Signature": {second(c.AnswerWebAuthn(ctx, directauth.WebAuthnChallenge{},
			directauth.Assertion{AuthenticatorData: []byte("a"), ClientDataJSON: []byte("c")}))},
	} {
		for _, err := range errs {
			var in *directauth.InputError
			if !errors.As(err, &in) || in.Field != field || strings.Contains(err.Error(), long) {
				t.Errorf("%s: %v", field, err)
			}
		}
	}
	if len(o.asked) != 0 {
		t.Errorf("%q was sent", o.asked)
	}
}

func second[T any](_ T, err error) error { return err }

// TestSecretsDoNotPrint, whatever prints them.
func TestSecretsDoNotPrint(t *testing.T) {
	const secret = "s3cr3t"
	handle := directauth.OOB{Code: secret, MFAToken: secret}
	client := made(directauth.New(directauth.Config{Issuer: "https://org.example", ClientID: "id", ClientSecret: secret}))
	for _, v := range []any{
		directauth.Config{ClientSecret: secret}, client, handle, &handle, directauth.Tokens{AccessToken: secret, IDToken: secret, RefreshToken: secret},
		&directauth.MFARequired{Token: secret}, directauth.MFARequired{Token: secret}, directauth.WebAuthnChallenge{MFAToken: secret},
		directauth.Assertion{Signature: []byte(secret)}, directauth.Challenged{OOB: handle, WebAuthn: directauth.WebAuthnChallenge{MFAToken: secret}},
	} {
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
		raw, err := json.Marshal(v)
		all := fmt.Sprintf("%v %+v %#v %s %q", v, v, v, v, v) + log.String() + string(raw)
		if _, ok := v.(*directauth.Client); !ok && err != nil {
			t.Errorf("%T: %v", v, err)
		}
		if strings.Contains(all, secret) || strings.Contains(all, fmt.Sprint([]byte(secret))) || strings.Contains(all, base64.StdEncoding.EncodeToString([]byte(secret))) {
			t.Errorf("%T prints %s", v, all)
		}
	}
}

// TestRefusalsRepeatNothing: an org that repeats what it was sent does not get
// it into an error, and the meaning stays.
func TestRefusalsRepeatNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		otp := rapid.StringMatching(`[A-Za-z0-9&+ %<"]{6,20}`).Draw(rt, "otp")
		wrap := rapid.SampledFrom([]func(string) string{func(s string) string { return s }, url.QueryEscape, url.PathEscape, html.EscapeString}).Draw(rt, "escape")
		o := newOrg(t)
		o.wrong = func(string, ...any) {}
		o.on("/token", then(refuse(400, "invalid_grant", "The code "+wrap(otp)+" or "+wrap(clientSecret)+" is wrong"), reply{status: 302, header: http.Header{"Location": {"https://h/"}}, body: otp},
			reply{status: 400, header: http.Header{"Content-Type": {otp}}, body: otp}, reply{status: 200, header: http.Header{"Content-Type": {otp}}, body: otp}))
		c := o.client(t)
		for i := range 4 {
			_, err := c.OTP(t.Context(), ada, otp)
			if all := fmt.Sprintf("%v %+v %#v", err, err, err); err == nil || strings.Contains(all, otp) || strings.Contains(all, wrap(otp)) || strings.Contains(all, clientSecret) {
				rt.Fatalf("%s", all)
			}
			if i == 0 && !errors.Is(err, directauth.ErrInvalidCredentials) {
				rt.Fatalf("%v", err)
			}
		}
	})
}

// TestNoLineBreaksInErrors: a log line cannot be forged by the org.
func TestNoLineBreaksInErrors(t *testing.T) {
	o := newOrg(t)
	o.on("/token", then(refuse(400, "invalid_request", "x\r\n2026-01-01 all is well\u2028\x1b[2J"+strings.Repeat("é", 600))))
	_, err := o.client(t).OTP(t.Context(), ada, "012345")
	if strings.ContainsAny(err.Error(), "\r\n\x1b\u2028") || len(err.Error()) > 700 || !strings.Contains(err.Error(), "all is well") {
		t.Errorf("%q", err)
	}
}
