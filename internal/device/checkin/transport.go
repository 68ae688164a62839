package checkin

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// Deadlines and bounds of a request. An answer carries the server's time, so one
// that was held back for longer than the 30 s of skew that a recovery PIN
// allows must not count.
const (
	requestTimeout = 25 * time.Second
	maxWellKnown   = 64 << 10
	maxRoots       = 4 << 20
	findAgain      = 24 * time.Hour
)

// place is where the device API of a server was found.
type place struct {
	url    string // the server's own
	device string // of its device API, without a slash at the end
	at     time.Duration
}

// LoadRoots reads a PEM file of certificate authorities to trust besides the
// system's, for an org whose server has a certificate of its own making.
func LoadRoots(file string) (*x509.CertPool, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read the certificate authorities: %w", err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxRoots))
	if err != nil {
		return nil, fmt.Errorf("read the certificate authorities in %s: %w", file, err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(raw) {
		return nil, fmt.Errorf("%s holds no certificate; PEM blocks that begin with -----BEGIN CERTIFICATE----- are expected", file)
	}
	return pool, nil
}

// client is for one check-in. It never follows a redirect: where the server is,
// the profile says, and where its device API is, only the server.
func (r *Runner) client(certificate *tls.Certificate) *http.Client {
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: r.o.Roots}
	if certificate != nil {
		config.MinVersion = tls.VersionTLS13
		// Asked for whatever authorities the server names: it has one to check.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return certificate, nil }
	}
	return &http.Client{
		Timeout: requestTimeout,
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: config, DisableCompression: true,
			TLSHandshakeTimeout: 10 * time.Second, MaxResponseHeaderBytes: 64 << 10, IdleConnTimeout: requestTimeout,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// find asks the server where its device API is, once a day and after a failure.
func (r *Runner) find(ctx context.Context, url string) (place, error) {
	now := r.o.Clock.Continuous()
	if r.found != nil && r.found.url == url && now-r.found.at < findAgain {
		return *r.found, nil
	}
	client := r.client(nil)
	defer client.CloseIdleConnections()
	device, err := discover(ctx, client, url)
	if err != nil {
		return place{}, fmt.Errorf("look for the server at %s: %w", url, err)
	}
	r.found = &place{url, device, now}
	return *r.found, nil
}

func discover(ctx context.Context, client *http.Client, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+wire.WellKnownPath, nil)
	if err != nil {
		return "", err
	}
	status, _, raw, err := do(client, req, maxWellKnown)
	if err != nil {
		return "", err
	}
	if status != http.StatusOK {
		return "", fmt.Errorf("%w: HTTP %d at %s", ErrNotLatchkey, status, wire.WellKnownPath)
	}
	var known wire.WellKnown
	if err := decode(raw, &known); err != nil {
		return "", fmt.Errorf("%w: %s cannot be read: %w", ErrNotLatchkey, wire.WellKnownPath, err)
	}
	if err := httpsURL(known.DeviceURL); err != nil {
		return "", fmt.Errorf("%w: device_url: %w", ErrNotLatchkey, err)
	}
	return strings.TrimRight(known.DeviceURL, "/"), nil
}

// post sends a check-in. An error that is no *Refusal leaves open whether the
// server has carried it out.
func post(ctx context.Context, client *http.Client, device string, body []byte, agent string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, device+wire.CheckInPath, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "latchkeyd/"+printable(agent, 40))
	status, header, raw, err := do(client, req, maxAnswer)
	if err != nil {
		return nil, fmt.Errorf("check in at %s: %w", device, err)
	}
	if status != http.StatusOK {
		return nil, refusal(status, header, raw)
	}
	return raw, nil
}

var errTooLong = errors.New("the answer is too long")

// do reads the whole of a bounded answer.
func do(client *http.Client, req *http.Request, most int64) (int, http.Header, []byte, error) {
	req.Header.Set("Accept", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	if err == nil && int64(len(raw)) > most {
		err = errTooLong
	}
	return resp.StatusCode, resp.Header, raw, err
}
