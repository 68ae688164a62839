package accesslog_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/latchkey-mfa/latchkey/internal/server/accesslog"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// served is a handler with a secret in its address, behind the log, and what
// the log says at that level.
func served(level zapcore.Level) (h http.Handler, said *bytes.Buffer) {
	said = &bytes.Buffer{}
	zapped := zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(said), level))
	inner := http.NewServeMux()
	inner.HandleFunc("GET /set-up/{code}", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, systemlog.RequestOf(r.Context()))
	})
	inner.HandleFunc("GET /gone", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	inner.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	outer := http.NewServeMux()
	outer.Handle("/", inner)
	return (&accesslog.Log{Zap: zapped, Now: time.Now, Quiet: []string{"GET /healthz"}}).Handler("main", outer), said
}

func TestLine(t *testing.T) {
	h, said := served(zapcore.InfoLevel)
	req := httptest.NewRequest("GET", "/set-up/S3CRET?token=S3CRET", strings.NewReader("S3CRET"))
	req.Header.Set("Authorization", "SSWS S3CRET")
	req.Header.Set("Cookie", "a=S3CRET")
	req.Header.Set("X-Request-Id", "theirs\n{\"forged\":1}"+strings.Repeat("x", 1000))
	req.RemoteAddr = "192.0.2.7:1234"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	id := w.Header().Get(accesslog.Header)
	if !strings.HasPrefix(id, "req") || w.Body.String() != id || strings.Contains(id, "theirs") {
		t.Errorf("id %q, the handler has %q", id, w.Body)
	}
	line := said.String()
	for _, want := range []string{`"request":"` + id + `"`, `"listener":"main"`, `"method":"GET"`, `"route":"GET /set-up/{code}"`, `"status":200`, `"bytes":20`, `"client":"192.0.2.7"`, `"took":`, `"claimed_request":"theirs?{`} {
		if !strings.Contains(line, want) {
			t.Errorf("%s\nlacks %s", line, want)
		}
	}
	if strings.Contains(line, "S3CRET") || strings.Count(line, "\n") != 1 || strings.Contains(line, strings.Repeat("x", 65)) {
		t.Errorf("one line without secrets is wanted: %s", line)
	}
}

func TestEveryEnd(t *testing.T) {
	for path, want := range map[string]string{"/nowhere": `"status":404`, "/gone": `"broke_off":true`} {
		h, said := served(zapcore.InfoLevel)
		func() {
			defer func() { _ = recover() }() // as net/http does
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
		}()
		if !strings.Contains(said.String(), want) {
			t.Errorf("%s: %s, want %s", path, said, want)
		}
	}
	for level, want := range map[zapcore.Level]int{zapcore.InfoLevel: 0, zapcore.DebugLevel: 1} {
		h, said := served(level)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil))
		if strings.Count(said.String(), "\n") != want || w.Header().Get(accesslog.Header) == "" {
			t.Errorf("at %s: %q", level, said)
		}
	}
}
