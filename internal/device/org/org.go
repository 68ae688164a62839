package org

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/latchkey-mfa/latchkey/pkg/directauth"
)

// Limits of a look at the org. Offline is when it does not answer within
// answerWithin (design §5); a look is repeated while somebody asks, so that a
// network that comes back is seen while the panel is open.
const (
	answerWithin = 3 * time.Second
	freshOnline  = 10 * time.Second
	freshOffline = 2 * time.Second
	staleAfter   = time.Minute // a standing so old says nothing any more
	aMoment      = 700 * time.Millisecond
	findAgain    = 24 * time.Hour
)

// Settings are the profile's.
type Settings struct {
	URL      string // DMFAOrgURL
	ClientID string // DMFAClientID
	Secret   string // DMFAClientSecret
	// Own says that devices check in at URL too: then it may be a Latchkey
	// server, which takes direct authentication on its device listener.
	Own bool
}

// ErrNoCertificate: this Mac has no Device Access certificate, without which a
// Latchkey server verifies nobody.
var ErrNoCertificate = errors.New("this Mac has no Device Access certificate")

// Identity is the Device Access certificate with its key.
type Identity interface {
	Certificate(ctx context.Context) (tls.Certificate, error)
}

// Clock runs through sleep.
type Clock interface{ Continuous() time.Duration }

// Options of an Org. All but Roots are needed.
type Options struct {
	Settings func() (s Settings, ok bool) // by the policy in force; false while there is none
	Identity Identity
	Roots    *x509.CertPool // nil: the system's
	Clock    Clock
	Now      func() time.Time // trusted time, by which certificates and ID tokens are looked at
}

// Org is safe for concurrent use.
type Org struct {
	o     Options
	looks sync.WaitGroup

	mu       sync.Mutex
	settings Settings // that client and place are for
	client   *directauth.Client
	foundAt  time.Duration // when client was made
	looking  chan struct{} // closed when the look that is under way has ended; nil: none is
	known    bool          // a look has ended for settings
	err      error
	lookedAt time.Duration
}

// New is an org that was not looked at yet.
func New(o Options) *Org { return &Org{o: o} }

// Wait returns when no look is under way any more.
func (o *Org) Wait() { o.looks.Wait() }

// Standing says whether the org has just answered, and if not, why for the
// person. It returns at once; when what is known has grown old, it looks anew
// in the background.
func (o *Org) Standing() (online bool, reason string) {
	settings, ok := o.o.Settings()
	if !ok {
		return false, textNoPolicy
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.forget(settings)
	if o.age() >= o.freshFor() {
		o.begin(settings)
	}
	if o.age() >= staleAfter {
		return false, textLooking
	}
	return o.err == nil, why(o.err)
}

// Look waits a moment for a fresh standing, so that the first screen of a login
// is right, where the org answers at once.
func (o *Org) Look(ctx context.Context) {
	settings, ok := o.o.Settings()
	if !ok {
		return
	}
	o.mu.Lock()
	o.forget(settings)
	if o.age() < o.freshFor() {
		o.mu.Unlock()
		return
	}
	ended := o.begin(settings)
	o.mu.Unlock()
	moment := time.NewTimer(aMoment)
	defer moment.Stop()
	select {
	case <-ended:
	case <-moment.C:
	case <-ctx.Done():
	}
}

// begin looks, unless a look is under way. mu is held.
func (o *Org) begin(s Settings) (ended <-chan struct{}) {
	if o.looking == nil {
		o.looking = make(chan struct{})
		o.looks.Go(func() { o.look(s) })
	}
	return o.looking
}

// age is how old the standing is. mu is held.
func (o *Org) age() time.Duration {
	if !o.known {
		return staleAfter
	}
	return o.o.Clock.Continuous() - o.lookedAt
}

func (o *Org) freshFor() time.Duration {
	if o.err != nil {
		return freshOffline
	}
	return freshOnline
}

// forget drops what was known of an org that the profile names no longer.
func (o *Org) forget(s Settings) {
	if s != o.settings {
		o.settings, o.client, o.known, o.err = s, nil, false, nil
	}
}

func (o *Org) look(s Settings) {
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	client, err := o.clientOf(ctx, s)
	if err == nil {
		err = client.Reach(ctx)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.looking)
	o.looking = nil
	if s != o.settings {
		return // the profile has changed meanwhile
	}
	o.known, o.err, o.lookedAt = true, err, o.o.Clock.Continuous()
	if err != nil {
		o.client = nil // it may have moved
	}
}

// Failed takes note that a request has just failed for want of an answer.
func (o *Org) Failed(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.known, o.err, o.lookedAt, o.client = true, err, o.o.Clock.Continuous(), nil
}

// Why says for the person why a request to the org failed; "" where the org
// did answer.
func Why(err error) string { return why(err) }

// Client talks to the org that the profile names.
func (o *Org) Client(ctx context.Context) (*directauth.Client, error) {
	settings, ok := o.o.Settings()
	if !ok {
		return nil, errors.New("no profile names an org")
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	return o.clientOf(ctx, settings)
}

func (o *Org) clientOf(ctx context.Context, s Settings) (*directauth.Client, error) {
	o.mu.Lock()
	o.forget(s)
	client, age := o.client, o.o.Clock.Continuous()-o.foundAt
	o.mu.Unlock()
	if client != nil && age < findAgain {
		return client, nil
	}
	client, err := o.find(ctx, s)
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if s == o.settings {
		o.client, o.foundAt = client, o.o.Clock.Continuous()
	}
	return client, nil
}

// find makes the client. A Latchkey server says where its device listener is;
// any other org has its endpoints below its own address.
func (o *Org) find(ctx context.Context, s Settings) (*directauth.Client, error) {
	config := directauth.Config{Issuer: s.URL, ClientID: s.ClientID, ClientSecret: s.Secret,
		Now: o.o.Now, RequestTimeout: answerWithin, Retries: -1, HTTP: o.http(nil)}
	if s.Own {
		device, err := discover(ctx, config.HTTP, s.URL)
		if err != nil {
			return nil, err
		}
		if device != "" {
			certificate, err := o.o.Identity.Certificate(ctx)
			if err != nil {
				return nil, fmt.Errorf("%w: %w", ErrNoCertificate, err)
			}
			config.BaseURL, config.HTTP, config.RequireNonce = device+"/oauth2/v1", o.http(&certificate), true
		}
	}
	client, err := directauth.New(config)
	if err != nil {
		return nil, fmt.Errorf("use the org that the profile names: %w", err)
	}
	return client, nil
}

// http follows no redirect: where the org is, the profile says.
func (o *Org) http(certificate *tls.Certificate) *http.Client {
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.o.Roots}
	if certificate != nil {
		config.MinVersion = tls.VersionTLS13
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return certificate, nil }
	}
	return &http.Client{
		Timeout: answerWithin,
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: config, DisableCompression: true,
			TLSHandshakeTimeout: answerWithin, MaxResponseHeaderBytes: 64 << 10, IdleConnTimeout: 30 * time.Second, MaxIdleConnsPerHost: 2},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
