package main

import (
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/latchkey-mfa/latchkey/internal/server/accesslog"
	"github.com/latchkey-mfa/latchkey/internal/server/adminapi"
	"github.com/latchkey-mfa/latchkey/internal/server/console"
	"github.com/latchkey-mfa/latchkey/internal/server/desk"
	"github.com/latchkey-mfa/latchkey/internal/server/deviceapi"
	"github.com/latchkey-mfa/latchkey/internal/server/directauth"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/factor"
	"github.com/latchkey-mfa/latchkey/internal/server/federation"
	"github.com/latchkey-mfa/latchkey/internal/server/password"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/recovery"
	"github.com/latchkey-mfa/latchkey/internal/server/signin"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/internal/server/webpush"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// drainTime is how long requests may go on after a signal to stop.
const drainTime = 10 * time.Second

// How often one API token may ask: so many times a second, and so many at once.
const (
	apiPerSecond = 100
	apiBurst     = 1000
)

// serveOptions are the flags of serve.
type serveOptions struct {
	listen, deviceListen string
	publicURL, deviceURL string
	tlsCert, tlsKey      string
	tlsHosts             []string
	logFormat, logLevel  string
	every                time.Duration
	minAgent             string
	accountsPerHour      int
	pushServices         []string
	acme                 acmeOptions
	forward              forwardOptions
	metricsListen        string
	sso                  ssoOptions
}

func (p *program) serveCommand() *cobra.Command {
	var o serveOptions
	cmd := p.local(&cobra.Command{
		Use: "serve", Short: "Serve devices and administrators", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.serve(cmd.Context(), o) },
	})
	f := cmd.Flags()
	f.StringVar(&o.listen, "listen", ":8443", "address for administrators, SCEP and discovery")
	f.StringVar(&o.deviceListen, "device-listen", ":8444", "address for devices, which show a client certificate")
	f.StringVar(&o.publicURL, "public-url", "", "URL under which administrators reach the server (default: from the first TLS host and the port)")
	f.StringVar(&o.deviceURL, "device-url", "", "URL under which devices reach the device listener (default: from the first TLS host and the port)")
	f.StringVar(&o.tlsCert, "tls-cert", "", "PEM file of the TLS certificate with its chain (default: one for evaluation, see tls-ca.pem)")
	f.StringVar(&o.tlsKey, "tls-key", "", "PEM file of its key")
	f.StringSliceVar(&o.tlsHosts, "tls-hosts", []string{"localhost", "127.0.0.1"}, "names and addresses in the TLS certificate for evaluation")
	f.StringVar(&o.logFormat, "log-format", "json", "json or console")
	f.StringVar(&o.logLevel, "log-level", "info", "debug, info, warn or error")
	f.DurationVar(&o.every, "check-in-every", 15*time.Minute, "time between two check-ins of a device")
	f.StringVar(&o.minAgent, "min-agent", "", "oldest version of the device daemon that is welcome")
	f.IntVar(&o.accountsPerHour, "accounts-per-hour", recovery.AccountsPerHour, "how many distinct accounts an administrator may generate PINs for in an hour")
	o.acme.flags(f)
	o.forward.flags(f)
	o.sso.flags(f)
	f.StringVar(&o.metricsListen, "metrics-listen", "", "address that a monitoring system reads /metrics at, without TLS (default: none)")
	f.StringSliceVar(&o.pushServices, "web-push-service", nil, "further push services for phones, as HOST or HOST:PORT; they may be at a private address")
	twinned(f, "metrics-listen", "web-push-service", "listen", "device-listen", "public-url", "device-url", "tls-cert", "tls-key", "tls-hosts", "log-format", "log-level",
		"check-in-every", "min-agent", "accounts-per-hour")
	return cmd
}

func (o serveOptions) validate() error {
	if (o.tlsCert == "") != (o.tlsKey == "") {
		return usage(errors.New("--tls-cert and --tls-key go together"), "give both, or neither for an evaluation certificate")
	}
	if err := o.acme.validate(o); err != nil {
		return err
	}
	if o.every < time.Second || o.every > 24*time.Hour {
		return usage(fmt.Errorf("--check-in-every %s: want 1s to 24h", o.every), "15m is the default")
	}
	if o.accountsPerHour < 1 {
		return usage(fmt.Errorf("--accounts-per-hour %d: want 1 or more", o.accountsPerHour), "60 is the default")
	}
	if err := webpush.CheckOwn(o.pushServices); err != nil {
		return usage(fmt.Errorf("--web-push-service: %w", err), "for example push.example.com:8443; the services of the browsers are known")
	}
	for name, u := range map[string]string{"--public-url": o.publicURL, "--device-url": o.deviceURL} {
		if u != "" && !strings.HasPrefix(u, "https://") {
			return usage(fmt.Errorf("%s %q: want a URL that starts with https://", name, u), "devices and tokens never travel without TLS")
		}
	}
	return nil
}

func (p *program) serve(ctx context.Context, o serveOptions) error {
	if err := o.validate(); err != nil {
		return err
	}
	log, err := p.logger(o)
	if err != nil {
		return err
	}
	defer log.Sync() //nolint:errcheck // standard error may not be a file
	pki.UseAES()
	d, err := p.openData(ctx)
	if err != nil {
		return err
	}
	defer d.db.Close()
	forwarder, err := d.forwarder(o.forward, log)
	if err != nil {
		return err
	}
	listeners, err := listen(o)
	if err != nil {
		return err
	}
	o.urls(listeners)
	s, err := p.servers(ctx, d, o, log)
	if err != nil {
		return errors.Join(err, listeners.close())
	}
	if err := d.measure(o, &s, log); err != nil {
		return errors.Join(err, listeners.close())
	}
	if forwarder != nil {
		s.beside = append(s.beside, func(ctx context.Context) error { forwarder.Run(ctx); return nil })
	}
	return p.run(ctx, d, log, o, listeners, s)
}

// running is what serves, and what goes on beside it until ctx ends.
type running struct {
	main, device *http.Server
	beside       []func(ctx context.Context) error
}

// run serves until ctx ends, then lets requests finish.
func (p *program) run(ctx context.Context, d *data, log *zap.Logger, o serveOptions, l listeners, r running) error {
	g, ctx := errgroup.WithContext(ctx)
	for s, on := range map[*http.Server]net.Listener{r.main: l.main, r.device: l.device} {
		g.Go(func() error {
			if err := s.ServeTLS(on, "", ""); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve %s: %w", on.Addr(), err)
			}
			return nil
		})
	}
	fmt.Fprintf(p.out, "ready listen=%s device-listen=%s public-url=%s device-url=%s\n", l.main.Addr(), l.device.Addr(), o.publicURL, o.deviceURL)
	log.Info("ready", zap.String("database", d.db.Name()), zap.String("listen", l.main.Addr().String()), zap.String("device_listen", l.device.Addr().String()),
		zap.String("public_url", o.publicURL), zap.String("device_url", o.deviceURL))
	for _, do := range append(r.beside, func(ctx context.Context) error { return retain(ctx, d, log) }) {
		g.Go(func() error { return do(ctx) })
	}
	g.Go(func() error {
		<-ctx.Done()
		log.Info("stopping")
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
		defer cancel()
		return drain(within, log, r.main, r.device)
	})
	err := g.Wait()
	log.Info("stopped", zap.Error(err))
	return err
}

// drain has servers take no request any more, all at once, and waits for those
// that are under way. What is not done when ctx ends is cut off.
func drain(ctx context.Context, log *zap.Logger, servers ...*http.Server) error {
	var g errgroup.Group
	for _, s := range servers {
		g.Go(func() error {
			err := s.Shutdown(ctx)
			if errors.Is(err, context.DeadlineExceeded) {
				log.Warn("requests under way are cut off", zap.Duration("after", drainTime))
				return s.Close()
			}
			return err
		})
	}
	return g.Wait()
}

type listeners struct{ main, device net.Listener }

func (l listeners) close() error { return errors.Join(l.main.Close(), l.device.Close()) }

func listen(o serveOptions) (l listeners, err error) {
	if l.main, err = net.Listen("tcp", o.listen); err != nil {
		return l, failed(fmt.Errorf("listen for administrators: %w", err), "is another server running? --listen takes another address")
	}
	if l.device, err = net.Listen("tcp", o.deviceListen); err != nil {
		return l, errors.Join(failed(fmt.Errorf("listen for devices: %w", err), "is another server running? --device-listen takes another address"), l.main.Close())
	}
	return l, nil
}

// urls fills in the URLs that were left out, once the ports are known.
func (o *serveOptions) urls(l listeners) {
	from := func(url *string, on net.Listener) {
		_, port, _ := net.SplitHostPort(on.Addr().String())
		if *url == "" {
			*url = "https://" + net.JoinHostPort(append(o.acme.hosts, o.tlsHosts...)[0], port)
		}
		*url = strings.TrimSuffix(*url, "/")
	}
	if len(o.tlsHosts) == 0 {
		o.tlsHosts = []string{"localhost"}
	}
	from(&o.publicURL, l.main)
	from(&o.deviceURL, l.device)
}

// servers wires the parts.
func (p *program) servers(ctx context.Context, d *data, o serveOptions, log *zap.Logger) (r running, err error) {
	shown, err := p.certificate(ctx, d, o, log)
	if err != nil {
		return r, err
	}
	var ca *pki.Authority
	var keys *directauth.Keys
	err = d.db.Update(ctx, func(tx *sql.Tx) (err error) {
		if ca, err = pki.OpenDevice(ctx, tx, d.vault, d.now()); err != nil {
			return err
		}
		if keys, err = directauth.OpenKeys(ctx, tx, d.vault, d.now()); err != nil {
			return err
		}
		return directory.Remember(ctx, tx, publicURLFact, o.publicURL)
	})
	if err != nil {
		return r, err
	}
	factors, err := d.factorsAt(o.publicURL)
	if err != nil {
		return r, err
	}
	phones, err := d.phones(ctx, o, factors, log)
	if err != nil {
		return r, err
	}
	book := &recovery.Book{DB: d.db, Vault: d.vault, Log: d.log, Now: d.now, AccountsPerHour: o.accountsPerHour}
	challenges := pki.NewChallenges(d.vault)
	provider, err := d.provider(o.sso, o.publicURL)
	if err != nil {
		return r, err
	}
	signIn, err := signin.New(signin.Config{DB: d.db, Vault: d.vault, Log: d.log, Now: d.now, PublicURL: o.publicURL, Issuer: o.sso.issuer, Hasher: factors.Hasher})
	if err != nil {
		return r, err
	}
	admins := &desk.Desk{DB: d.db, Log: d.log, Book: book, Challenges: challenges, Factors: factors, Accounts: signIn, Now: d.now, MinAgent: o.minAgent}
	admin := &adminapi.Server{Desk: admins, DB: d.db, Zap: log, Now: d.now, PublicURL: o.publicURL, Pace: deviceapi.NewPace(apiPerSecond, apiBurst)}
	pages, err := p.console(d, o, admins, signIn, provider, log)
	if err != nil {
		return r, err
	}
	scep := pki.NewSCEP(&pki.Issuer{Authority: ca, Challenges: challenges, DB: d.db, Log: d.log, Now: d.now}, log)
	trust := &pki.Trust{Authority: ca, DB: d.db, Now: d.now}
	devices := &deviceapi.Server{DB: d.db, Vault: d.vault, Log: d.log, Book: book, Trust: trust, Zap: log, Now: d.now, Every: o.every, MinAgent: o.minAgent,
		Pace: deviceapi.NewPace(2, 30)}
	org := directauth.New(directauth.Config{DB: d.db, Vault: d.vault, Log: d.log, Factors: factors, Door: &deviceapi.Door{Trust: trust, DB: d.db}, Keys: keys, Zap: log,
		Now: d.now, Issuer: o.publicURL, DeviceURL: o.deviceURL})
	r.beside = append(r.beside, phones.beside...)
	if provider != nil {
		r.beside = append(r.beside, d.greet(provider, log))
	}
	r.main = harden(d.logged("main", mainHandler(admin.Handler(), scep, pages, org.Discovery(), phones.page.Handler(), ready(d, log), o.deviceURL), log), log)
	r.main.RegisterOnShutdown(phones.page.Close)
	r.main.TLSConfig = shown.config(d.now)
	r.device = harden(d.logged("device", deviceHandler(devices.Handler(), org.Handler()), log), log)
	r.device.TLSConfig = deviceapi.TLS(tls.Certificate{}, trust, d.now)
	// The same certificate; an authority's own handshakes come to the main one.
	r.device.TLSConfig.Certificates, r.device.TLSConfig.GetCertificate = nil, shown.get
	if shown.http != nil {
		r.beside = append(r.beside, shown.http)
	}
	return r, nil
}

// console is the pages of administrators.
func (p *program) console(d *data, o serveOptions, admins *desk.Desk, signIn *signin.Service, provider *federation.Provider, log *zap.Logger) (http.Handler, error) {
	c, err := console.New(console.Options{Desk: admins, SignIn: signIn, Zap: log, Now: d.now, PublicURL: o.publicURL, Federation: provider})
	if err != nil {
		return nil, err
	}
	return c.Handler(), nil
}

// mainHandler is what administrators and enrolling devices reach.
func mainHandler(admin, scep, pages, org, phones, ready http.Handler, deviceURL string) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", pages)
	mux.Handle("/authenticator/", phones)
	mux.Handle("/api/", admin)
	mux.Handle("/device-access/", admin)
	mux.Handle("/scep", scep)
	mux.Handle("/oauth2/", org)
	mux.Handle("GET /.well-known/openid-configuration", org)
	mux.Handle("GET "+wire.WellKnownPath, deviceapi.WellKnown(deviceURL))
	mux.Handle("GET /readyz", ready)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	return mux
}

// ready tells a load balancer whether to send requests here. Why not is for the
// log: the caller may be anyone.
func ready(d *data, log *zap.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if err := d.db.Check(r.Context()); err != nil {
			log.Warn("not ready", zap.String("request", systemlog.RequestOf(r.Context())), zap.Error(err))
			http.Error(w, "the database is not ready", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
}

// deviceHandler is what Macs reach: check-ins, and the org's sign-in.
func deviceHandler(devices, org http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", devices)
	mux.Handle("/oauth2/", org)
	mux.Handle("/.well-known/openid-configuration", org)
	return mux
}

// factors are those of the org's users.
func (d *data) factors() *factor.Book {
	return &factor.Book{DB: d.db, Vault: d.vault, Log: d.log, Hasher: password.NewHasher(), Now: d.now}
}

// logged gives each request of a listener its id and its line in the log.
func (d *data) logged(listener string, h http.Handler, log *zap.Logger) http.Handler {
	l := &accesslog.Log{Zap: log, Now: d.now, Quiet: []string{"GET /healthz", "GET /readyz", "GET /metrics"}}
	return l.Handler(listener, h)
}

// harden bounds what a slow or hostile client can hold on to.
func harden(h http.Handler, log *zap.Logger) *http.Server {
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10}
	if std, err := zap.NewStdLogAt(log, zap.DebugLevel); err == nil {
		s.ErrorLog = std
	}
	return s
}

// replaceFile writes a public file whole or not at all.
func replaceFile(path string, content []byte) error {
	next := path + ".new"
	if err := os.WriteFile(next, content, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(next, path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func (p *program) logger(o serveOptions) (*zap.Logger, error) {
	level, err := zap.ParseAtomicLevel(o.logLevel)
	if err != nil {
		return nil, usage(fmt.Errorf("--log-level %q: want debug, info, warn or error", o.logLevel), "info is the default")
	}
	var cfg zap.Config
	switch o.logFormat {
	case "json":
		cfg = zap.NewProductionConfig()
	case "console":
		cfg = zap.NewDevelopmentConfig()
		cfg.Development, cfg.DisableStacktrace = false, true
	default:
		return nil, usage(fmt.Errorf("--log-format %q: want json or console", o.logFormat), "json is the default")
	}
	cfg.Level, cfg.Sampling, cfg.DisableCaller = level, nil, true
	return cfg.Build()
}
