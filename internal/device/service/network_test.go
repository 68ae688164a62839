package service_test

import (
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// atOrg is a Mac whose profile names that org, whose certificate it trusts.
func (m *mac) atOrg(url string, trusted *httptest.Server) *mac {
	m.t.Helper()
	if trusted != nil {
		m.options.CAFile = filepath.Join(m.root, "ca.pem")
		m.ok(os.WriteFile(m.options.CAFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: trusted.Certificate().Raw}), 0o644))
	}
	raw, err := os.ReadFile(m.profilePath())
	m.ok(err)
	m.put(strings.Replace(string(raw), "https://127.0.0.1:1", url, 1))
	return m
}

// list is the list of ways, once each says whether it can be chosen and not
// that it is being looked at.
func (l *login) list() map[string]wire.Choice {
	l.m.t.Helper()
	for {
		found, looking := map[string]wire.Choice{}, len(l.screen.Choices) == 0
		for _, c := range l.screen.Choices {
			found[c.ID] = c
			looking = looking || strings.HasPrefix(c.Reason, "Looking")
		}
		if !looking {
			return found
		}
		l.takes()
	}
}

// takes is the next screen, of any kind.
func (l *login) takes() {
	l.m.t.Helper()
	screen, err := wire.ScreenFrom(l.next().Body)
	l.m.ok(err)
	l.screen = screen
}

// TestABadNetworkIsOffline: whatever the network pretends, the person sees the
// ways that work, the reason beside the others, and Contact admin.
func TestABadNetworkIsOffline(t *testing.T) {
	const page = "<html>Room number, please</html>"
	html := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	halfOpen := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return "https://" + l.Addr().String()
	}
	for _, tt := range []struct {
		name    string
		answers http.HandlerFunc // nil: a connection that nobody answers on
		trusted bool
		host    string // the host that the profile has, in place of the address
		reason  string
	}{
		{"a sign-in page", html(200, page), true, "", "sign-in page"},
		{"sent to a sign-in page", http.RedirectHandler("https://portal.example", 302).ServeHTTP, true, "", "sign-in page"},
		{"TLS interception", html(200, page), false, "", "poses as it"},
		{"DNS that lies", html(200, page), true, "localhost", "poses as it"},
		{"500", html(500, page), true, "", "HTTP 500"},
		{"403", html(403, page), true, "", "HTTP 403"},
		{"a half-open connection", nil, false, "", "cannot be reached"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newMac(t)
			address := ""
			if tt.answers == nil {
				address = halfOpen()
			} else {
				s := httptest.NewTLSServer(tt.answers)
				t.Cleanup(s.Close)
				address = s.URL
				if tt.trusted {
					m.atOrg("https://unused.example", s)
				}
			}
			if tt.host != "" {
				address = strings.Replace(address, "127.0.0.1", tt.host, 1)
			}
			m.profile("")
			m.atOrg(address, nil).start()
			m.enrols(ada)
			m.clock.Run(time.Minute)
			begun := time.Now()
			l := m.login(ada)
			l.takes()
			list := l.list()
			t.Logf("the list is right after %v", time.Since(begun))
			if code, link := list["Offline_TOTP"], list["link"]; !code.Enabled || link.Enabled || !strings.Contains(link.Reason, tt.reason) {
				t.Errorf("the list is %+v", list)
			}
			l.act(wire.ActionContact, "", nil).shows(wire.KindContact)
		})
	}
}

// TestTheNetworkComesBackWhileThePanelIsOpen, and what needs the org can be
// chosen without beginning anew.
func TestTheNetworkComesBackWhileThePanelIsOpen(t *testing.T) {
	var up atomic.Bool
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !up.Load() || strings.HasPrefix(r.URL.Path, "/.well-known") {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, `{"keys":[]}`)
	}))
	t.Cleanup(s.Close)
	m := newMac(t)
	m.atOrg(s.URL, s).start()
	m.enrols(ada)
	m.clock.Run(time.Minute)
	l := m.login(ada)
	l.takes()
	if link := l.list()["link"]; link.Enabled {
		t.Fatalf("%+v", link)
	}
	up.Store(true)
	m.clock.Run(3 * time.Second)
	for !l.list()["link"].Enabled {
		l.takes()
	}
	up.Store(false)
	m.clock.Run(20 * time.Second)
	for l.list()["link"].Enabled {
		l.takes()
	}
}
