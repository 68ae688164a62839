package metrics_test

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/latchkey-mfa/latchkey/internal/server/forward"
	"github.com/latchkey-mfa/latchkey/internal/server/metrics"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/store/storetest"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// broken is a destination that takes nothing.
type broken struct{}

func (broken) Name() string                                  { return "syslog+tls://siem.example:6514" }
func (broken) Send(context.Context, []systemlog.Event) error { return errors.New("no route") }

// TestWhatIsReadOff: counts of what was answered, where the log stands, and what
// a destination lacks; by the rules for names that Prometheus has.
func TestWhatIsReadOff(t *testing.T) {
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	db, clock := storetest.Open(t), func() time.Time { return now }
	log := systemlog.New([]byte("key"), clock)
	m := metrics.New(db, log, "1.2.3", clock)
	for range 3 {
		if err := db.Update(t.Context(), func(tx *sql.Tx) error {
			return log.Append(t.Context(), tx, systemlog.Event{Type: "a.b", Message: "M", Actor: systemlog.System()})
		}); err != nil {
			t.Fatal(err)
		}
	}
	stop, cancel := context.WithCancel(t.Context())
	f := &forward.Forwarder{DB: db, Log: log, Destinations: []forward.Destination{broken{}}, Zap: zap.NewNop(), Now: clock, Server: "a", Whole: true}
	ended := make(chan struct{})
	go func() { f.Run(stop); close(ended) }()
	for failing := false; !failing; {
		failing = strings.Contains(read(t, m), "latchkey_forward_failing{")
		failing = failing && strings.Contains(read(t, m), `latchkey_forward_failing{destination="syslog+tls://siem.example:6514"} 1`)
	}
	cancel()
	<-ended
	handler := m.Counted("main", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now = now.Add(20 * time.Millisecond)
		if r.URL.Path == "/missing" {
			w.WriteHeader(http.StatusNotFound)
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err) // streams need what is below
		}
	}))
	for _, path := range []string{"/", "/", "/missing"} {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil))
	}
	text := read(t, m)
	for _, want := range []string{`latchkey_requests_total{code="200",listener="main"} 2`, `latchkey_requests_total{code="404",listener="main"} 1`,
		`latchkey_request_seconds_bucket{listener="main",le="0.01"} 0`, `latchkey_request_seconds_bucket{listener="main",le="0.025"} 3`,
		"latchkey_database_up 1", "latchkey_system_log_last 3", `latchkey_forward_behind{destination="syslog+tls://siem.example:6514"} 3`, `latchkey_build_info{version="1.2.3"} 1`, "go_goroutines"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	board, err := os.ReadFile("../../../packaging/server/grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile(`\b(?:latchkey|process|go)_[a-z_]+`).FindAllString(string(board), -1) {
		if !strings.Contains(text, "\n"+name) {
			t.Errorf("the dashboard asks for %s, which is not there", name)
		}
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v: %+v", err, problems)
	}
}

// TestADatabaseThatIsGoneIsAMetric, and no reason to give out nothing.
func TestADatabaseThatIsGoneIsAMetric(t *testing.T) {
	db, err := store.Open(t.Context(), storetest.Where(t))
	if err != nil {
		t.Fatal(err)
	}
	m := metrics.New(db, systemlog.New([]byte("key"), time.Now), "1.2.3", time.Now)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if text := read(t, m); !strings.Contains(text, "latchkey_database_up 0") || !strings.Contains(text, "go_goroutines") {
		t.Error(text)
	}
}

func read(t *testing.T, m *metrics.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	raw, err := io.ReadAll(w.Body)
	if err != nil || w.Code != http.StatusOK {
		t.Fatal(w.Code, err, string(raw))
	}
	return string(raw)
}
