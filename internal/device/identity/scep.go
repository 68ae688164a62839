package identity

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/smallstep/pkcs7"
	"github.com/smallstep/scep"
)

// Deadline and bound of one request.
const (
	timeout   = 30 * time.Second
	maxAnswer = 1 << 20
)

// ErrUntrustedAuthority: nothing vouches for the certificate authority that
// answers. Nothing was sent to it but a question.
var ErrUntrustedAuthority = errors.New("the certificate authority cannot be trusted")

// UseAES makes the PKCS#7 library encrypt with AES. Its algorithm is a variable
// of the process and starts as single DES, so the program that wires the
// enrolment sets it once, before any enrolment.
func UseAES() { pkcs7.ContentEncryptionAlgorithm = pkcs7.EncryptionAlgorithmAES256CBC }

// Authority says where a SCEP server is and who vouches for it.
type Authority struct {
	URL         string         // http or https
	Fingerprint string         // SHA-256 of the CA certificate in hexadecimal, colons allowed; optional with https
	Roots       *x509.CertPool // for https; nil: the system's
}

// authority is an Authority that has been asked for its certificates.
type authority struct {
	url       string
	client    *http.Client
	all       []*x509.Certificate
	recipient *x509.Certificate // whom the request is encrypted for
}

// open asks for capabilities and certificates, and checks both.
func (a Authority) open(ctx context.Context) (*authority, error) {
	pin, err := a.check()
	if err != nil {
		return nil, err
	}
	out := &authority{url: a.URL, client: &http.Client{
		Timeout:       timeout,
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: a.Roots}, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if err := out.capabilities(ctx); err != nil {
		return nil, err
	}
	if err := out.certificates(ctx); err != nil {
		return nil, err
	}
	return out, out.choose(pin)
}

// check refuses what would send the challenge to whoever answers.
func (a Authority) check() ([]byte, error) {
	u, err := url.Parse(a.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("SCEP URL %.200q: an http or https URL is expected", a.URL)
	case u.User != nil || u.Fragment != "":
		return nil, errors.New("SCEP URL: a name, a password or a fragment does not belong into it")
	case a.Fingerprint == "" && u.Scheme != "https":
		return nil, fmt.Errorf("%w: over http the SHA-256 fingerprint of its certificate is needed", ErrUntrustedAuthority)
	case a.Fingerprint == "":
		return nil, nil
	}
	pin, err := hex.DecodeString(strings.NewReplacer(":", "", " ", "").Replace(a.Fingerprint))
	if err != nil || len(pin) != sha256.Size {
		return nil, fmt.Errorf("fingerprint %.100q: 64 hexadecimal digits of a SHA-256 are expected", a.Fingerprint)
	}
	return pin, nil
}

// capabilities refuses a server that would make us fall back to DES or SHA-1.
func (a *authority) capabilities(ctx context.Context) error {
	raw, _, err := a.ask(ctx, http.MethodGet, "GetCACaps", nil)
	if err != nil {
		return err
	}
	caps := strings.Fields(strings.ToUpper(string(raw)))
	for _, needed := range []string{"AES", "SHA-256", "POSTPKIOPERATION"} {
		// SCEPStandard stands for all three (RFC 8894 §3.5.2).
		if !slices.Contains(caps, needed) && !slices.Contains(caps, "SCEPSTANDARD") {
			return fmt.Errorf("the SCEP server does not offer %s, which a safe enrolment needs", needed)
		}
	}
	return nil
}

func (a *authority) certificates(ctx context.Context) error {
	raw, kind, err := a.ask(ctx, http.MethodGet, "GetCACert", nil)
	if err != nil {
		return err
	}
	err = guarded(func() error {
		if strings.HasPrefix(kind, "application/x-x509-ca-ra-cert") {
			a.all, err = scep.CACerts(raw)
			return err
		}
		one, err := x509.ParseCertificate(raw)
		a.all = []*x509.Certificate{one}
		return err
	})
	if err != nil {
		return fmt.Errorf("read the SCEP server's certificates: %w", err)
	}
	if len(a.all) == 0 || len(a.all) > 16 {
		return fmt.Errorf("the SCEP server has %d certificates; 1 to 16 are expected", len(a.all))
	}
	return nil
}

// choose finds whom to encrypt for: a certificate that enciphers keys, which is
// the pinned one or signed by it. Without a pin TLS has vouched for all.
func (a *authority) choose(pin []byte) error {
	trusted := a.all
	if pin != nil {
		ca := a.pinned(pin)
		if ca == nil {
			return fmt.Errorf("%w: its certificate has another fingerprint: %s", ErrUntrustedAuthority, fingerprint(a.all[0]))
		}
		trusted = slices.DeleteFunc(slices.Clone(a.all), func(c *x509.Certificate) bool {
			return !c.Equal(ca) && c.CheckSignatureFrom(ca) != nil
		})
	}
	a.all = trusted
	for _, c := range trusted {
		// Where the usage is said, a registration authority is preferred by it.
		if c.KeyUsage&x509.KeyUsageKeyEncipherment != 0 || c.KeyUsage == 0 && len(trusted) == 1 {
			if a.recipient == nil || a.recipient.IsCA {
				a.recipient = c
			}
		}
	}
	if a.recipient == nil || a.recipient.PublicKeyAlgorithm != x509.RSA {
		return errors.New("the SCEP server has no RSA certificate for key encipherment")
	}
	return nil
}

func (a *authority) pinned(pin []byte) *x509.Certificate {
	for _, c := range a.all {
		sum := sha256.Sum256(c.Raw)
		if subtle.ConstantTimeCompare(sum[:], pin) == 1 {
			return c
		}
	}
	return nil
}

func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// ask makes one bounded request.
func (a *authority) ask(ctx context.Context, method, operation string, body []byte) ([]byte, string, error) {
	u, err := url.Parse(a.url)
	if err != nil {
		return nil, "", err
	}
	query := u.Query()
	query.Set("operation", operation)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/x-pki-message")
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return nil, "", fmt.Errorf("ask the SCEP server for %s: %w", operation, err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, "", fmt.Errorf("read the SCEP server's answer to %s: %w", operation, err)
	case resp.StatusCode != http.StatusOK:
		return nil, "", fmt.Errorf("the SCEP server answers %s with HTTP %d", operation, resp.StatusCode)
	case len(raw) > maxAnswer:
		return nil, "", fmt.Errorf("the SCEP server's answer to %s is longer than %d bytes", operation, maxAnswer)
	}
	return raw, resp.Header.Get("Content-Type"), nil
}

// guarded turns a panic of the parsers, which read bytes from the network, into
// an error.
func guarded(do func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("it is malformed: %v", r)
		}
	}()
	return do()
}
