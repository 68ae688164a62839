package webpush

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
)

// FuzzSubscription: what is taken is at https, at a host on the list.
func FuzzSubscription(f *testing.F) {
	f.Add([]byte(`{"endpoint":"https://fcm.googleapis.com/x","keys":{"p256dh":"` + strings.Repeat("A", 87) + `","auth":"` + strings.Repeat("A", 22) + `"}}`))
	f.Add([]byte(`{"endpoint":"https://evil.example/x","keys":{}}`))
	s := &Sender{Config: Config{Own: []string{"push.example.com:8443"}}}
	f.Fuzz(func(t *testing.T, raw []byte) {
		sub, service, err := s.read(raw)
		if err != nil {
			if sub != nil || service != "" || !errors.Is(err, ErrSubscription) {
				t.Errorf("%v %q %v", sub, service, err)
			}
			return
		}
		u, err := url.Parse(sub.Endpoint)
		if err != nil || u.Scheme != "https" || !strings.EqualFold(u.Hostname(), service) || !s.listed(u) {
			t.Errorf("%q was taken", sub.Endpoint)
		}
	})
}

// TestPrivateAddresses: a name on the list that leads into the org is not
// followed; one that the flag names is.
func TestPrivateAddresses(t *testing.T) {
	for at, want := range map[string]bool{"93.184.215.14:443": true, "[2606:2800:21f:cb07:6820:80da:af6b:8b2c]:443": true, "127.0.0.1:443": false, "10.1.2.3:443": false, "172.16.0.1:443": false,
		"192.168.1.1:443": false, "169.254.169.254:443": false, "100.64.0.1:443": false, "0.0.0.0:443": false, "224.0.0.1:443": false, "255.255.255.255:443": false, "[::1]:443": false,
		"[fe80::1]:443": false, "[fd00::1]:443": false, "[::ffff:10.0.0.1]:443": false, "[64:ff9b::a00:1]:443": false, "[2002:a00:1::1]:443": false, "[::]:443": false, "x": false} {
		if public(at) != want {
			t.Errorf("%s: %v, want %v", at, !want, want)
		}
	}
	s := &Sender{}
	if _, err := s.dial(context.Background(), "tcp", "localhost:443"); !errors.Is(err, errPrivate) {
		t.Errorf("localhost: %v", err)
	}
	s.Own = []string{"localhost:1"}
	if c, err := s.dial(context.Background(), "tcp", "localhost:1"); errors.Is(err, errPrivate) {
		t.Errorf("what the flag names: %v", err)
	} else if err == nil {
		c.Close()
	}
}
