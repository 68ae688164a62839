package authenticator

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-mfa/latchkey/internal/server/deviceapi"
	"github.com/latchkey-mfa/latchkey/internal/server/factor"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// Database runs transactions.
type Database interface {
	Update(ctx context.Context, do func(tx *sql.Tx) error) error
	View(ctx context.Context, do func(tx *sql.Tx) error) error
}

// Journal takes the events.
type Journal interface {
	Append(ctx context.Context, tx *sql.Tx, e systemlog.Event) error
}

// PushService reaches the phones whose page is closed.
type PushService interface {
	// Key is the server's, as a browser's PushManager takes it; "" where the
	// org does not allow Web Push.
	Key(ctx context.Context) (string, error)
	// Check is nil for a subscription, as JSON, that may be kept; service is
	// the host that it is of.
	Check(subscription []byte) (service string, err error)
}

// Config is what a Server works with. All fields are needed.
type Config struct {
	DB      Database
	Log     Journal
	Factors *factor.Book
	Push    PushService
	Zap     *zap.Logger
	Now     func() time.Time
}

// Server is the page and what it asks.
type Server struct {
	Config
	addresses *deviceapi.Pace // all requests of one
	phones    *deviceapi.Pace // of one phone
	openings  *deviceapi.Pace // of invitations, of one address
	told      *deviceapi.Pace // of events about these
	streams   *streams
}

// What may be asked for in a second, and at once.
const (
	perAddress, burstOfAddress = 50, 300 // an office is one address
	perPhone, burstOfPhone     = 4, 40
	perOpening, burstOfOpening = 1.0 / 6, 10
)

// New is a server.
func New(c Config) *Server {
	return &Server{Config: c, addresses: deviceapi.NewPace(perAddress, burstOfAddress), phones: deviceapi.NewPace(perPhone, burstOfPhone),
		openings: deviceapi.NewPace(perOpening, burstOfOpening), told: deviceapi.NewPace(1.0/60, 1), streams: newStreams()}
}

// Handler belongs at /authenticator/ on the main listener.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, do := range map[string]operation{
		"GET /authenticator/state":                  s.state,
		"POST /authenticator/invitation":            s.open,
		"POST /authenticator/enrol/challenge":       s.enrolChallenge,
		"POST /authenticator/enrol/duplicate":       s.duplicate,
		"POST /authenticator/enrol":                 s.enrol,
		"POST /authenticator/enrol/leave":           s.leave,
		"POST /authenticator/unlock/challenge":      s.unlockChallenge,
		"POST /authenticator/unlock":                s.unlock,
		"POST /authenticator/lock":                  s.lock,
		"POST /authenticator/pushes/{push}/approve": s.approve,
		"POST /authenticator/pushes/{push}/deny":    s.deny,
		"POST /authenticator/pushes/{push}/not-me":  s.notMe,
		"POST /authenticator/subscription":          s.subscribe,
		"POST /authenticator/subscription/remove":   s.unsubscribe,
	} {
		mux.HandleFunc(pattern, s.handle(do))
	}
	mux.HandleFunc("GET /authenticator/events", s.events)
	mux.HandleFunc("GET /authenticator/{$}", page)
	mux.HandleFunc("GET /authenticator/{file}", asset)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusNotFound, &refusal{Code: "no_such_page", Message: "There is no such page."})
	})
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusForbidden, &refusal{Code: "foreign", Message: "This came from another site. Nothing was done."})
	}))
	return headers(s.paced(guard.Handler(mux)))
}

// headers are on every answer, as on the console's.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; manifest-src 'self'; worker-src 'self'; " +
				"form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin", "Permissions-Policy": "geolocation=(), camera=(), microphone=()",
			"Strict-Transport-Security": "max-age=31536000", "Cache-Control": "no-store",
		} {
			w.Header().Set(name, value)
		}
		next.ServeHTTP(w, r)
	})
}

// paced holds what one address may ask for, before anything is looked at.
func (s *Server) paced(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.within(r.Context(), s.addresses, address(r), r); err != nil {
			s.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// within is nil while somebody keeps to a pace. One refusal in a minute is told
// of.
func (s *Server) within(ctx context.Context, pace *deviceapi.Pace, key string, r *http.Request) error {
	wait := pace.Wait(key, s.Now())
	if wait == 0 {
		return nil
	}
	if s.told.Wait(key, s.Now()) == 0 {
		e := systemlog.Event{Type: systemlog.PhoneLimit, Severity: systemlog.Warn, Message: "Too many requests to the authenticator", Client: from(r),
			Actor: systemlog.Actor{ID: "unknown", Type: "User", AlternateID: "unknown", DisplayName: "unknown"}, Outcome: systemlog.Outcome{Result: systemlog.Denied, Reason: "phone_rate_limited"}}
		if err := s.DB.Update(ctx, func(tx *sql.Tx) error { return s.Log.Append(ctx, tx, e) }); err != nil {
			return err
		}
	}
	return &refusal{status: http.StatusTooManyRequests, wait: wait, Code: "too_many", Message: "Too many requests. Wait a moment and try again."}
}

func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// from is where a request came from, bounded.
func from(r *http.Request) systemlog.Client {
	agent := strings.ToValidUTF8(r.UserAgent(), "")
	return systemlog.Client{IPAddress: address(r), UserAgent: strings.ToValidUTF8(agent[:min(len(agent), 200)], "")}
}

// call is one request of the page.
type call struct {
	*http.Request
	w   http.ResponseWriter
	ctx context.Context
	by  factor.By
}

// operation answers a call with what is written as JSON.
type operation func(c call) (any, error)

func (s *Server) handle(do operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		c := call{Request: r, w: w, ctx: r.Context(), by: factor.By{Client: from(r), Request: systemlog.IDOf(r.Context())}}
		err := s.phonePaced(c)
		var out any
		if err == nil {
			out, err = do(c)
		}
		if err != nil {
			s.fail(w, r, err)
			return
		}
		write(w, http.StatusOK, out)
	}
}

// phonePaced holds what one phone may ask for.
func (s *Server) phonePaced(c call) error {
	token := c.cookie(phoneCookie)
	if token == "" {
		return nil
	}
	return s.within(c.ctx, s.phones, "phone "+token, c.Request)
}

// fail answers with the refusal that err means, and logs it once.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	no := visible(err)
	fields := []zap.Field{zap.String("request", systemlog.RequestOf(r.Context())), zap.String("method", r.Method), zap.String("path", r.URL.Path), zap.String("client", r.RemoteAddr), zap.Int("status", no.status), zap.String("error", no.Code)}
	switch {
	case no.status < http.StatusInternalServerError:
		s.Zap.Info("authenticator request refused", fields...)
	case r.Context().Err() != nil:
		s.Zap.Info("a phone went away", append(fields, zap.Error(err))...)
	default:
		s.Zap.Error("authenticator request failed", append(fields, zap.Error(err))...)
	}
	write(w, no.status, no)
}

// Run tells the open pages what is new, until ctx ends; so do they.
func (s *Server) Run(ctx context.Context) error {
	defer s.streams.close()
	ticks := time.NewTicker(lookEvery)
	defer ticks.Stop()
	var seen map[string]string
	for n := 0; ; n++ {
		now, err := s.look(ctx, seen, n%phonesEvery == 0)
		if err != nil && ctx.Err() == nil {
			s.Zap.Error("the phones are not told what is new", zap.Error(err))
		}
		if err == nil {
			seen = now
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		case <-s.streams.rung:
		}
	}
}

// Close ends the open streams: a server that drains does not wait for them.
func (s *Server) Close() { s.streams.close() }

// Sent has the phones of a user told of a push that was just sent.
func (s *Server) Sent(string) { s.streams.ring() }

// errForm is a body that is no answer of the page.
var errForm = errors.New("the request is malformed")
