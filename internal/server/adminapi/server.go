package adminapi

import (
	"context"
	"database/sql"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/apierror"
	"github.com/latchkey-mfa/latchkey/internal/server/desk"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/recovery"
	"github.com/latchkey-mfa/latchkey/internal/server/reference"
	"github.com/latchkey-mfa/latchkey/internal/server/signin"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

//go:embed openapi.yaml
var description []byte

// OpenAPI is the description of the API that this package serves.
func OpenAPI() []byte { return description }

// Database runs transactions.
type Database interface {
	Update(ctx context.Context, do func(tx *sql.Tx) error) error
	View(ctx context.Context, do func(tx *sql.Tx) error) error
}

// Pace says how long a token must wait before its next request; 0 lets it pass.
type Pace interface {
	Wait(token string, now time.Time) time.Duration
}

// Server answers administrators. All fields but Pace are needed; without it a
// token may ask as often as it likes.
type Server struct {
	Desk *desk.Desk
	DB   Database // where the tokens are
	Zap  *zap.Logger
	Now  func() time.Time
	// PublicURL stands before the paths in links.
	PublicURL string
	Pace      Pace
}

// call is one authenticated request.
type call struct {
	*http.Request
	ctx context.Context
	id  string
}

// answer is what a handler has to say. A nil body is no body.
type answer struct {
	status int
	body   any
	header http.Header
	// stream is in the place of a body, for what is long, and kind its type.
	stream func(w io.Writer) error
	kind   string
}

func ok(body any) answer { return answer{status: http.StatusOK, body: body} }

// done is a success that has nothing to say.
func done() answer { return answer{status: http.StatusNoContent} }

// handler answers a call: it reads the request, has the desk do it, and draws
// the answer.
type handler func(c call) (answer, error)

// Handler is all routes of the API, to be mounted at /api/ and /device-access/.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, h := range s.routes() {
		mux.Handle(pattern, s.guarded(h))
	}
	mux.HandleFunc("GET /api/openapi.yaml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		_, _ = w.Write(OpenAPI())
	})
	mux.Handle("GET /api/docs", s.reference())
	mux.Handle("GET /api/docs/page.css", s.reference())
	mux.Handle("GET /api/{$}", http.RedirectHandler("/api/docs", http.StatusFound))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		apierror.New(http.StatusNotFound, fmt.Sprintf("Not found: there is no %s %s", r.Method, r.URL.Path)).Write(w)
	})
	return mux
}

// reference is the description as a page to read.
func (s *Server) reference() http.Handler {
	page, err := reference.Draw(OpenAPI())
	if err != nil {
		// A test draws it: a server that was built wrong says so, and serves on.
		s.Zap.Error("the page of the API", zap.Error(err))
		return http.NotFoundHandler()
	}
	return page
}

// Routes are the patterns that the API answers.
func (s *Server) Routes() []string {
	var out []string
	for pattern := range s.routes() {
		out = append(out, pattern)
	}
	return out
}

// guarded authenticates, runs h, and holds back its answer when h never asked
// for a permission: a check that was forgotten fails the first request made.
func (s *Server) guarded(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := call{Request: r, id: systemlog.IDOf(r.Context())}
		w.Header().Set("X-Okta-Request-Id", c.id)
		caller, err := s.authenticate(r)
		if err == nil {
			err = s.hasten(w, caller)
		}
		if err != nil {
			s.fail(w, c, err)
			return
		}
		ctx, guard := access.With(r.Context(), caller)
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		c.ctx = desk.From(ctx, desk.Origin{Client: systemlog.Client{IPAddress: host, UserAgent: cut(r.UserAgent(), 200)}, RequestID: c.id})
		out, err := h(c)
		if !guard.Checked() {
			err = apierror.Internal(fmt.Errorf("%s %s answered without asking for a permission", r.Method, r.Pattern))
		}
		if err != nil {
			s.fail(w, c, err)
			return
		}
		if err := write(w, out); err != nil {
			// What has begun cannot become an error: it is cut off, so that nobody
			// takes it for whole.
			s.Zap.Error("admin answer broke off", zap.String("request", c.id), zap.String("route", r.Pattern), zap.Error(err))
			panic(http.ErrAbortHandler) //nolint:forbidigo // how net/http cuts an answer short
		}
	})
}

// hasten refuses a token that asks too often, as Okta does.
func (s *Server) hasten(w http.ResponseWriter, caller access.Caller) error {
	if s.Pace == nil {
		return nil
	}
	now := s.Now()
	wait := s.Pace.Wait(caller.TokenID, now)
	if wait == 0 {
		return nil
	}
	seconds := int(wait/time.Second) + 1
	w.Header().Set("X-Rate-Limit-Reset", strconv.FormatInt(now.Add(wait).Unix()+1, 10))
	e := apierror.New(http.StatusTooManyRequests, "API call exceeded rate limit due to too many requests.", fmt.Sprintf("the token asks too often: wait %d s", seconds))
	e.RetryAfter = strconv.Itoa(seconds)
	return e
}

func (s *Server) authenticate(r *http.Request) (caller access.Caller, err error) {
	kind, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	// SSWS is how Okta's clients send an API token.
	if !strings.EqualFold(kind, "SSWS") && !strings.EqualFold(kind, "Bearer") {
		return caller, apierror.New(http.StatusUnauthorized, "Invalid token provided", "send an API token as \"Authorization: SSWS …\" or \"Bearer …\"")
	}
	var unnoted bool
	err = s.DB.View(r.Context(), func(tx *sql.Tx) error {
		caller, unnoted, err = access.Find(r.Context(), tx, strings.TrimSpace(text), s.Now())
		return err
	})
	if err == nil && unnoted {
		err = s.DB.Update(r.Context(), func(tx *sql.Tx) error { return access.Note(r.Context(), tx, caller.TokenID, s.Now()) })
	}
	if errors.Is(err, access.ErrNoToken) {
		return caller, apierror.New(http.StatusUnauthorized, "Invalid token provided", "the token is unknown, expired or revoked")
	}
	return caller, err
}

func cut(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "")
	}
	return s
}

func write(w http.ResponseWriter, a answer) error {
	for k, v := range a.header {
		w.Header()[k] = v
	}
	// Everything here is about people and their Macs: no proxy keeps it.
	w.Header().Set("Cache-Control", "no-store")
	switch {
	case a.stream != nil:
		w.Header().Set("Content-Type", a.kind)
		return a.stream(w)
	case a.body == nil:
		w.WriteHeader(a.status)
	default:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(a.status)
		_ = json.NewEncoder(w).Encode(a.body) // the caller may have gone
	}
	return nil
}

// fail answers with what err means to the caller and logs it once.
func (s *Server) fail(w http.ResponseWriter, c call, err error) {
	e := visible(err)
	fields := []zap.Field{zap.String("request", c.id), zap.String("method", c.Method), zap.String("path", c.URL.Path),
		zap.Int("status", e.Status), zap.String("error_id", e.Body.ErrorID), zap.String("summary", e.Body.ErrorSummary)}
	if e.Status >= http.StatusInternalServerError {
		s.Zap.Error("admin request failed", append(fields, zap.Error(e.Cause))...)
	} else {
		s.Zap.Info("admin request refused", fields...)
	}
	e.Write(w)
}

func visible(err error) *apierror.Error {
	var e *apierror.Error
	var denied *access.DeniedError
	var refusal *recovery.Refusal
	var bad *desk.InvalidError
	switch {
	case errors.As(err, &denied): // whatever else is wrong: it is not said to who may not ask
		return apierror.New(http.StatusForbidden, "You do not have permission to perform the requested action", denied.Error())
	case errors.As(err, &e):
		return e
	case errors.As(err, &bad):
		return invalid(bad.Error())
	case errors.Is(err, desk.ErrNoProof):
		return apierror.New(http.StatusForbidden, "Not possible with an API token: "+err.Error(), err.Error())
	case errors.As(err, &refusal):
		return refusalAnswer(refusal)
	case errors.Is(err, access.ErrValue):
		return invalid(err.Error())
	case errors.Is(err, directory.ErrNotFound), errors.Is(err, pki.ErrUnknownChallenge), errors.Is(err, signin.ErrNotFound), errors.Is(err, access.ErrUnknown), errors.Is(err, access.ErrNoRole):
		return apierror.New(http.StatusNotFound, "Not found: "+err.Error())
	case errors.Is(err, directory.ErrExists), errors.Is(err, directory.ErrState), errors.Is(err, signin.ErrExists), errors.Is(err, signin.ErrState),
		errors.Is(err, signin.ErrLastSuperAdmin), errors.Is(err, signin.ErrFederated), errors.Is(err, access.ErrRoleTaken), errors.Is(err, access.ErrRoleHeld):
		return apierror.New(http.StatusConflict, "Not possible: "+err.Error())
	}
	return apierror.Internal(err)
}

func refusalAnswer(r *recovery.Refusal) *apierror.Error {
	status := http.StatusConflict
	switch r.Code {
	case recovery.NotPermitted, recovery.OutOfScope, recovery.OwnAccount:
		status = http.StatusForbidden
	case recovery.TooManyAccounts, recovery.TooManyPINs:
		status = http.StatusTooManyRequests
	case recovery.BadDeviceCode, recovery.NoReason:
		status = http.StatusBadRequest
	}
	e := apierror.New(status, "No recovery PIN: "+r.Message)
	e.Body.Reason = string(r.Code)
	return e
}
