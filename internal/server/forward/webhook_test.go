package forward

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

const secret = "a secret of the webhook's"

// hook is a receiver that checks what it gets as a stranger would.
type hook struct {
	*httptest.Server
	t      *testing.T
	status int
	got    []string
}

func newHook(t *testing.T) *hook {
	h := &hook{t: t, status: http.StatusNoContent}
	h.Server = httptest.NewTLSServer(h)
	t.Cleanup(h.Close)
	return h
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	var stamp int64
	var signed string
	if _, scanned := fmt.Sscanf(r.Header.Get(SignatureHeader), "t=%d,v1=%s", &stamp, &signed); err != nil || scanned != nil {
		h.t.Errorf("%v, %v", err, scanned)
	}
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d.%s", stamp, raw)
	if signed != hex.EncodeToString(mac.Sum(nil)) || r.URL.RawQuery != "key=hidden" || r.Header.Get("Content-Type") != "application/json" {
		h.t.Errorf("%s: %q, %s", r.URL, r.Header, signed)
	}
	var body struct{ Events []systemlog.Entry }
	if err := json.Unmarshal(raw, &body); err != nil {
		h.t.Error(err)
	}
	if h.status < 300 {
		for _, e := range body.Events {
			h.got = append(h.got, e.DebugContext.DebugData["n"])
		}
	}
	if h.status == http.StatusFound {
		w.Header().Set("Location", "/elsewhere?key=hidden")
	}
	w.WriteHeader(h.status)
}

func (h *hook) destination(now func() time.Time) Destination {
	h.t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(h.Certificate())
	d, err := Parse(h.URL+"/events?key=hidden", Settings{Roots: roots, Secret: []byte(secret), Now: now})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(d.(*Webhook).HTTP.CloseIdleConnections)
	return d
}

// TestAWebhook: signed, in order, and again until it is acknowledged.
func TestAWebhook(t *testing.T) {
	h, to := newHouse(t), newHook(t)
	f := h.server("a", to.destination(func() time.Time { return h.now }))
	turns(t, f, 1)
	h.happens(3)
	for _, status := range []int{http.StatusInternalServerError, http.StatusTooManyRequests, http.StatusBadRequest, http.StatusGone, http.StatusFound} {
		to.status = status
		err := turns(t, f, 1)
		if err == nil || !strings.Contains(err.Error(), fmt.Sprint(status)) {
			t.Errorf("%d: %v", status, err)
		}
	}
	to.status = http.StatusOK
	if err := turns(t, f, 2); err != nil || strings.Join(to.got, " ") != "1 2 3" {
		t.Errorf("%v, got %q", err, to.got)
	}
	if s := h.standing(); strings.Contains(s.Destination, "hidden") || s.Seq != 3 {
		t.Errorf("%+v", s)
	}
	to.Close()
	h.happens(1)
	if err := turns(t, f, 1); err == nil || strings.Contains(err.Error()+h.standing().Trouble, "hidden") {
		t.Errorf("nobody listens: %v", err)
	}
}

func TestWhereEventsMayGo(t *testing.T) {
	for text, want := range map[string]string{
		"syslog+tls://siem.example":                      "syslog+tls://siem.example:6514",
		"syslog+tcp://siem.example:1514":                 "syslog+tcp://siem.example:1514",
		"syslog+udp://[2001:db8::1]":                     "syslog+udp://[2001:db8::1]:514",
		"https://user:pass@siem.example/in?key=abc":      "https://siem.example/in",
		"http://siem.example/in":                         "!want https",
		"syslog://siem.example":                          "!want https",
		"syslog+dtls://siem.example":                     "!as syslog+tls",
		"syslog+tls://siem.example/path":                 "!alone",
		"siem.example:514":                               "!want https",
		"https://":                                       "!want https",
		"":                                               "!want https",
		"https://a.example/" + strings.Repeat("x", 3000): "!want https",
	} {
		d, err := Parse(text, Settings{Secret: []byte(secret)})
		if words, bad := strings.CutPrefix(want, "!"); bad {
			if err == nil || !strings.Contains(err.Error(), words) {
				t.Errorf("%.40q: %v, want %q", text, err, words)
			}
		} else if err != nil || d.Name() != want {
			t.Errorf("%q: %v, %v; want %q", text, d, err, want)
		}
	}
	if _, err := Parse("https://siem.example/in", Settings{Secret: []byte("short")}); err == nil || !strings.Contains(err.Error(), "16 bytes") {
		t.Errorf("a short secret: %v", err)
	}
}

// FuzzParse: an address is refused, or has a name without anything secret.
func FuzzParse(f *testing.F) {
	f.Add("https://user:pass@siem.example/in?key=abc#x")
	f.Add("syslog+tls://siem.example:6514")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := Parse(text, Settings{Secret: []byte(secret)})
		if (d == nil) == (err == nil) {
			t.Errorf("%v, %v", d, err)
		}
		if d == nil {
			return
		}
		if shown, err := url.Parse(d.Name()); err != nil || shown.User != nil || shown.RawQuery != "" || shown.Fragment != "" {
			t.Errorf("%q is shown as %q", text, d.Name())
		}
	})
}
