package directauth

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Defaults of Config.
const (
	DefaultRetries        = 2
	DefaultRequestTimeout = 10 * time.Second
)

// Config says which org a Client talks to, and as which app. It prints as a
// placeholder, since it holds the app's secret.
type Config struct {
	// Issuer is the authorization server as its ID tokens name it:
	// "https://org.example" (the org's own) or
	// "https://org.example/oauth2/default" (a custom one). https only; http is
	// taken for a loopback address, for tests. Required.
	Issuer string
	// BaseURL is where the endpoints are, e.g.
	// "https://devices.org.example/oauth2/v1". "" is Issuer+"/oauth2/v1" for an
	// org's own server, and Issuer+"/v1" for a custom one.
	BaseURL string
	// ClientID and ClientSecret are the app's. Both are required: the API wants
	// client authentication with every request.
	ClientID, ClientSecret string
	// Basic sends them in the Authorization header (client_secret_basic)
	// instead of the form (client_secret_post).
	Basic bool
	// Scopes to ask for; nil is openid and profile. Without openid there is no
	// ID token, and so no word on who signed in.
	Scopes []string
	// HTTP sends the requests; nil is a client of this one's own, with the
	// proxy of the environment and TLS 1.2 or newer. Whatever is given, its
	// redirects are not followed and its cookies are not used: a session of one
	// person must not answer for the next.
	HTTP *http.Client
	// Now is the time by which ID tokens are judged, with two minutes of
	// leeway; nil is time.Now.
	Now func() time.Time
	// Retries is how often a call repeats a request, where it may (see the
	// package's comment): 0 is DefaultRetries, -1 never; at most 10.
	Retries int
	// RequestTimeout bounds one request, from dialling to the end of the
	// answer: 0 is DefaultRequestTimeout; at most a minute.
	RequestTimeout time.Duration
	// RequireNonce refuses an ID token that does not carry the nonce of its
	// request. One that carries another is always refused. It is off by
	// default, as the API's description does not promise the echo.
	RequireNonce bool
}

// InputError: a field of the Config, or an argument, is not what it must be.
// Nothing was sent.
type InputError struct {
	Field   string // as it is spelled in Config, or the argument's name
	Problem string // what is wrong with it; never the value
}

func (e *InputError) Error() string { return "directauth: " + e.Field + " " + e.Problem }

// Client talks to one authorization server as one app.
type Client struct {
	issuer, base string
	host         string // the issuer's, without its port
	id, secret   string
	basic        bool
	scopes       []string
	http         *http.Client
	now          func() time.Time
	retries      int
	timeout      time.Duration
	nonce        bool
	keys         keyCache
}

// New checks a Config and sends nothing. The error is an *InputError.
func New(cfg Config) (*Client, error) {
	issuer, err := address("Issuer", cfg.Issuer)
	if err != nil {
		return nil, err
	}
	base := endpoints(issuer)
	if cfg.BaseURL != "" {
		if base, err = address("BaseURL", cfg.BaseURL); err != nil {
			return nil, err
		}
	}
	if err := cfg.check(); err != nil {
		return nil, err
	}
	c := &Client{issuer: issuer.String(), host: issuer.Hostname(), base: base.String(), id: cfg.ClientID, secret: cfg.ClientSecret,
		basic: cfg.Basic, scopes: slices.Clone(cfg.Scopes), http: quiet(cfg.HTTP), now: cfg.Now, retries: max(cfg.Retries, 0),
		timeout: cfg.RequestTimeout, nonce: cfg.RequireNonce, keys: keyCache{lock: make(chan struct{}, 1)}}
	if c.scopes == nil {
		c.scopes = []string{"openid", "profile"}
	}
	if c.now == nil {
		c.now = time.Now
	}
	if cfg.Retries == 0 {
		c.retries = DefaultRetries
	}
	if c.timeout == 0 {
		c.timeout = DefaultRequestTimeout
	}
	return c, nil
}

// check is about the fields that are no addresses.
func (cfg Config) check() error {
	for _, f := range []struct{ name, value string }{{"ClientID", cfg.ClientID}, {"ClientSecret", cfg.ClientSecret}} {
		if err := plain(f.name, f.value, 1024); err != nil {
			return err
		}
	}
	for _, scope := range cfg.Scopes {
		if scope == "" || strings.ContainsFunc(scope, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
			return &InputError{"Scopes", "has one that is empty or has characters that RFC 6749 does not allow in a scope"}
		}
	}
	switch {
	case cfg.Scopes != nil && len(cfg.Scopes) == 0:
		return &InputError{"Scopes", "is empty: leave it nil for openid and profile"}
	case cfg.Retries < -1 || cfg.Retries > 10:
		return &InputError{"Retries", "must be from -1 to 10"}
	case cfg.RequestTimeout < 0 || cfg.RequestTimeout > time.Minute:
		return &InputError{"RequestTimeout", "must be at most a minute, and not negative"}
	}
	return nil
}

// address reads a URL that requests, with secrets, are sent below.
func address(field, text string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(text, "/"))
	switch {
	case text == "":
		return nil, &InputError{field, "is missing"}
	case err != nil || u.Opaque != "" || u.Hostname() == "":
		return nil, &InputError{field, "is not a URL"}
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, &InputError{field, "may have a host, a port and a path only"}
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return nil, &InputError{field, "must begin with https://"}
	}
	return u, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// endpoints are where an issuer has them: a custom authorization server is
// named by /oauth2/{id}.
func endpoints(issuer *url.URL) *url.URL {
	if strings.HasPrefix(issuer.Path, "/oauth2/") {
		return issuer.JoinPath("v1")
	}
	return issuer.JoinPath("oauth2", "v1")
}

// quiet is a client that follows no redirect, which would carry what was sent
// to whoever names an address, and keeps no cookies.
func quiet(given *http.Client) *http.Client {
	own := http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 2,
		IdleConnTimeout: 90 * time.Second, MaxResponseHeaderBytes: maxAnswer, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}}
	if given != nil {
		own = *given
	}
	own.Jar = nil
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

// plain checks a text that is put into a form: 1 to most bytes, no control
// characters.
func plain(field, value string, most int) error {
	switch {
	case value == "":
		return &InputError{field, "is missing"}
	case len(value) > most:
		return &InputError{field, fmt.Sprintf("has more than %d bytes", most)}
	case !printable(value):
		return &InputError{field, "is not UTF-8, or has control characters"}
	}
	return nil
}
