package directauth_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/pkg/directauth"
)

// over is a client of whatever listens at an address.
func over(t *testing.T, issuer string, h *http.Client) *directauth.Client {
	t.Helper()
	c, err := directauth.New(directauth.Config{Issuer: issuer, ClientID: clientID, ClientSecret: clientSecret, HTTP: h, RequestTimeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// unreachable checks that Reach found something that is not the org.
func unreachable(t *testing.T, err error, kind, words string) {
	t.Helper()
	u, ok := err.(*directauth.Unreachable) // not errors.As: the type is promised
	if !ok || u.Kind != kind || !strings.Contains(err.Error(), words) {
		t.Errorf("%v: %T, want kind %s with %q", err, err, kind, words)
	}
}

// TestReach over real sockets: only the org's own keys are online.
func TestReach(t *testing.T) {
	page := func(status int, contentType, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	for name, c := range map[string]struct {
		h           http.HandlerFunc
		kind, words string // "" is online
	}{
		"the org":                   {page(200, "application/json", newOrg(t).keySet()), "", ""},
		"a captive portal":          {page(200, "text/html", "<html>Accept our terms"), directauth.NotJSON, "text/html"},
		"a portal that speaks JSON": {page(200, "application/json", `{"login":"https://portal.example"}`), directauth.NotJSON, "no JSON key set"},
		"keys of another shape":     {page(200, "application/json", `{"keys":"none"}`), directauth.NotJSON, "keys has another type"},
		"a redirect":                {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "https://portal.example/x?y", 302) }, directauth.Redirect, "redirected to portal.example"},
		"a proxy that forbids":      {page(403, "text/html", "<html>blocked"), directauth.Status, "status 403, text/html"},
		"a server that fails":       {page(500, "text/html", "<html>oops"), directauth.Status, "status 500, text/html"},
		"an org that fails":         {page(500, "application/json", `{"errorCode":"E0000009","errorSummary":"Internal Server Error","errorId":"x1"}`), directauth.Status, "E0000009"},
		"too many requests":         {page(429, "application/json", `{"errorCode":"E0000047"}`), directauth.Status, "too many requests"},
		"an endless answer":         {page(200, "application/json", `{"keys":["`+strings.Repeat("x", 1<<20)+`"]}`), directauth.NotJSON, "more than 64 KiB"},
		"cut in the middle": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte(`{"keys":[`))
		}, directauth.NoAnswer, "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if asked++; r.Method != http.MethodGet || r.URL.Path != "/oauth2/v1/keys" || r.Header.Get("Authorization") != "" {
					t.Errorf("%s %s", r.Method, r.URL)
				}
				c.h(w, r)
			}))
			defer server.Close()
			err := over(t, server.URL, server.Client()).Reach(t.Context())
			if c.kind == "" && err != nil || asked != 1 {
				t.Errorf("%v after %d requests", err, asked)
			}
			if c.kind != "" {
				unreachable(t, err, c.kind, c.words)
			}
		})
	}
}

// TestInterception: whoever answers with a certificate that is not the org's,
// or with none, gets no request.
func TestInterception(t *testing.T) {
	asked := false
	h := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true })
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = quietLog()
	server.StartTLS()
	defer server.Close()
	unreachable(t, over(t, server.URL, nil).Reach(t.Context()), directauth.BadTLS, "unknown authority")

	// A lying DNS leads to a server that has a good certificate, for itself.
	lying := server.Client().Transport.(*http.Transport).Clone()
	lying.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
	}
	unreachable(t, over(t, "https://org.invalid", &http.Client{Transport: lying}).Reach(t.Context()), directauth.BadTLS, "not org.invalid")
	_, err := over(t, "https://org.invalid", &http.Client{Transport: lying}).OTP(t.Context(), ada, "012345")
	var silent *directauth.Unreachable
	if !errors.As(err, &silent) || silent.Kind != directauth.BadTLS {
		t.Error(err)
	}

	// A portal that answers in the clear on the port for TLS.
	clear := httptest.NewServer(h)
	defer clear.Close()
	unreachable(t, over(t, strings.Replace(clear.URL, "http:", "https:", 1), nil).Reach(t.Context()), directauth.BadTLS, "HTTP")

	// A server that wants nothing of our TLS.
	old := httptest.NewUnstartedServer(h)
	old.TLS, old.Config.ErrorLog = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}, quietLog()
	old.StartTLS()
	defer old.Close()
	unreachable(t, over(t, old.URL, nil).Reach(t.Context()), directauth.BadTLS, "protocol version")
	if asked {
		t.Error("a request was sent")
	}
}

// TestHalfOpen: what takes a connection and never answers is given up with the
// context; what takes none, at once.
func TestHalfOpen(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var taken sync.WaitGroup
	taken.Go(func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			defer c.Close()
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	err = over(t, "https://"+l.Addr().String(), nil).Reach(ctx)
	unreachable(t, err, directauth.NoAnswer, "deadline exceeded")
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
	l.Close()
	taken.Wait()
	unreachable(t, over(t, "https://"+l.Addr().String(), nil).Reach(t.Context()), directauth.NoAnswer, "refused")
}

// quietLog is for a server whose clients go away on purpose.
func quietLog() *log.Logger { return log.New(io.Discard, "", 0) }
