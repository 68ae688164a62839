package webpush

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	push "github.com/SherClockHolmes/webpush-go"
)

// ErrSubscription is one that is malformed, or of a service that is not on the
// list.
var ErrSubscription = errors.New("not a subscription of a push service on the list")

// Services are the push services of the browsers: hosts, and with a dot in front
// all hosts below.
func Services() []string {
	return []string{".push.apple.com", "fcm.googleapis.com", ".push.services.mozilla.com", ".notify.windows.com"}
}

// Lengths of the parts of a subscription (RFC 8291 §3.1): an uncompressed point
// on P-256, and a secret.
const (
	pointSize  = 65
	secretSize = 16
)

// Check reads a browser's subscription. The error is ErrSubscription.
func (s *Sender) Check(raw []byte) (service string, err error) {
	_, service, err = s.read(raw)
	return service, err
}

func (s *Sender) read(raw []byte) (sub *push.Subscription, service string, err error) {
	sub = &push.Subscription{}
	if err := json.Unmarshal(raw, sub); err != nil {
		return nil, "", errors.Join(ErrSubscription, err)
	}
	u, err := url.Parse(sub.Endpoint)
	if err != nil || u.Scheme != "https" || u.User != nil || u.Opaque != "" || !s.listed(u) {
		return nil, "", ErrSubscription
	}
	for _, part := range []struct {
		text string
		size int
	}{{sub.Keys.P256dh, pointSize}, {sub.Keys.Auth, secretSize}} {
		key, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(part.text, "="))
		if err != nil || len(key) != part.size {
			return nil, "", ErrSubscription
		}
	}
	return sub, strings.ToLower(u.Hostname()), nil
}

// listed: the browsers' services are met at the usual port alone, those that the
// flag names at the port that it names.
func (s *Sender) listed(u *url.URL) bool {
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if s.own(host, port) {
		return true
	}
	if port != "" && port != httpsPort {
		return false
	}
	for _, service := range Services() {
		if host == service || strings.HasPrefix(service, ".") && strings.HasSuffix(host, service) {
			return true
		}
	}
	return false
}

const httpsPort = "443"

// CheckOwn is nil for services as Config.Own takes them.
func CheckOwn(services []string) error {
	for _, s := range services {
		u, err := url.Parse("https://" + s)
		if err != nil || u.Host != s || u.Hostname() == "" {
			return fmt.Errorf("%q: want HOST or HOST:PORT", s)
		}
	}
	return nil
}

// own reports whether the flag names a host with its port.
func (s *Sender) own(host, port string) bool {
	for _, named := range s.Own {
		name, at, found := strings.Cut(strings.ToLower(named), ":")
		if !found {
			at = httpsPort
		}
		if port == "" {
			port = httpsPort
		}
		if name == host && at == port {
			return true
		}
	}
	return false
}
