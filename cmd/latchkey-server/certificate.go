package main

import (
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/pflag"
	"go.uber.org/zap"
	"golang.org/x/crypto/acme"

	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/tlscert"
)

// acmeOptions are the flags of certificates from an ACME authority.
type acmeOptions struct {
	hosts                       []string
	email, directory, rootsFile string
	httpListen                  string
}

func (o *acmeOptions) flags(f *pflag.FlagSet) {
	f.StringSliceVar(&o.hosts, "acme-host", nil, "names to get a TLS certificate for, from an ACME authority whose terms you agree to by this")
	f.StringVar(&o.email, "acme-email", "", "address that the ACME authority writes to")
	f.StringVar(&o.directory, "acme-directory", tlscert.LetsEncrypt, "directory URL of the ACME authority")
	f.StringVar(&o.rootsFile, "acme-ca", "", "PEM file of the authorities that the directory's own certificate is of (default: the system's)")
	f.StringVar(&o.httpListen, "acme-http-listen", "", "address that answers the authority's http-01 challenges, without TLS; it must be reached at port 80 (default: none, tls-alpn-01 only)")
	twinned(f, "acme-host", "acme-email", "acme-directory", "acme-ca", "acme-http-listen")
}

func (o *acmeOptions) asked() tlscert.ACME {
	return tlscert.ACME{Hosts: o.hosts, Email: o.email, Directory: o.directory, RootsFile: o.rootsFile}
}

func (o *acmeOptions) validate(all serveOptions) error {
	if len(o.hosts) == 0 {
		if o.email != "" || o.rootsFile != "" || o.httpListen != "" {
			return usage(errors.New("--acme-email, --acme-ca and --acme-http-listen are of no use without --acme-host"), "name the server: --acme-host mfa.example.com")
		}
		return nil
	}
	if all.tlsCert != "" {
		return usage(errors.New("--acme-host and --tls-cert are two sources of one certificate"), "give one of them")
	}
	if err := o.asked().Check(); err != nil {
		return usage(fmt.Errorf("--acme-host and --acme-directory: %w", err), "several names have commas between them")
	}
	return nil
}

// shownCertificate is what both listeners show.
type shownCertificate struct {
	get  func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	acme bool
	http func(ctx context.Context) error // runs beside, or nil
}

// config is the main listener's, where the authority's own handshakes come to.
func (s shownCertificate) config(now func() time.Time) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.get, Time: now}
	if s.acme {
		c.NextProtos = []string{"h2", "http/1.1", acme.ALPNProto}
	}
	return c
}

// certificate is the TLS certificate of both listeners.
func (p *program) certificate(ctx context.Context, d *data, o serveOptions, log *zap.Logger) (s shownCertificate, err error) {
	switch {
	case len(o.acme.hosts) > 0:
		return d.acmeCertificate(o.acme, log)
	case o.tlsCert != "":
		files, err := tlscert.OpenFiles(o.tlsCert, o.tlsKey, log, d.now)
		if err != nil {
			return s, failed(err, "both must be PEM files that belong together")
		}
		s.get = files.GetCertificate
		return s, nil
	}
	var pair tls.Certificate
	file := filepath.Join(p.dataDir, "tls-ca.pem")
	err = d.db.Update(ctx, func(tx *sql.Tx) error {
		made, ca, err := pki.EvaluationTLS(ctx, tx, d.vault, o.tlsHosts, d.now())
		if err != nil {
			return err
		}
		pair = made
		return replaceFile(file, pki.PEM(ca))
	})
	if err == nil {
		log.Warn("no TLS certificate is configured: serving one for evaluation", zap.String("trust", file), zap.Strings("hosts", o.tlsHosts))
	}
	s.get = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &pair, nil }
	return s, err
}

func (d *data) acmeCertificate(o acmeOptions, log *zap.Logger) (s shownCertificate, err error) {
	m, err := o.asked().Manager(&tlscert.Cache{DB: d.db, Vault: d.vault, Now: d.now})
	if err != nil {
		return s, failed(err, "--acme-ca names a PEM file")
	}
	s.acme = true
	s.get = tlscert.Named(func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		pair, err := m.GetCertificate(hello)
		// Of other names anyone may ask at any time; they are not told of.
		if err != nil && slices.Contains(o.hosts, hello.ServerName) {
			log.Error("there is no certificate of the ACME authority", zap.String("host", hello.ServerName), zap.Error(err))
		}
		return pair, err
	})
	if o.httpListen == "" {
		return s, nil
	}
	l, err := net.Listen("tcp", o.httpListen)
	if err != nil {
		return s, failed(fmt.Errorf("listen for http-01 challenges: %w", err), "--acme-http-listen takes another address")
	}
	server := harden(d.logged("acme", m.HTTPHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		// Refused by default: nothing is served, or sent on, without TLS.
		http.Error(w, "this port answers challenges of an ACME authority; the server is at https", http.StatusNotFound)
	})), log), log)
	s.http = func(ctx context.Context) error {
		stop := context.AfterFunc(ctx, func() { _ = server.Close() })
		defer stop()
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve http-01 challenges at %s: %w", l.Addr(), err)
		}
		return nil
	}
	return s, nil
}
