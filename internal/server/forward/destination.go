package forward

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"
)

// Settings are what destinations are made with.
type Settings struct {
	Roots  *x509.CertPool // that receivers are checked against; nil: the system's
	Secret []byte         // that deliveries to webhooks are signed with
	Host   string         // this server's name, in syslog messages
	Now    func() time.Time
}

// minSecret is the shortest secret of a webhook, in bytes.
const minSecret = 16

const wantSyslog = "syslog+tls://HOST:PORT, syslog+tcp://HOST:PORT or syslog+udp://HOST:PORT for syslog"

// Parse reads where events are to go: syslog+tls://host:port, syslog+tcp://,
// syslog+udp://, or an https:// address of a webhook.
func Parse(text string, s Settings) (Destination, error) {
	at, err := url.Parse(text)
	if err != nil || !isHost(at.Hostname()) || len(text) > 2048 {
		return nil, errors.New("want https://HOST/PATH for a webhook, or " + wantSyslog)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: s.Roots, ServerName: at.Hostname()}
	if network, is := strings.CutPrefix(at.Scheme, "syslog+"); is {
		port := map[string]string{"tls": "6514", "tcp": "601", "udp": "514"}[network]
		if port == "" || strings.Trim(at.Path, "/") != "" || at.RawQuery != "" || at.User != nil {
			return nil, fmt.Errorf("%s://: want a host with its port alone, as %s", at.Scheme, wantSyslog)
		}
		if p := at.Port(); p != "" {
			port = p
		}
		return &Syslog{Network: network, Address: net.JoinHostPort(at.Hostname(), port), TLS: config, Host: s.Host}, nil
	}
	if at.Scheme != "https" {
		return nil, fmt.Errorf("%s://: want https:// for a webhook, as events never travel to one without TLS, or %s", at.Scheme, wantSyslog)
	}
	if len(s.Secret) < minSecret {
		return nil, fmt.Errorf("a webhook needs a secret of %d bytes or more that deliveries are signed with", minSecret)
	}
	shown := *at
	shown.User, shown.RawQuery, shown.Fragment = nil, "", ""
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: config, TLSHandshakeTimeout: sendWithin, MaxResponseHeaderBytes: 64 << 10, IdleConnTimeout: time.Minute, MaxIdleConnsPerHost: 1}
	return &Webhook{URL: shown.String(), Target: at.String(), Secret: s.Secret, Now: s.Now,
		HTTP: &http.Client{Timeout: sendWithin, Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}, nil
}

// isHost: an address, or a name as DNS has them.
func isHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	return s != "" && len(s) <= 253 && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' || r == '_')
	})
}

// bare takes the address off an error: its query may be secret.
func bare(err error) error {
	var with *url.Error
	if errors.As(err, &with) {
		return with.Err
	}
	return err
}

// HostName is this machine's, for syslog.
func HostName() string {
	name, err := os.Hostname()
	if err != nil {
		return "-"
	}
	return name
}
