package tlscert

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// LetsEncrypt is the directory that is asked where no other is named.
const LetsEncrypt = acme.LetsEncryptURL

// maxHosts bounds the names that certificates are asked for.
const maxHosts = 20

// ACME is what an authority is asked for, and how.
type ACME struct {
	Hosts     []string
	Email     string // for the authority to write to; may be empty
	Directory string // https URL; "" is Let's Encrypt's
	RootsFile string // PEM of the authorities that Directory's own certificate is of; "" is the system's
}

// Check says what of it cannot be.
func (a ACME) Check() error {
	if len(a.Hosts) == 0 || len(a.Hosts) > maxHosts {
		return fmt.Errorf("%d names, want 1 to %d", len(a.Hosts), maxHosts)
	}
	for _, host := range a.Hosts {
		if net.ParseIP(host) != nil || !strings.Contains(host, ".") || strings.ContainsAny(host, " */:@") || host != strings.ToLower(host) {
			return fmt.Errorf("%q: want the full name of this server in small letters, such as mfa.example.com", host)
		}
	}
	if a.Directory != "" {
		if u, err := url.Parse(a.Directory); err != nil || u.Scheme != "https" || u.Host == "" {
			return fmt.Errorf("directory %q: want a URL that starts with https://", a.Directory)
		}
	}
	return nil
}

// Manager gets certificates for a, and keeps them in cache. Asking for one
// agrees to the authority's terms. Errors: those of Check, and of RootsFile.
func (a ACME) Manager(cache autocert.Cache) (*autocert.Manager, error) {
	if err := a.Check(); err != nil {
		return nil, err
	}
	// Like every client here, it goes through no proxy of the environment.
	transport := &http.Transport{TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: 20 * time.Second, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true}
	if a.RootsFile != "" {
		raw, err := os.ReadFile(a.RootsFile)
		if err != nil {
			return nil, fmt.Errorf("read the ACME authority's roots: %w", err)
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(raw) {
			return nil, errors.New("read the ACME authority's roots: " + a.RootsFile + " has no certificate in PEM")
		}
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
	}
	directory := a.Directory
	if directory == "" {
		directory = LetsEncrypt
	}
	return &autocert.Manager{Prompt: autocert.AcceptTOS, Cache: cache, HostPolicy: autocert.HostWhitelist(a.Hosts...), Email: a.Email,
		Client: &acme.Client{DirectoryURL: directory, UserAgent: "latchkey-server", HTTPClient: &http.Client{Timeout: 30 * time.Second, Transport: transport}}}, nil
}

// Named is get for handshakes that name a server: others are refused with a
// reason, since no certificate could be chosen.
func Named(get func(*tls.ClientHelloInfo) (*tls.Certificate, error)) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if hello.ServerName == "" {
			return nil, errNoName
		}
		return get(hello)
	}
}
