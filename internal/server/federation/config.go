package federation

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/latchkey-mfa/latchkey/internal/server/vault"
)

// TrustProvider in place of the second factors says that the provider's own
// rules decide, and that its tokens are not looked at for one.
const TrustProvider = "trust-provider"

// Bounds of what the provider is asked and answers.
const (
	requestTimeout = 10 * time.Second // from dialling to the end of the answer
	maxAnswer      = 1 << 20          // bytes of any answer
	leeway         = 2 * time.Minute  // between the provider's clock and ours
)

// CallbackPath is where the provider sends browsers back to, below the public
// URL; SignedOutPath is where it sends them after a sign-out.
const (
	CallbackPath  = "/sign-in/sso/callback"
	SignedOutPath = "/signed-out"
)

// Database runs transactions.
type Database interface {
	Update(ctx context.Context, do func(tx *sql.Tx) error) error
}

// Config is the provider and what is asked of it. It prints as a placeholder.
type Config struct {
	Issuer                 string // as its tokens name it: https, or http at a loopback address
	ClientID, ClientSecret string // no secret is a public client
	GroupsClaim            string // of the ID token
	LoginClaim             string // of the ID token: who somebody is in the log
	Rules                  []Rule
	// SecondFactor are values of which one must stand in amr, or be acr; or
	// TrustProvider alone. Those with a colon are asked for, as acr_values.
	SecondFactor []string
	Scopes       []string       // beside openid, profile and email
	PublicURL    string         // under which browsers reach the console
	Roots        *x509.CertPool // that the provider is checked against; nil is the system's

	DB      Database
	Vault   *vault.Vault
	Now     func() time.Time
	Timeout time.Duration // of one request; 0 is ten seconds
}

func (Config) String() string   { return "[single sign-on configuration]" }
func (Config) GoString() string { return "[single sign-on configuration]" }

// FieldError is a field of the Config that is not what it must be.
type FieldError struct{ Field, Problem string }

func (e *FieldError) Error() string { return e.Field + " " + e.Problem }

// New checks the configuration and asks nobody. The error is a *FieldError.
func New(c Config) (*Provider, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.Timeout == 0 {
		c.Timeout = requestTimeout
	}
	p := &Provider{Config: c, lock: make(chan struct{}, 1)}
	p.transport = &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.Roots},
		ForceAttemptHTTP2: true, TLSHandshakeTimeout: c.Timeout, ResponseHeaderTimeout: c.Timeout, IdleConnTimeout: time.Minute, MaxIdleConns: 4, MaxResponseHeaderBytes: 64 << 10}
	return p, nil
}

func (c Config) check() error {
	if err := secure(c.Issuer, loopback(c.Issuer)); err != nil {
		return &FieldError{"Issuer", err.Error()}
	}
	for _, f := range []struct{ name, value string }{{"ClientID", c.ClientID}, {"GroupsClaim", c.GroupsClaim}, {"LoginClaim", c.LoginClaim}} {
		if f.value == "" || len(f.value) > 512 || strings.ContainsFunc(f.value, unicode.IsControl) {
			return &FieldError{f.name, "wants 1 to 512 printable characters"}
		}
	}
	for _, scope := range c.Scopes {
		if scope == "" || len(scope) > 128 || strings.ContainsFunc(scope, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
			return &FieldError{"Scopes", fmt.Sprintf("has %q, which cannot be a scope (RFC 6749 §3.3)", legible(scope))}
		}
	}
	if len(c.Rules) == 0 {
		return &FieldError{"Rules", "maps no group, so nobody could sign in"}
	}
	return c.checkSecondFactor()
}

func (c Config) checkSecondFactor() error {
	if len(c.SecondFactor) == 0 {
		return &FieldError{"SecondFactor", "is empty: want values of amr or acr, as mfa; " + TrustProvider + " says that the provider's own rules are enough"}
	}
	for _, v := range c.SecondFactor {
		if v == "" || len(v) > 256 || strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || !unicode.IsPrint(r) }) {
			return &FieldError{"SecondFactor", fmt.Sprintf("has %q, which is no value of amr or acr", legible(v))}
		}
	}
	if c.trusts() && len(c.SecondFactor) > 1 {
		return &FieldError{"SecondFactor", "has " + TrustProvider + " beside others, which would then count for nothing"}
	}
	return nil
}

// trusts: tokens are not looked at for a second factor.
func (c Config) trusts() bool { return slices.Contains(c.SecondFactor, TrustProvider) }

// secure is nil for an https URL, or an http one at a loopback address where
// that is taken: a code that passes a network in the clear is everybody's.
func secure(text string, local bool) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "" || len(text) > 2048:
		return fmt.Errorf("%q is no URL with a host", legible(text))
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Contains(text, "#"):
		return fmt.Errorf("has a user, a query or a fragment, which an issuer has not")
	case u.Scheme == "https" || u.Scheme == "http" && local && loopback(text):
		return nil
	}
	return fmt.Errorf("%q: want https; http is for a provider at a loopback address", legible(text))
}

// loopback: the host is this machine.
func loopback(text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return false
	}
	if ip := net.ParseIP(u.Hostname()); ip != nil {
		return ip.IsLoopback()
	}
	return strings.EqualFold(u.Hostname(), "localhost")
}
