package checkin

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

func events(n int) []wire.Event {
	out := make([]wire.Event, n)
	for i := range out {
		out[i] = wire.Event{ID: fmt.Sprintf("e%d", i), Type: "x", Detail: map[string]string{}}
	}
	return out
}

var upload = wire.SecretUpload{GUID: "g1", Generation: 3, Key: []byte("0123456789abcdef0123456789abcdef")}

// TestFirstCheckIn: the first request holds neither secrets nor a token; once
// the server has answered it, the second follows at once and holds both.
func TestFirstCheckIn(t *testing.T) {
	o := newOrg(t)
	m, r := newMac(t, o)
	m.events, m.uploads = events(2), []wire.SecretUpload{upload}
	m.record.Token = "of another server"
	o.answer = func(n int, c wire.CheckIn, w http.ResponseWriter) {
		accept(c, w, func(a *wire.CheckInAnswer) { a.Token = fmt.Sprintf("token%d", n) })
	}
	result, err := r.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := o.requests()
	if len(got) != 2 || result.Rounds != 2 || result.Events != 2 || result.DeviceID != "dev1" || result.NextIn != 5*time.Minute {
		t.Fatalf("%d requests, %+v", len(got), result)
	}
	if got[0].Seq != 1 || got[0].V != 1 || got[0].Token != "" || len(got[0].Secrets) != 0 || len(got[0].Events) != 2 {
		t.Errorf("first: %+v", got[0])
	}
	if got[1].Seq != 2 || got[1].Token != "token1" || !reflect.DeepEqual(got[1].Secrets, []wire.SecretUpload{upload}) || len(got[1].Events) != 0 {
		t.Errorf("second: seq %d, token %q, %d secrets", got[1].Seq, got[1].Token, len(got[1].Secrets))
	}
	if strings.Contains(string(o.bodies[0]), "another server") || o.peers[0] != "mac" || o.versions[0] != tls.VersionTLS13 {
		t.Errorf("first request of %s over %x", o.peers[0], o.versions[0])
	}
	if len(m.results) != 1 || len(m.applied) != 2 || strings.Join(m.delivered, " ") != "e0 e1" {
		t.Errorf("results %v, applied %d, delivered %v", m.results, len(m.applied), m.delivered)
	}
	if m.record.Token != "token2" || m.record.URL != o.main.URL || m.record.Seq != 2 {
		t.Errorf("kept: seq %d, url %s", m.record.Seq, m.record.URL)
	}
	if s := r.Status(); !s.Confirmed || s.Problem != "" || s.DeviceID != "dev1" || s.Answered.IsZero() || s.URL != o.main.URL {
		t.Errorf("%+v", s)
	}
}

// TestSeqIsStoredBeforeItIsSent: whatever happens after, it is not used again.
func TestSeqIsStoredBeforeItIsSent(t *testing.T) {
	o := newOrg(t)
	m, r := newMac(t, o)
	o.answer = func(n int, c wire.CheckIn, w http.ResponseWriter) {
		if rec, _ := m.Load(); rec.Seq != c.Seq {
			t.Errorf("request %d came while %d was stored", c.Seq, rec.Seq)
		}
		accept(c, w, nil)
	}
	if _, err := r.Now(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.fail["Save"] = errors.New("disk full")
	before := len(o.requests())
	if _, err := r.Now(t.Context()); err == nil || len(o.requests()) != before {
		t.Errorf("sent without storing the number: %v", err)
	}
}

// TestNewServerGetsNoSecret: a profile that names another server must not hand
// it what belongs to the first.
func TestNewServerGetsNoSecret(t *testing.T) {
	first, second := newOrg(t), newOrg(t)
	first.answer = func(_ int, c wire.CheckIn, w http.ResponseWriter) {
		accept(c, w, func(a *wire.CheckInAnswer) { a.Token = "first's" })
	}
	m, r := newMac(t, first)
	if _, err := r.Now(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.uploads = []wire.SecretUpload{upload}
	second.answer = func(_ int, c wire.CheckIn, w http.ResponseWriter) {
		refuse(w, http.StatusForbidden, `{"reason":"unverified"}`)
	}
	m.url = second.main.URL
	other, _ := newMac(t, second)
	m.cert = other.cert
	r2 := m.runner(second.ca.pool())
	for range 2 {
		if _, err := r2.Now(t.Context()); err == nil {
			t.Fatal("no refusal")
		}
	}
	for _, c := range second.requests() {
		if c.Token != "" || len(c.Secrets) != 0 {
			t.Errorf("the second server got %+v", c)
		}
	}
	if s := r2.Status(); s.Confirmed {
		t.Error("a refusal confirmed the server")
	}
}

// TestLostRequestIsNotSentElsewhere: it holds what belongs to the server that it
// was made for.
func TestLostRequestIsNotSentElsewhere(t *testing.T) {
	o := newOrg(t)
	m, r := newMac(t, o)
	m.record = Record{URL: o.main.URL, Token: "first's"}
	m.uploads = []wire.SecretUpload{upload}
	o.answer = func(int, wire.CheckIn, http.ResponseWriter) { panic(http.ErrAbortHandler) }
	if _, err := r.Now(t.Context()); err == nil {
		t.Fatal("a cut connection is a success")
	}
	// The same listener under another name is another server to the device.
	m.url = strings.Replace(o.main.URL, "127.0.0.1", "localhost", 1)
	o.answer = func(_ int, c wire.CheckIn, w http.ResponseWriter) { refuse(w, http.StatusForbidden, "{}") }
	_, _ = r.Now(t.Context())
	got := o.requests()
	if len(got) != 2 || got[0].Token == "" || got[1].Token != "" || len(got[1].Secrets) != 0 {
		t.Errorf("%d requests, the last with token %q and %d secrets", len(got), got[len(got)-1].Token, len(got[len(got)-1].Secrets))
	}
}

// TestTokenStaysWithItsServer: one that gives none gets none.
func TestTokenStaysWithItsServer(t *testing.T) {
	o := newOrg(t)
	m, r := newMac(t, o)
	m.record = Record{URL: "https://another.example", Token: "another's"}
	o.answer = acceptAll
	if _, err := r.Now(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range o.requests() {
		if c.Token != "" {
			t.Errorf("request %d has the token %q", c.Seq, c.Token)
		}
	}
}

// TestLostAnswer: the same bytes are sent again, and only once counted.
func TestLostAnswer(t *testing.T) {
	o := newOrg(t)
	m, r := newMac(t, o)
	m.events = events(3)
	o.answer = func(n int, c wire.CheckIn, w http.ResponseWriter) {
		if n == 1 {
			panic(http.ErrAbortHandler) // the connection is cut after the server has read
		}
		accept(c, w, nil)
	}
	if _, err := r.Now(t.Context()); err == nil {
		t.Fatal("a cut connection is a success")
	}
	m.events = append(m.events, wire.Event{ID: "late"})
	if _, err := r.Now(t.Context()); err != nil {
		t.Fatal(err)
	}
	if string(o.bodies[0]) != string(o.bodies[1]) {
		t.Errorf("sent again:\n%s\n%s", o.bodies[0], o.bodies[1])
	}
	if got := o.requests(); got[2].Seq != got[1].Seq+1 || got[2].Events[0].ID != "late" {
		t.Errorf("after that: %+v", got[2])
	}
	if len(m.events) != 0 {
		t.Errorf("%d events wait", len(m.events))
	}
}

// TestRestart: a process that does not know what was sent uses the next number.
func TestRestart(t *testing.T) {
	o := newOrg(t)
	m, r := newMac(t, o)
	o.answer = func(n int, c wire.CheckIn, w http.ResponseWriter) {
		if n == 1 {
			panic(http.ErrAbortHandler)
		}
		accept(c, w, nil)
	}
	_, _ = r.Now(t.Context())
	if _, err := m.runner(o.ca.pool()).Now(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := o.requests(); got[1].Seq != 2 {
		t.Errorf("the new process sent %d", got[1].Seq)
	}
}

func TestSeqWentBack(t *testing.T) {
	o := newOrg(t)
	m, r := newMac(t, o)
	m.record.Seq = 4
	o.answer = func(n int, c wire.CheckIn, w http.ResponseWriter) {
		if c.Seq <= 40 {
			refuse(w, http.StatusConflict, `{"errorCode":"E0","lastSeq":40}`)
			return
		}
		accept(c, w, nil)
	}
	if _, err := r.Now(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := o.requests()
	if got[0].Seq != 5 || got[1].Seq != 41 || !reflect.DeepEqual(m.restored, []uint64{40}) {
		t.Errorf("sent %d, %d; told %v", got[0].Seq, got[1].Seq, m.restored)
	}
}

func TestSeqWentBackRefusals(t *testing.T) {
	for name, body := range map[string]string{
		"no number": `{}`, "a number below": `{"lastSeq":1}`, "a number at the end": `{"lastSeq":18446744073709551615}`, "no JSON": `busy`,
	} {
		t.Run(name, func(t *testing.T) {
			o := newOrg(t)
			m, r := newMac(t, o)
			m.record.Seq = 4
			o.answer = func(_ int, _ wire.CheckIn, w http.ResponseWriter) { refuse(w, http.StatusConflict, body) }
			_, err := r.Now(t.Context())
			if err == nil || len(m.restored) != 0 || len(o.requests()) != 1 || m.record.Seq != 5 {
				t.Errorf("%v; told %v; %d requests; seq %d", err, m.restored, len(o.requests()), m.record.Seq)
			}
		})
	}
	o := newOrg(t)
	m, r := newMac(t, o)
	m.fail["Restored"] = errors.New("disk full")
	o.answer = func(_ int, _ wire.CheckIn, w http.ResponseWriter) { refuse(w, http.StatusConflict, `{"lastSeq":9}`) }
	if _, err := r.Now(t.Context()); err == nil || m.record.Seq != 1 {
		t.Errorf("went on above although the secrets were not rotated: %v, seq %d", err, m.record.Seq)
	}
	m.fail = map[string]error{}
	if _, err := r.Now(t.Context()); err == nil || len(m.restored) != 2 || len(o.requests()) != 3 {
		t.Errorf("a server that always says 409 was asked %d times", len(o.requests()))
	}
}

func TestRefusalsAreKeptForStatus(t *testing.T) {
	cases := []struct {
		status       int
		body         string
		reason, want string
	}{
		{403, `{"reason":"unverified","errorSummary":"confirm it"}`, "unverified", "this Mac is unverified until an administrator confirms it (HTTP 403): confirm it"},
		{403, `{"reason":"reenrolled"}`, "reenrolled", "new certificate that an administrator has to confirm"},
		{403, `{"reason":"suspended"}`, "suspended", "this Mac is suspended"},
		{401, `{"errorSummary":"no marker\u001b[2J"}`, "", "it does not accept the certificate (HTTP 401): no marker [2J"},
		{426, ``, "", "this version of the daemon is too old"},
		{503, `<html>`, "", "it is busy"},
		{500, `{}`, "", "it failed (HTTP 500)"},
		{302, ``, "", "it failed (HTTP 302)"},
	}
	for _, c := range cases {
		t.Run(fmt.Sprint(c.status, c.reason), func(t *testing.T) {
			o := newOrg(t)
			m, r := newMac(t, o)
			o.answer = func(_ int, _ wire.CheckIn, w http.ResponseWriter) {
				w.Header().Set("Location", o.main.URL)
				refuse(w, c.status, c.body)
			}
			_, err := r.Now(t.Context())
			s := r.Status()
			if err == nil || !strings.Contains(s.Problem, c.want) || s.Reason != c.reason || s.Failures != 1 || s.Confirmed {
				t.Errorf("%+v", s)
			}
			if len(m.applied) != 0 || m.logs.Len() != 1 {
				t.Errorf("applied %d, logged %d times", len(m.applied), m.logs.Len())
			}
			_, _ = r.Now(t.Context())
			if m.logs.Len() != 1 {
				t.Errorf("the same problem was logged %d times", m.logs.Len())
			}
			o.answer = acceptAll
			if _, err := r.Now(t.Context()); err != nil || r.Status().Problem != "" || m.logs.Len() != 2 {
				t.Errorf("after it: %v, %+v, logged %d times", err, r.Status(), m.logs.Len())
			}
		})
	}
}

func TestTooLargeSendsFewerEvents(t *testing.T) {
	o := newOrg(t)
	m, r := newMac(t, o)
	m.events = events(700)
	o.answer = func(_ int, c wire.CheckIn, w http.ResponseWriter) {
		if len(c.Events) > 130 {
			refuse(w, http.StatusRequestEntityTooLarge, "")
			return
		}
		accept(c, w, nil)
	}
	if _, err := r.Now(t.Context()); err != nil || len(m.events) != 0 || len(m.delivered) != 700 {
		t.Errorf("%v; %d wait, %d delivered", err, len(m.events), len(m.delivered))
	}
}

func TestLargeEventsAreSplit(t *testing.T) {
	o := newOrg(t)
	m, r := newMac(t, o)
	for i := range 40 {
		m.events = append(m.events, wire.Event{ID: fmt.Sprint(i), Detail: map[string]string{"text": strings.Repeat("x", 100_000)}})
	}
	o.answer = acceptAll
	if _, err := r.Now(t.Context()); err != nil || len(m.events) != 0 {
		t.Fatalf("%v; %d wait", err, len(m.events))
	}
	for _, body := range o.bodies {
		if len(body) > wire.MaxCheckIn {
			t.Errorf("a request of %d bytes", len(body))
		}
	}
	m.events = []wire.Event{{ID: "huge", Detail: map[string]string{"text": strings.Repeat("x", wire.MaxCheckIn)}}}
	before := len(o.requests())
	if _, err := r.Now(t.Context()); err != nil || len(o.requests()) != before+1 || len(m.events) != 1 {
		t.Errorf("an event that fits nowhere: %v; %d requests", err, len(o.requests())-before)
	}
}

func TestMoreIsAskedAtOnce(t *testing.T) {
	o := newOrg(t)
	_, r := newMac(t, o)
	o.answer = func(n int, c wire.CheckIn, w http.ResponseWriter) {
		accept(c, w, func(a *wire.CheckInAnswer) { a.More = n < 5 })
	}
	if result, err := r.Now(t.Context()); err != nil || result.Rounds != 5 {
		t.Errorf("%+v, %v", result, err)
	}
}

// TestAnswerSaysMoreThanWasAsked: nothing of it reaches the queue or the
// secrets.
func TestAnswerSaysMoreThanWasAsked(t *testing.T) {
	o := newOrg(t)
	m, r := newMac(t, o)
	m.record.URL = o.main.URL
	m.events, m.uploads = events(1), []wire.SecretUpload{upload}
	o.answer = func(_ int, c wire.CheckIn, w http.ResponseWriter) {
		accept(c, w, func(a *wire.CheckInAnswer) {
			a.Events = append(a.Events, "not sent")
			a.Secrets = append(a.Secrets, wire.SecretResult{GUID: "g2", Generation: 1, Result: wire.SecretConfirmed}, wire.SecretResult{GUID: "g1", Generation: 9, Result: wire.SecretConfirmed},
				wire.SecretResult{GUID: "g1", Generation: 9, Result: wire.SecretStale})
		})
	}
	if _, err := r.Now(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []wire.SecretResult{{GUID: "g1", Generation: 3, Result: wire.SecretConfirmed}, {GUID: "g1", Generation: 9, Result: wire.SecretStale}}
	if strings.Join(m.delivered, " ") != "e0" || !reflect.DeepEqual(m.results, want) {
		t.Errorf("delivered %v, results %v", m.delivered, m.results)
	}
}

// TestOnePartFails: the others still take the answer, and the error is told.
func TestOnePartFails(t *testing.T) {
	for _, part := range []string{"Results", "Delivered", "Apply"} {
		o := newOrg(t)
		m, r := newMac(t, o)
		m.record.URL = o.main.URL
		m.events, m.uploads = events(1), []wire.SecretUpload{upload}
		o.answer = acceptAll
		m.fail[part] = errors.New("disk full")
		if _, err := r.Now(t.Context()); err == nil || !strings.Contains(err.Error(), "disk full") {
			t.Errorf("%s: %v", part, err)
		}
		if len(m.results) != 1 || len(m.delivered) != 1 || len(m.applied) != 1 {
			t.Errorf("%s: results %d, delivered %d, applied %d", part, len(m.results), len(m.delivered), len(m.applied))
		}
	}
	for _, part := range []string{"Report", "Uploads", "Pending", "Load"} {
		o := newOrg(t)
		m, r := newMac(t, o)
		m.record.URL = o.main.URL
		m.fail[part] = errors.New("disk full")
		if _, err := r.Now(t.Context()); err == nil || len(o.requests()) != 0 {
			t.Errorf("%s: %v, %d requests", part, err, len(o.requests()))
		}
	}
}
