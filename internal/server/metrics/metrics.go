package metrics

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/latchkey-mfa/latchkey/internal/server/forward"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// lookWithin bounds what one reading asks of the database.
const lookWithin = 5 * time.Second

// Database runs transactions, and knows its connections.
type Database interface {
	View(ctx context.Context, do func(tx *sql.Tx) error) error
	Stats() (write, read sql.DBStats)
}

// Log is the System Log.
type Log interface {
	Find(ctx context.Context, tx *sql.Tx, q systemlog.Query) ([]systemlog.Event, error)
}

// Metrics are those of one server.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	took     *prometheus.HistogramVec
	now      func() time.Time
}

// New are the metrics of a server of that version.
func New(db Database, log Log, version string, now func() time.Time) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), now: now,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "latchkey_requests_total", Help: "Requests that were answered, by listener and status."}, []string{"listener", "code"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "latchkey_request_seconds", Help: "How long requests took, by listener; streams that stay open are left out.",
			Buckets: []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10}}, []string{"listener"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "latchkey_build_info", Help: "1, with the version.", ConstLabels: prometheus.Labels{"version": version}})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.took, build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), &orgCollector{db: db, log: log})
	return m
}

// Handler answers readings.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Timeout: 2 * lookWithin, MaxRequestsInFlight: 4})
}

// Counted counts the requests of a listener.
func (m *Metrics) Counted(listener string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, seen := m.now(), &status{ResponseWriter: w, code: http.StatusOK}
		defer func() {
			m.requests.WithLabelValues(listener, strconv.Itoa(seen.code)).Inc()
			if w.Header().Get("Content-Type") != "text/event-stream" {
				m.took.WithLabelValues(listener).Observe(max(0, m.now().Sub(began).Seconds()))
			}
		}()
		next.ServeHTTP(seen, r)
	})
}

// status notes the status that is written. Unwrap lets http.ResponseController
// reach what is below.
type status struct {
	http.ResponseWriter
	code    int
	written bool
}

// WriteHeader implements http.ResponseWriter.
func (s *status) WriteHeader(code int) {
	if !s.written {
		s.code, s.written = code, code >= http.StatusOK
	}
	s.ResponseWriter.WriteHeader(code)
}

// Write implements http.ResponseWriter.
func (s *status) Write(p []byte) (int, error) {
	s.written = true
	return s.ResponseWriter.Write(p)
}

// Unwrap is the writer below.
func (s *status) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// orgCollector reads what stands in the database, at each reading.
type orgCollector struct {
	db  Database
	log Log
}

// Describe implements prometheus.Collector.
func (c *orgCollector) Describe(out chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, out) }

// Collect implements prometheus.Collector. A database that does not answer is a
// metric as well, and no reason to give out nothing.
func (c *orgCollector) Collect(out chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	write, read := c.db.Stats()
	for pool, s := range map[string]sql.DBStats{"write": write, "read": read} {
		gauge(prometheus.NewDesc("latchkey_database_connections", "Open connections, by pool.", []string{"pool"}, nil), float64(s.OpenConnections), pool)
		gauge(prometheus.NewDesc("latchkey_database_connections_in_use", "Connections that are in use, by pool.", []string{"pool"}, nil), float64(s.InUse), pool)
		out <- prometheus.MustNewConstMetric(prometheus.NewDesc("latchkey_database_wait_seconds_total", "How long requests waited for a connection, by pool.", []string{"pool"}, nil), prometheus.CounterValue, s.WaitDuration.Seconds(), pool)
	}
	head, standings, err := c.look()
	up := 1.0
	if err != nil {
		up = 0
	}
	gauge(prometheus.NewDesc("latchkey_database_up", "Whether the database answers.", nil, nil), up)
	if err != nil {
		return
	}
	gauge(prometheus.NewDesc("latchkey_system_log_last", "Number of the last event.", nil, nil), float64(head))
	for _, s := range standings {
		failing := 0.0
		if !s.FailedAt.IsZero() {
			failing = 1
		}
		gauge(prometheus.NewDesc("latchkey_forward_behind", "Events that a destination does not have yet.", []string{"destination"}, nil), float64(head-min(s.Seq, head)), s.Destination)
		gauge(prometheus.NewDesc("latchkey_forward_failing", "Whether the last delivery to a destination failed.", []string{"destination"}, nil), failing, s.Destination)
	}
}

func (c *orgCollector) look() (head uint64, standings []forward.Standing, err error) {
	ctx, done := context.WithTimeout(context.Background(), lookWithin)
	defer done()
	err = c.db.View(ctx, func(tx *sql.Tx) error {
		newest, err := c.log.Find(ctx, tx, systemlog.Query{Newest: true, Limit: 1})
		if err == nil && len(newest) > 0 {
			head = newest[0].Seq
		}
		if err == nil {
			standings, err = forward.Standings(ctx, tx)
		}
		if err != nil {
			return fmt.Errorf("read the metrics of the org: %w", err)
		}
		return nil
	})
	return head, standings, err
}
