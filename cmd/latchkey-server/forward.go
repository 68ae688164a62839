package main

import (
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"
	"go.uber.org/zap"

	"github.com/latchkey-mfa/latchkey/internal/server/forward"
)

// forwardOptions are the flags of serve about where the System Log goes.
type forwardOptions struct {
	to                 []string
	secretFile, caFile string
	whole              bool
}

func (o *forwardOptions) flags(f *pflag.FlagSet) {
	f.StringSliceVar(&o.to, "forward", nil, "where the System Log goes as it grows: syslog+tls://HOST:PORT, syslog+tcp://, syslog+udp://, or the https:// address of a webhook")
	f.StringVar(&o.secretFile, "forward-secret-file", "", "file with the secret that deliveries to webhooks are signed with, 16 bytes or more")
	f.StringVar(&o.caFile, "forward-ca", "", "PEM file of the roots that receivers are checked against (default: the system's)")
	f.BoolVar(&o.whole, "forward-whole", false, "have a destination that is new get what is in the log already")
	twinned(f, "forward", "forward-secret-file", "forward-ca", "forward-whole")
}

// forwarder sends the System Log to where the flags say; nil for nowhere.
func (d *data) forwarder(o forwardOptions, log *zap.Logger) (*forward.Forwarder, error) {
	if len(o.to) == 0 {
		return nil, nil
	}
	s := forward.Settings{Host: forward.HostName(), Now: d.now}
	if o.secretFile != "" {
		secret, err := privateLine(o.secretFile, "the secret of webhooks", "it holds the secret as its one line, of at least 16 bytes")
		if err != nil {
			return nil, err
		}
		s.Secret = []byte(secret)
	}
	if o.caFile != "" {
		var err error
		if s.Roots, err = readRoots(o.caFile); err != nil {
			return nil, failed(err, "it holds certificates in PEM")
		}
	}
	f := &forward.Forwarder{DB: d.db, Log: d.log, Zap: log, Now: d.now, Server: rand.Text(), Whole: o.whole}
	names := map[string]bool{}
	for i, text := range o.to {
		to, err := forward.Parse(text, s)
		if err == nil && names[to.Name()] {
			err = fmt.Errorf("%s is named twice", to.Name())
		}
		if err != nil {
			return nil, usage(fmt.Errorf("--forward, entry %d: %w", i+1, err), "docs/siem.md has examples")
		}
		names[to.Name()] = true
		f.Destinations = append(f.Destinations, to)
	}
	return f, nil
}

func readRoots(path string) (*x509.CertPool, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the roots of receivers: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(raw) {
		return nil, errors.New("read the roots of receivers: " + path + " holds no certificate in PEM")
	}
	return roots, nil
}
