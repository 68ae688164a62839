package directauth_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-mfa/latchkey/pkg/directauth"
)

const oobGrant = "urn:okta:params:oauth:grant-type:oob"

func TestPush(t *testing.T) {
	for name, c := range map[string]struct {
		answer reply
		want   directauth.OOB
	}{
		"a tap": {pushed(nil), directauth.OOB{Code: "the-oob-code", ExpiresIn: 300 * time.Second, Interval: 5 * time.Second, Channel: "push", Binding: "none"}},
		"a number as text": {pushed(object{"binding_method": "transfer", "binding_code": "07"}),
			directauth.OOB{Code: "the-oob-code", ExpiresIn: 300 * time.Second, Interval: 5 * time.Second, Channel: "push", Binding: "transfer", BindingCode: "07"}},
		"a number as a number": {pushed(object{"binding_method": "transfer", "binding_code": 95}),
			directauth.OOB{Code: "the-oob-code", ExpiresIn: 300 * time.Second, Interval: 5 * time.Second, Channel: "push", Binding: "transfer", BindingCode: "95"}},
		"a number that is not to be shown": {pushed(object{"binding_code": 95}),
			directauth.OOB{Code: "the-oob-code", ExpiresIn: 300 * time.Second, Interval: 5 * time.Second, Channel: "push", Binding: "none"}},
		"nothing but a code": {answer(object{"oob_code": "c"}),
			directauth.OOB{Code: "c", ExpiresIn: 300 * time.Second, Interval: 5 * time.Second, Channel: "push", Binding: "none"}},
		"absurd lengths": {pushed(object{"expires_in": 86400, "interval": 3600}),
			directauth.OOB{Code: "the-oob-code", ExpiresIn: 10 * time.Minute, Interval: time.Minute, Channel: "push", Binding: "none"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOrg(t)
			o.on("/primary-authenticate", then(c.answer))
			got, err := o.client(t).Push(t.Context(), ada)
			if err != nil || got != c.want {
				t.Errorf("%#v of %q, number %q, %v, %v; %v", got, got.Code, got.BindingCode, got.ExpiresIn, got.Interval, err)
			}
			o.wantForm(t, map[string]string{"login_hint": ada, "channel_hint": "push", "challenge_hint": oobGrant, "client_id": clientID, "client_secret": clientSecret})
		})
	}
}

func TestPushRefusesNonsense(t *testing.T) {
	for name, r := range map[string]reply{
		"no code":              answer(object{"channel": "push"}),
		"a code of two lines":  pushed(object{"oob_code": "a\nb"}),
		"an unknown binding":   {status: 200, body: `{"oob_code":"c","binding_method":"dance"}`},
		"an unknown channel":   {status: 200, body: `{"oob_code":"c","channel":"pigeon"}`},
		"no number to show":    pushed(object{"binding_method": "transfer"}),
		"a fractional number":  {status: 200, body: `{"oob_code":"c","binding_method":"transfer","binding_code":9.5}`},
		"an endless number":    {status: 200, body: `{"oob_code":"c","binding_method":"transfer","binding_code":"00000000000000000000"}`},
		"a number as an array": {status: 200, body: `{"oob_code":"c","binding_method":"transfer","binding_code":[1]}`},
		"a code as a number":   {status: 200, body: `{"oob_code":12}`},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOrg(t)
			o.wrong = func(string, ...any) {} // the answers are wrong on purpose
			o.on("/primary-authenticate", then(r))
			if got, err := o.client(t).Push(t.Context(), ada); !errors.Is(err, directauth.ErrAnswer) {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

// TestOlderOrg: the deprecated endpoint is for orgs that lack the other, and
// for no other refusal.
func TestOlderOrg(t *testing.T) {
	o := newOrg(t)
	o.on("/oob-authenticate", then(pushed(nil)))
	if got, err := o.client(t).Push(t.Context(), ada); err != nil || got.Code != "the-oob-code" {
		t.Errorf("%v", err)
	}
	o.on("/primary-authenticate", then(refuse(400, "access_denied", "User isn't assigned to the client app.")))
	if _, err := o.client(t).Push(t.Context(), ada); !errors.Is(err, directauth.ErrNotAssigned) || o.count("POST /oob-authenticate") != 1 {
		t.Errorf("%v after %q", err, o.asked)
	}
}

// awaiting runs Await in a bubble: time passes at once, as far as timers ask.
func awaiting(t *testing.T, oob directauth.OOB, tokenReplies func(o *org) func(url.Values) reply, check func(o *org, tokens directauth.Tokens, err error, took time.Duration)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := newOrg(t)
		o.on("/token", tokenReplies(o))
		c := o.client(t)
		start := time.Now()
		tokens, err := c.Await(t.Context(), oob)
		check(o, tokens, err, time.Since(start))
	})
}

func oob() directauth.OOB {
	return directauth.OOB{Code: "the-oob-code", ExpiresIn: 300 * time.Second, Interval: 5 * time.Second, Channel: "push", Binding: "none"}
}

// after answers so until that poll, and then with tokens.
func after(replies ...reply) func(o *org) func(url.Values) reply {
	return func(o *org) func(url.Values) reply {
		n := -1
		return func(form url.Values) reply {
			if n++; n < len(replies) {
				return replies[n]
			}
			return o.tokens(form)
		}
	}
}

// TestAwaitPace: when each poll is sent, by what the org said before.
func TestAwaitPace(t *testing.T) {
	slow := refuse(400, "slow_down", "")
	busy := reply{status: 429, body: text(object{"errorCode": "E0000047", "errorSummary": "You exceeded the maximum number of requests."})}
	waits := func(r reply, header, value string) reply {
		r.header = http.Header{header: {value}}
		return r
	}
	lost, broken := reply{err: errors.New("connection reset")}, reply{status: 502, body: "<html>bad gateway"}
	portal := reply{status: 200, body: "<html>Welcome to our hotel"}
	for name, c := range map[string]struct {
		replies []reply
		at      []int // seconds
	}{
		"at once":                  {nil, []int{5}},
		"pending":                  {[]reply{pending(), pending()}, []int{5, 10, 15}},
		"the other spelling":       {[]reply{refuse(400, "direct_auth_authorization_pending", "")}, []int{5, 10}},
		"slower and slower":        {[]reply{slow, pending(), slow}, []int{5, 15, 25, 40}},
		"connections lost":         {[]reply{lost, lost, pending()}, []int{5, 10, 15, 20}},
		"a gateway's error":        {[]reply{broken, pending()}, []int{5, 10, 15}},
		"a captive portal":         {[]reply{portal, pending()}, []int{5, 10, 15}},
		"too many requests":        {[]reply{busy, pending()}, []int{5, 15, 25}},
		"a wait that is asked for": {[]reply{waits(busy, "Retry-After", "30"), pending()}, []int{5, 35, 45}},
		"down for a while":         {[]reply{waits(reply{status: 503, body: "{}"}, "Retry-After", "20"), pending()}, []int{5, 25, 30}},
		"a reset by the clock":     {[]reply{waits(busy, "X-Rate-Limit-Reset", "946684850")}, []int{5, 50}}, // a bubble begins at 946684800
	} {
		t.Run(name, func(t *testing.T) {
			awaiting(t, oob(), after(c.replies...), func(o *org, tokens directauth.Tokens, err error, _ time.Duration) {
				signedIn(t, tokens, err)
				var at []int
				for i, request := range o.asked {
					if request == "POST /token" {
						at = append(at, int(o.sent[i].Unix()-946684800))
					}
				}
				if len(at) != len(c.at) {
					t.Fatalf("polled at %v, want %v", at, c.at)
				}
				for i := range at {
					if at[i] != c.at[i] {
						t.Fatalf("polled at %v, want %v", at, c.at)
					}
				}
			})
		})
	}
}

func TestAwaitOutcomes(t *testing.T) {
	const expired = "`the-oob-code` has expired. Use a new `oob_code` or `mfa_token` and try again."
	lost := reply{err: errors.New("connection reset")}
	for name, c := range map[string]struct {
		replies []reply
		want    error
		not     error
		took    time.Duration
	}{
		"refused, as access_denied":    {[]reply{pending(), refuse(400, "access_denied", "The user denied.")}, directauth.ErrDenied, directauth.ErrExpired, 10 * time.Second},
		"refused, as oob_rejected":     {[]reply{refuse(400, "oob_rejected", "")}, directauth.ErrDenied, nil, 5 * time.Second},
		"refused, as invalid_grant":    {[]reply{refuse(400, "invalid_grant", "")}, directauth.ErrDenied, directauth.ErrInvalidCredentials, 5 * time.Second},
		"too many, with invalid_grant": {[]reply{refuse(429, "invalid_grant", "API call exceeded the rate limit")}, nil, directauth.ErrDenied, 15 * time.Second},
		"expired at the org":           {[]reply{refuse(400, "access_denied", expired)}, directauth.ErrExpired, directauth.ErrDenied, 5 * time.Second},
		"expired, as in RFC 8628":      {[]reply{refuse(400, "expired_token", "")}, directauth.ErrExpired, nil, 5 * time.Second},
		"the app's secret":             {[]reply{refuse(401, "invalid_client", "")}, directauth.ErrClient, nil, 5 * time.Second},
		"not set up for it":            {[]reply{refuse(400, "unauthorized_client", "")}, directauth.ErrClient, nil, 5 * time.Second},
		"from the wrong network":       {[]reply{refuse(403, "access_denied", "The request is made from outside the client's permitted network zones.")}, nil, directauth.ErrDenied, 5 * time.Second},
		"an approval that was lost":    {[]reply{lost, refuse(400, "invalid_grant", "")}, directauth.ErrExpired, directauth.ErrDenied, 10 * time.Second},
		"refused after a lost poll":    {[]reply{lost, refuse(400, "access_denied", "")}, directauth.ErrDenied, nil, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			awaiting(t, oob(), after(c.replies...), func(_ *org, _ directauth.Tokens, err error, took time.Duration) {
				if c.want != nil && !errors.Is(err, c.want) || c.not != nil && errors.Is(err, c.not) || took != c.took {
					t.Errorf("%v after %v", err, took)
				}
			})
		})
	}
}

// TestAwaitEnds: at the code's end, and with what was heard last.
func TestAwaitEnds(t *testing.T) {
	always := func(r reply) func(*org) func(url.Values) reply {
		return func(*org) func(url.Values) reply { return then(r) }
	}
	awaiting(t, oob(), always(pending()), func(o *org, _ directauth.Tokens, err error, took time.Duration) {
		if !errors.Is(err, directauth.ErrExpired) || took != 300*time.Second || o.count("POST /token") < 59 {
			t.Errorf("%v after %v and %d polls", err, took, o.count("POST /token"))
		}
	})
	var silent *directauth.Unreachable
	awaiting(t, oob(), always(reply{err: errors.New("no route to host")}), func(_ *org, _ directauth.Tokens, err error, took time.Duration) {
		if !errors.Is(err, directauth.ErrExpired) || !errors.As(err, &silent) || silent.Kind != directauth.NoAnswer || took != 300*time.Second {
			t.Errorf("%v after %v", err, took)
		}
	})
	long := oob()
	long.ExpiresIn, long.Interval = 240*time.Hour, 0
	awaiting(t, long, always(pending()), func(o *org, _ directauth.Tokens, err error, took time.Duration) {
		if !errors.Is(err, directauth.ErrExpired) || took != 10*time.Minute || o.count("POST /token") > 120 {
			t.Errorf("%v after %v and %d polls", err, took, o.count("POST /token"))
		}
	})
}

// TestAwaitIsCanceledAtOnce, between polls and in the middle of one.
func TestAwaitIsCanceledAtOnce(t *testing.T) {
	for name, hang := range map[string]bool{"between polls": false, "in a request": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOrg(t)
				o.on("/token", then(pending()))
				c := o.client(t, func(cfg *directauth.Config) {
					if hang {
						cfg.HTTP = &http.Client{Transport: silence{}}
					}
				})
				ctx, cancel := context.WithTimeoutCause(t.Context(), 7*time.Second, errors.New("the person went back"))
				defer cancel()
				start := time.Now()
				if _, err := c.Await(ctx, oob()); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, directauth.ErrExpired) || time.Since(start) != 7*time.Second {
					t.Errorf("%v after %v", err, time.Since(start))
				}
			})
		})
	}
}

// silence takes a request and never answers.
type silence struct{}

func (silence) RoundTrip(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

// TestRequestTimeout: a request that hangs does not hold up a poll for longer,
// and is not taken for the caller's own deadline.
func TestRequestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOrg(t)
		c := o.client(t, func(cfg *directauth.Config) {
			cfg.HTTP, cfg.RequestTimeout = &http.Client{Transport: silence{}}, 3*time.Second
		})
		start := time.Now()
		_, err := c.OTP(t.Context(), ada, "123456")
		var silent *directauth.Unreachable
		if !errors.As(err, &silent) || silent.Kind != directauth.NoAnswer || errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 3*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// TestPollsOfASecondFactor carry both codes, and a nonce of their own each.
func TestPollsOfASecondFactor(t *testing.T) {
	second := oob()
	second.MFAToken = "the-mfa-token"
	nonces := map[string]bool{}
	awaiting(t, second, func(o *org) func(url.Values) reply {
		return func(form url.Values) reply {
			if nonces[form.Get("nonce")] = true; len(nonces) < 3 {
				return pending()
			}
			return o.tokens(form)
		}
	}, func(o *org, tokens directauth.Tokens, err error, _ time.Duration) {
		signedIn(t, tokens, err)
		if len(nonces) != 3 {
			t.Errorf("nonces %v", nonces)
		}
	})
}

// TestNoWrongWait: a code that is typed here is not polled for, and the other
// way round.
func TestNoWrongWait(t *testing.T) {
	o := newOrg(t)
	c, sms := o.client(t), oob()
	sms.Binding = directauth.BindingPrompt
	_, awaited := c.Await(t.Context(), sms)
	_, prompted := c.Prompted(t.Context(), oob(), "123456")
	_, empty := c.Await(t.Context(), directauth.OOB{})
	for _, err := range []error{awaited, prompted, empty} {
		var in *directauth.InputError
		if !errors.As(err, &in) || len(o.asked) != 0 {
			t.Errorf("%v, %q", err, o.asked)
		}
	}
}
