package accesslog

import (
	"net"
	"net/http"
	"strings"
	"time"
	"unicode"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// Header is where an answer has the id of its request, as Okta's answers do.
const Header = "X-Okta-Request-Id"

// maxClaimed is how much is noted of an id that a request brought, in bytes.
const maxClaimed = 64

// Log tells of the requests of a server.
type Log struct {
	Zap *zap.Logger
	Now func() time.Time
	// Quiet are the routes of which only debugging is told: those that machines
	// ask every few seconds.
	Quiet []string
}

// Handler is next with ids and lines; listener is which one it is of.
func (l *Log) Handler(listener string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, began := systemlog.NewRequest(), l.Now()
		w.Header().Set(Header, id)
		seen := &writer{ResponseWriter: w}
		// The muxes below write the pattern into this copy.
		mine := r.WithContext(systemlog.ForRequest(r.Context(), id))
		whole := false
		defer func() { l.tell(listener, id, mine, seen, whole, l.Now().Sub(began)) }()
		next.ServeHTTP(seen, mine)
		whole = true
	})
}

func (l *Log) tell(listener, id string, r *http.Request, seen *writer, whole bool, took time.Duration) {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	route := r.Pattern
	if route == "" {
		route = "none"
	}
	level := zapcore.InfoLevel
	for _, quiet := range l.Quiet {
		if route == quiet {
			level = zapcore.DebugLevel
		}
	}
	line := l.Zap.Check(level, "request")
	if line == nil {
		return
	}
	fields := []zap.Field{zap.String("request", id), zap.String("listener", listener), zap.String("method", word(r.Method, 10)), zap.String("route", route), zap.Int("status", seen.status()),
		zap.Duration("took", max(0, took)), zap.Int64("bytes", seen.bytes), zap.String("client", host)}
	if claimed := word(r.Header.Get("X-Request-Id"), maxClaimed); claimed != "" {
		fields = append(fields, zap.String("claimed_request", claimed))
	}
	if !whole {
		fields = append(fields, zap.Bool("broke_off", true))
	}
	line.Write(fields...)
}

// word is at most n bytes of a text, with nothing in it that moves a cursor or
// forges a line.
func word(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

// writer notes what is written. Unwrap lets http.ResponseController reach what
// is below.
type writer struct {
	http.ResponseWriter
	code  int
	bytes int64
}

// WriteHeader implements http.ResponseWriter.
func (w *writer) WriteHeader(code int) {
	if w.code == 0 && code >= http.StatusOK {
		w.code = code
	}
	w.ResponseWriter.WriteHeader(code)
}

// Write implements http.ResponseWriter.
func (w *writer) Write(p []byte) (int, error) {
	if w.code == 0 {
		w.code = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// Unwrap is the writer below.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// status is what net/http sends where a handler says nothing.
func (w *writer) status() int {
	if w.code == 0 {
		return http.StatusOK
	}
	return w.code
}
