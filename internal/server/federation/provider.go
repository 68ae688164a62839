package federation

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const (
	rediscover = time.Hour       // keys that the provider took back are good no longer than this
	retryAfter = 5 * time.Second // after a discovery that failed
	keysEvery  = 2 * time.Second // the least between two fetches of keys, whatever tokens name
)

// Provider is an OpenID provider. It is safe for concurrent use.
type Provider struct {
	Config
	transport *http.Transport

	lock     chan struct{} // of what follows; a channel, so that waiting ends with the context
	found    *discovered
	at       time.Time // of found
	failed   error
	failedAt time.Time
}

func (p *Provider) String() string   { return "[provider " + p.Issuer + "]" }
func (p *Provider) GoString() string { return p.String() }

// Name is the provider's host, as people know it.
func (p *Provider) Name() string {
	u, err := url.Parse(p.Issuer)
	if err != nil {
		return p.Issuer
	}
	return u.Host
}

// Close lets go of idle connections.
func (p *Provider) Close() { p.transport.CloseIdleConnections() }

// discovered is the provider as it describes itself, with its keys.
type discovered struct {
	*oidc.Provider
	client     *http.Client
	endSession string // or empty
	sendsIss   bool   // RFC 9207
	style      oauth2.AuthStyle
}

// metadata is what go-oidc does not look at.
type metadata struct {
	EndSession string   `json:"end_session_endpoint"`
	JWKS       string   `json:"jwks_uri"`
	SendsIss   bool     `json:"authorization_response_iss_parameter_supported"`
	Methods    []string `json:"token_endpoint_auth_methods_supported"`
}

// Reach asks the provider to describe itself, unless it has within the hour.
// The error is a *Refusal, or the context's.
func (p *Provider) Reach(ctx context.Context) error {
	_, err := p.discover(ctx)
	return err
}

func (p *Provider) discover(ctx context.Context) (*discovered, error) {
	select {
	case p.lock <- struct{}{}:
		defer func() { <-p.lock }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	now := p.Now()
	if age := now.Sub(p.at); p.found != nil && age >= 0 && age < rediscover {
		return p.found, nil
	}
	if age := now.Sub(p.failedAt); p.failed != nil && age >= 0 && age < retryAfter {
		return nil, p.failed
	}
	d, err := p.ask(ctx)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		p.failed, p.failedAt = refusedFor(Unreachable, "The sign-in provider cannot be reached, or what it says of itself cannot be used. Try again in a minute, or sign in with a local account.", err, p.ClientSecret), now
		return nil, p.failed
	}
	p.found, p.at, p.failed = d, now, nil
	return d, nil
}

// ask discovers, and once more where that failed.
func (p *Provider) ask(ctx context.Context) (d *discovered, err error) {
	for range 2 {
		if d, err = p.askOnce(ctx); err == nil || ctx.Err() != nil {
			break
		}
	}
	return d, err
}

func (p *Provider) askOnce(ctx context.Context) (*discovered, error) {
	limits := &bounded{next: p.transport, now: p.Now}
	client := &http.Client{Transport: limits, Timeout: p.Timeout,
		// What is asked of the provider holds codes and secrets: they go nowhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	found, err := oidc.NewProvider(oidc.ClientContext(ctx, client), p.Issuer)
	if err != nil {
		return nil, fmt.Errorf("discover: %w", err)
	}
	var m metadata
	if err := found.Claims(&m); err != nil {
		return nil, fmt.Errorf("discover: %w", err)
	}
	at := found.Endpoint()
	for name, address := range map[string]string{"authorization_endpoint": at.AuthURL, "token_endpoint": at.TokenURL, "jwks_uri": m.JWKS, "end_session_endpoint": m.EndSession} {
		if address == "" && name == "end_session_endpoint" {
			continue
		}
		// An endpoint may have a query, RFC 6749 §3.1.
		if bare, _, _ := strings.Cut(address, "?"); secure(bare, loopback(p.Issuer)) != nil {
			return nil, fmt.Errorf("discover: its %s is %q: want https", name, legible(address))
		}
	}
	limits.keys = m.JWKS
	return &discovered{Provider: found, client: client, endSession: m.EndSession, sendsIss: m.SendsIss, style: style(p.ClientSecret, m.Methods)}, nil
}

// style is how the client proves who it is. It is not tried out: a code that was
// shown once is used up.
func style(secret string, methods []string) oauth2.AuthStyle {
	// None named is client_secret_basic (OpenID Connect Discovery 1.0 §3).
	if secret != "" && (len(methods) == 0 || slices.Contains(methods, "client_secret_basic")) {
		return oauth2.AuthStyleInHeader
	}
	return oauth2.AuthStyleInParams
}

// oauth is the client at the provider.
func (p *Provider) oauth(d *discovered) *oauth2.Config {
	at := d.Endpoint()
	at.AuthStyle = d.style
	return &oauth2.Config{ClientID: p.ClientID, ClientSecret: p.ClientSecret, Endpoint: at, RedirectURL: p.PublicURL + CallbackPath,
		Scopes: append([]string{oidc.ScopeOpenID, "profile", "email"}, p.Scopes...)}
}

// errKeysAgain is a token that names a key that was not there a moment ago.
var errKeysAgain = errors.New("the provider's keys were fetched a moment ago, and there is none for this token")

// bounded bounds every answer, and how often keys are fetched: go-oidc reads to
// the end, and fetches as often as tokens ask.
type bounded struct {
	next http.RoundTripper
	now  func() time.Time

	keys    string // where they are
	mu      sync.Mutex
	fetched time.Time
}

// RoundTrip sends a request.
func (b *bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	if b.keys != "" && r.URL.String() == b.keys && !b.mayFetch() {
		return nil, errKeysAgain
	}
	response, err := b.next.RoundTrip(r)
	if err == nil {
		response.Body = http.MaxBytesReader(nil, response.Body, maxAnswer)
	}
	return response, err
}

func (b *bounded) mayFetch() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	age := b.now().Sub(b.fetched)
	if age >= 0 && age < keysEvery {
		return false
	}
	b.fetched = b.now()
	return true
}
