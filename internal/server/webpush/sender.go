package webpush

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	push "github.com/SherClockHolmes/webpush-go"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/factor"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/server/vault"
)

// Bounds of what is sent.
const (
	queue    = 1000 // users who wait to be called; beyond that they are not
	atOnce   = 8
	timeOut  = 10 * time.Second // of one message
	maxReply = 4 << 10          // bytes that are read of an answer
	topic    = "latchkey"       // a message takes the place of the one before it
)

// message is the same for everybody: that something waits.
const message = `{"waiting":true}`

// Database runs transactions.
type Database interface {
	Update(ctx context.Context, do func(tx *sql.Tx) error) error
	View(ctx context.Context, do func(tx *sql.Tx) error) error
}

// Journal takes the events.
type Journal interface {
	Append(ctx context.Context, tx *sql.Tx, e systemlog.Event) error
}

// Config is what a Sender works with. All fields but Own and Roots are needed.
type Config struct {
	DB        Database
	Vault     *vault.Vault
	Log       Journal
	Factors   *factor.Book
	Zap       *zap.Logger
	PublicURL string // of this server: whom a push service can turn to
	// Own are push services besides those of the browsers, as HOST or HOST:PORT.
	// They may be at a private address.
	Own []string
	// Roots are the authorities of push services; nil is the system's.
	Roots *x509.CertPool
}

// Sender sends.
type Sender struct {
	Config
	key    pair
	client *http.Client
	calls  chan string // ids of users
}

// New opens the key, or makes it.
func New(ctx context.Context, c Config) (*Sender, error) {
	s := &Sender{Config: c, calls: make(chan string, queue)}
	s.client = &http.Client{Timeout: timeOut, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DialContext: s.dial, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.Roots}, ForceAttemptHTTP2: true,
			TLSHandshakeTimeout: timeOut, ResponseHeaderTimeout: timeOut, MaxConnsPerHost: atOnce, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 32 << 10}}
	var err error
	s.key, err = s.openKey(ctx)
	return s, err
}

// Key is what a browser's PushManager is to be given; "" where the org does not
// allow Web Push.
func (s *Sender) Key(ctx context.Context) (string, error) {
	on, err := s.on(ctx)
	if err != nil || !on {
		return "", err
	}
	return s.key.Public, nil
}

func (s *Sender) on(ctx context.Context) (on bool, err error) {
	err = s.DB.View(ctx, func(tx *sql.Tx) error {
		a, err := directory.AuthenticatorSettings(ctx, tx)
		on = a.WebPush
		return err
	})
	return on, err
}

// Call has the phones of a user called, soon. It does not block.
func (s *Sender) Call(userID string) {
	select {
	case s.calls <- userID:
	default:
		s.Zap.Warn("a phone is not called: too many wait", zap.Int("waiting", queue))
	}
}

// Run calls until ctx ends.
func (s *Sender) Run(ctx context.Context) error {
	defer s.client.CloseIdleConnections()
	var g errgroup.Group
	g.SetLimit(atOnce)
	for {
		select {
		case <-ctx.Done():
			return g.Wait()
		case user := <-s.calls:
			g.Go(func() error {
				if err := s.callUser(ctx, user); err != nil && ctx.Err() == nil {
					s.Zap.Error("a phone was not called", zap.Error(err))
				}
				return nil
			})
		}
	}
}

func (s *Sender) callUser(ctx context.Context, user string) error {
	on, err := s.on(ctx)
	if err != nil {
		return err
	}
	if !on {
		s.Zap.Debug("a phone is not called: the org does not allow Web Push")
		return nil
	}
	var found []factor.Subscription
	err = s.DB.View(ctx, func(tx *sql.Tx) (err error) {
		found, err = s.Factors.Subscriptions(ctx, tx, user)
		return err
	})
	for _, one := range found {
		err = errors.Join(err, s.send(ctx, one))
	}
	return err
}

// send sends the one message. What the push service does not know any more is
// forgotten.
func (s *Sender) send(ctx context.Context, to factor.Subscription) error {
	sub, service, err := s.read(to.Raw) // the list may be another by now
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, timeOut)
	defer stop()
	answer, err := push.SendNotificationWithContext(ctx, []byte(message), sub, &push.Options{HTTPClient: s.client, Subscriber: s.PublicURL, Topic: topic,
		TTL: int(factor.PushLife / time.Second), Urgency: push.UrgencyHigh, VAPIDPublicKey: s.key.Public, VAPIDPrivateKey: s.key.Private})
	if err != nil {
		return fmt.Errorf("send to the push service %s: %w", service, withoutURL(err))
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxReply))
	switch {
	case answer.StatusCode == http.StatusNotFound || answer.StatusCode == http.StatusGone:
		return s.Factors.Unsubscribe(ctx, to.PhoneID, "GONE", factor.By{Actor: systemlog.System()})
	case answer.StatusCode >= http.StatusMultipleChoices:
		return fmt.Errorf("the push service %s answered %d", service, answer.StatusCode)
	}
	return nil
}

// withoutURL is an error of the client without the address, by which anybody
// could be sent to the phone.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// errPrivate is an address that no push service of a browser has.
var errPrivate = errors.New("the address is none of the public internet")

// dial refuses addresses within the org, whatever the name says, but for the
// hosts that the flag names.
func (s *Sender) dial(ctx context.Context, network, at string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(at)
	if err != nil {
		return nil, err
	}
	d := &net.Dialer{Timeout: timeOut}
	if !s.own(host, port) {
		d.Control = func(_, to string, _ syscall.RawConn) error {
			if !public(to) {
				return errPrivate
			}
			return nil
		}
	}
	return d.DialContext(ctx, network, at)
}

// public: RFC 6890 has a list of what is not.
func public(at string) bool {
	to, err := netip.ParseAddrPort(at)
	if err != nil {
		return false
	}
	ip := to.Addr().Unmap()
	if !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return false
	}
	for _, reserved := range []string{"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "198.18.0.0/15", "240.0.0.0/4", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/23"} {
		if netip.MustParsePrefix(reserved).Contains(ip) {
			return false
		}
	}
	return true
}
