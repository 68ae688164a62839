package org_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/clock/clocktest"
	"github.com/latchkey-mfa/latchkey/internal/device/org"
)

// patience is how long a test waits for what takes the three seconds of an
// answer at most.
const patience = 20 * time.Second

const keys = `{"keys":[]}`

type noIdentity struct{ err error }

func (n noIdentity) Certificate(context.Context) (tls.Certificate, error) {
	return tls.Certificate{}, n.err
}

// mac is a Mac that knows one org.
type mac struct {
	t        *testing.T
	clock    *clocktest.Clock
	settings org.Settings
	roots    *x509.CertPool
	*org.Org
}

func newMac(t *testing.T, url string, trusted ...*httptest.Server) *mac {
	m := &mac{t: t, clock: clocktest.New(), settings: org.Settings{URL: url, ClientID: "mac", Secret: "a-client-secret"}, roots: x509.NewCertPool()}
	for _, s := range trusted {
		m.roots.AddCert(s.Certificate())
	}
	m.Org = org.New(org.Options{Settings: func() (org.Settings, bool) { return m.settings, m.settings.URL != "" },
		Identity: noIdentity{errors.New("there is none")}, Roots: m.roots, Clock: m.clock, Now: time.Now})
	t.Cleanup(m.Wait)
	return m
}

// stands looks until the standing is known, as a conversation does at each tick.
func (m *mac) stands() (online bool, reason string) {
	m.t.Helper()
	for give := time.Now().Add(patience); time.Now().Before(give); {
		m.Look(m.t.Context())
		if online, reason = m.Standing(); online || !strings.HasPrefix(reason, "Looking") {
			return online, reason
		}
	}
	m.t.Fatal("the Mac never knows")
	return false, ""
}

func (m *mac) isOffline(reason string) {
	m.t.Helper()
	if online, got := m.stands(); online || !strings.Contains(got, reason) {
		m.t.Errorf("online %v, reason %q; want offline because %q", online, got, reason)
	}
}

func serve(t *testing.T, status int, kind, body string) *httptest.Server {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	s.Config.ErrorLog = nil
	t.Cleanup(s.Close)
	return s
}

// TestOfflineIsWhatDoesNotAnswer: each of these networks is up, as any
// interface would say.
func TestOfflineIsWhatDoesNotAnswer(t *testing.T) {
	const page = "<html><form>Room number and name, please</form></html>"
	t.Run("a sign-in page of the network, which has to be in the clear or under a wrong name, under the right one", func(t *testing.T) {
		s := serve(t, 200, "text/html", page)
		newMac(t, s.URL, s).isOffline("sign-in page")
	})
	t.Run("a network that sends one to its sign-in page", func(t *testing.T) {
		s := httptest.NewTLSServer(http.RedirectHandler("https://portal.example/", http.StatusFound))
		t.Cleanup(s.Close)
		newMac(t, s.URL, s).isOffline("sign-in page")
	})
	t.Run("TLS interception: a certificate that nobody here trusts", func(t *testing.T) {
		s := serve(t, 200, "application/json", keys)
		newMac(t, s.URL).isOffline("poses as it")
	})
	t.Run("DNS that lies: the name leads to somebody else, who has a good certificate of their own", func(t *testing.T) {
		s := serve(t, 200, "application/json", keys)
		// The test server's certificate is for example.com and 127.0.0.1, and
		// localhost is a name that leads to it all the same.
		newMac(t, strings.Replace(s.URL, "127.0.0.1", "localhost", 1), s).isOffline("poses as it")
	})
	t.Run("in the clear where TLS belongs", func(t *testing.T) {
		s := httptest.NewServer(http.NotFoundHandler())
		t.Cleanup(s.Close)
		newMac(t, strings.Replace(s.URL, "http:", "https:", 1)).isOffline("poses as it")
	})
	t.Run("a half-open connection", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		newMac(t, "https://"+l.Addr().String()).isOffline("cannot be reached")
	})
	t.Run("nothing there", func(t *testing.T) { newMac(t, "https://127.0.0.1:1").isOffline("cannot be reached") })
	for _, status := range []int{500, 502, 503} {
		t.Run(fmt.Sprint("an org that answers ", status), func(t *testing.T) {
			s := serve(t, status, "text/html", "<h1>oops</h1>")
			newMac(t, s.URL, s).isOffline(fmt.Sprintf("HTTP %d", status))
		})
	}
	t.Run("an org that answers 403", func(t *testing.T) {
		s := serve(t, 403, "text/html", "<h1>no</h1>")
		newMac(t, s.URL, s).isOffline("HTTP 403")
	})
	t.Run("no profile", func(t *testing.T) { newMac(t, "").isOffline("does not know your organization") })
}

func TestOnlineIsTheOrgsOwnAnswer(t *testing.T) {
	s := serve(t, 200, "application/json", keys)
	if online, reason := newMac(t, s.URL, s).stands(); !online || reason != "" {
		t.Errorf("offline: %s", reason)
	}
}

// TestTheNetworkComesBack, and goes, while somebody looks at the screen.
func TestTheNetworkComesBack(t *testing.T) {
	var up atomic.Bool
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !up.Load() {
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, keys)
	}))
	t.Cleanup(s.Close)
	m := newMac(t, s.URL, s)
	m.isOffline("HTTP 503")
	up.Store(true)
	m.isOffline("HTTP 503") // as of a moment ago
	m.clock.Run(3 * time.Second)
	if online, reason := m.stands(); !online {
		t.Errorf("still offline: %s", reason)
	}
	up.Store(false)
	m.clock.Run(11 * time.Second)
	m.isOffline("HTTP 503")
	up.Store(true)
	m.settings.ClientID = "another" // a profile that changes is another org
	if online, _ := m.stands(); !online {
		t.Error("what the earlier profile's org said is held against the new one")
	}
	m.Failed(errors.New("broken pipe"))
	m.isOffline("cannot be reached")
}

// TestALatchkeyOrgIsMetOnItsDeviceListener, with the certificate, and never
// without.
func TestALatchkeyOrgIsMetOnItsDeviceListener(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/.well-known/latchkey" {
			_, _ = io.WriteString(w, `{"device_url":"https://127.0.0.1:1"}`)
			return
		}
		_, _ = io.WriteString(w, keys)
	}))
	t.Cleanup(s.Close)
	m := newMac(t, s.URL, s)
	m.settings.Own = true
	m.isOffline("no certificate")
	if _, err := m.Client(t.Context()); !errors.Is(err, org.ErrNoCertificate) {
		t.Errorf("a client without a certificate: %v", err)
	}
	m.settings.Own = false // check-in is elsewhere: this is an org of another make
	if online, reason := m.stands(); !online {
		t.Error(reason)
	}
}
