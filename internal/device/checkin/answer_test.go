package checkin

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

func TestNoServerNoCertificate(t *testing.T) {
	o := newOrg(t)
	m, r := newMac(t, o)
	m.url = ""
	if _, err := r.Now(t.Context()); !errors.Is(err, ErrNoServer) {
		t.Error(err)
	}
	m.url, m.certErr = o.main.URL, errors.New("expired yesterday")
	if _, err := r.Now(t.Context()); !errors.Is(err, ErrNoCertificate) || !strings.Contains(err.Error(), "expired yesterday") {
		t.Error(err)
	}
}

func TestDiscoveryRefusals(t *testing.T) {
	for body, want := range map[string]string{
		`{}`:                                   "device_url: it is no https URL",
		`{"device_url":"http://127.0.0.1"}`:    "it is no https URL",
		`{"device_url":"https://a:b@c.d"}`:     "only host, port and path",
		`{"device_url":"https://c.d/?x"}`:      "only host, port and path",
		`{"device_url":"https://c.d","x":1}`:   "unknown field",
		`{"device_url":"https://c.d"} trailer`: "something follows",
		`{"device_url":"https://c.d"}{}`:       "something follows",
		`<html>`:                               "invalid character",
		strings.Repeat(" ", maxWellKnown+1):    "too long",
	} {
		o := newOrg(t)
		_, r := newMac(t, o)
		o.known = body
		if _, err := r.Now(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v", body, err)
		}
		if len(o.requests()) != 0 {
			t.Errorf("%.60s: a check-in was sent", body)
		}
	}
	o := newOrg(t)
	m, r := newMac(t, o)
	m.url = o.main.URL + "/elsewhere"
	if _, err := r.Now(t.Context()); !errors.Is(err, ErrNotLatchkey) {
		t.Errorf("a server without discovery: %v", err)
	}
}

// TestTLSRefusals: neither side is believed on its word.
func TestTLSRefusals(t *testing.T) {
	o, stranger := newOrg(t), newOrg(t)
	o.answer, stranger.answer = acceptAll, acceptAll
	m, _ := newMac(t, o)
	if _, err := m.runner(stranger.ca.pool()).Now(t.Context()); err == nil || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("a server that nobody vouches for: %v", err)
	}
	other, _ := newMac(t, stranger)
	m.cert = other.cert
	if _, err := m.runner(o.ca.pool()).Now(t.Context()); err == nil || len(o.requests()) != 0 {
		t.Errorf("a device with another org's certificate: %v", err)
	}
}

// TestOldTLSIsRefused: a device API below TLS 1.3 shows the certificate, and so
// who is checking in, to the network.
func TestOldTLSIsRefused(t *testing.T) {
	o := newOrg(t)
	m, r := newMac(t, o)
	old := &tls.Config{MaxVersion: tls.VersionTLS12, Certificates: o.device.TLS.Certificates}
	l, err := tls.Listen("tcp", "127.0.0.1:0", old)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			go func(c net.Conn) { _ = c.(*tls.Conn).Handshake(); c.Close() }(c)
		}
	}()
	o.known = `{"device_url":"https://` + l.Addr().String() + `"}`
	if _, err := r.Now(t.Context()); err == nil || !strings.Contains(err.Error(), "protocol version") || m.record.URL != "" {
		t.Error(err)
	}
}

func TestBadAnswers(t *testing.T) {
	good := `{"now":"2026-03-01T12:00:00Z","device_id":"d","next_in":60,"more":false,"min_agent":"","events":[],"secrets":[],"accounts":[],"settings":{"recovery":true,"end_window_on_enrol":false,"number_matching":true},"commands":[]}`
	if _, err := decodeAnswer([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{
		"empty":             "",
		"not an object":     `[]`,
		"cut":               good[:len(good)-1],
		"something behind":  good + "{}",
		"an unknown member": strings.Replace(good, `"more"`, `"moar"`, 1),
		"no time":           strings.Replace(good, "2026-03-01T12:00:00Z", "0001-01-01T00:00:00Z", 1),
		"a time long past":  strings.Replace(good, "2026", "1999", 1),
		"a time far ahead":  strings.Replace(good, "2026", "9999", 1),
		"no device id":      strings.Replace(good, `"d"`, `""`, 1),
		"a negative wait":   strings.Replace(good, "60", "-1", 1),
		"an unknown result": strings.Replace(good, `"secrets":[]`, `"secrets":[{"guid":"g","generation":1,"result":"fine"}]`, 1),
		"a nameless order":  strings.Replace(good, `"commands":[]`, `"commands":[{"id":"","kind":"rotate"}]`, 1),
		"a long token":      strings.Replace(good, `"next_in"`, `"token":"`+strings.Repeat("x", 2000)+`","next_in"`, 1),
		"too long":          strings.Repeat(" ", maxAnswer) + good,
	} {
		t.Run(name, func(t *testing.T) {
			o := newOrg(t)
			m, r := newMac(t, o)
			m.events = events(1)
			o.answer = func(_ int, _ wire.CheckIn, w http.ResponseWriter) { refuse(w, http.StatusOK, body) }
			if _, err := r.Now(t.Context()); err == nil {
				t.Error("taken")
			}
			if len(m.applied) != 0 || len(m.delivered) != 0 || m.record.URL != "" {
				t.Error("something of it was taken")
			}
		})
	}
}

// A Mac that has lost its store numbers its secret as one that the server had
// long ago. The number above goes in the same check-in, or nobody could be read
// a PIN until the next; a server that is never content is asked twice only.
func TestAStaleSecretIsSentAgainAtOnce(t *testing.T) {
	o := newOrg(t)
	m, r := newMac(t, o)
	m.record = Record{URL: o.main.URL}
	m.uploads = []wire.SecretUpload{upload}
	o.answer = func(_ int, c wire.CheckIn, w http.ResponseWriter) {
		accept(c, w, func(a *wire.CheckInAnswer) {
			a.Secrets = []wire.SecretResult{{GUID: upload.GUID, Generation: 9, Result: wire.SecretStale}}
		})
	}
	if _, err := r.Now(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := o.requests(); len(got) != 2 {
		t.Errorf("%d requests", len(got))
	}
}

func FuzzDecodeAnswer(f *testing.F) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, a := range []wire.CheckInAnswer{
		{Now: now, DeviceID: "d"},
		{Now: now, DeviceID: "d", Token: "t", NextIn: 60, Events: []string{"a"}, Secrets: []wire.SecretResult{{GUID: "g", Generation: 1, Result: "stale"}},
			Commands: []wire.Command{{ID: "c", Kind: "rotate"}}, Accounts: []wire.AccountAnswer{{GUID: "g", FirstGovernedAt: &now}}},
	} {
		raw, err := json.Marshal(a)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(`{"now":"2026-03-01T12:00:00Z","device_id":"d","commands":null} {}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, err := decodeAnswer(raw)
		if err != nil {
			if !reflect.DeepEqual(a, wire.CheckInAnswer{}) {
				t.Fatal("an error came with an answer")
			}
			return
		}
		if a.DeviceID == "" || a.NextIn < 0 || a.Now.Year() < 2025 || a.Now.Year() > 2200 {
			t.Fatalf("%+v", a)
		}
		onlyAsked(wire.CheckIn{}, &a)
		if len(a.Events)+len(a.Secrets) != 0 {
			t.Fatal("an answer to nothing confirms something")
		}
	})
}
