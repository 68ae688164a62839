package console

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/desk"
	"github.com/latchkey-mfa/latchkey/internal/server/federation"
	"github.com/latchkey-mfa/latchkey/internal/server/signin"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// FreshFor is how old a sign-in may be when a PIN is asked for (design §11).
const FreshFor = 15 * time.Minute

// maxForm bounds what a form may send, in bytes.
const maxForm = 128 << 10

// Options of a Console. All fields are needed but Federation.
type Options struct {
	Desk      *desk.Desk
	SignIn    *signin.Service
	Zap       *zap.Logger
	Now       func() time.Time
	PublicURL string // under which browsers reach it
	// Federation is the OpenID provider that administrators sign in at; nil:
	// there are local accounts alone.
	Federation *federation.Provider
}

// Console is the pages. It is safe for concurrent use.
type Console struct {
	Options
	pages *template.Template
}

// New reads the templates.
func New(o Options) (*Console, error) {
	pages, err := template.ParseFS(files, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("read the console's templates: %w", err)
	}
	return &Console{Options: o, pages: pages}, nil
}

// request is one request of a browser. session is empty on the pages that need
// none.
type request struct {
	*http.Request
	ctx     context.Context
	id      string
	client  systemlog.Client
	session signin.Session
	cookies []*http.Cookie // to be set with the answer
}

// may reports whether the caller holds a permission, to show or hide what leads
// to it. Whoever does it is asked again.
func (r *request) may(p access.Permission) bool { return r.session.Caller().Allows(p) }

// is notes whose request it is, and when they last showed a second factor.
func (r *request) is(x signin.Session) {
	r.session = x
	r.ctx = desk.From(r.ctx, desk.Origin{Client: r.client, RequestID: r.id, ProvenAt: x.AuthenticatedAt})
}

// page answers a request with a view.
type page func(r *request) (view, error)

// Handler is all pages, to be mounted at "/".
func (c *Console) Handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, at := range c.routes() {
		mux.Handle(pattern, c.serve(at))
	}
	mux.Handle("GET /assets/", http.StripPrefix("/assets/", http.HandlerFunc(asset)))
	mux.Handle("/", c.serve(route{open, "", func(*request) (view, error) { return view{}, errNoPage() }}))
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.fail(w, &request{Request: r, id: systemlog.IDOf(r.Context())}, errForeign())
	}))
	return headers(guard.Handler(mux))
}

// headers are on every answer: no page is framed, sniffed, or kept, and nothing
// runs that is not a file of ours.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; " +
				"base-uri 'none'; frame-ancestors 'none'",
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin", "Permissions-Policy": "geolocation=(), camera=(), microphone=()",
			"Strict-Transport-Security": "max-age=31536000", "Cache-Control": "no-store",
		} {
			w.Header().Set(name, value)
		}
		next.ServeHTTP(w, r)
	})
}

// serve runs one page: who is it, may they, what is the answer. A signed-in
// page whose permission is refused, or that nobody is signed in for, never runs.
func (c *Console) serve(at route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		hr.Body = http.MaxBytesReader(w, hr.Body, maxForm)
		r := &request{Request: hr, ctx: hr.Context(), id: systemlog.IDOf(hr.Context())}
		host, _, _ := net.SplitHostPort(hr.RemoteAddr)
		r.client = systemlog.Client{IPAddress: host, UserAgent: cut(hr.UserAgent(), 200)}
		r.ctx = desk.From(r.ctx, desk.Origin{Client: r.client, RequestID: r.id})
		v, err := c.answer(at, r)
		for _, cookie := range r.cookies {
			http.SetCookie(w, cookie)
		}
		if err != nil {
			c.fail(w, r, err)
			return
		}
		c.write(w, r, v)
	})
}

func (c *Console) answer(at route, r *request) (view, error) {
	if err := r.ParseForm(); err != nil {
		return view{}, errForm()
	}
	if at.needs == open {
		return at.page(r)
	}
	session, err := c.SignIn.Find(r.ctx, r.token(sessionCookie))
	if errors.Is(err, signin.ErrNoSession) {
		return toSignIn(r), nil
	}
	if err != nil {
		return view{}, err
	}
	r.is(session)
	ctx, guard := access.With(r.ctx, session.Caller())
	r.ctx = ctx
	if at.needs != signedIn {
		if err := access.Require(ctx, at.needs); err != nil {
			return view{}, err
		}
	}
	v, err := at.page(r)
	if err == nil && at.needs != signedIn && !guard.Checked() {
		// Refused by default: a page that asked nobody does not leave.
		return view{}, fmt.Errorf("%s answered without asking for a permission", r.Pattern)
	}
	return v, err
}

// toSignIn keeps where somebody wanted to go, if that can be gone to.
func toSignIn(r *request) view {
	if r.Method != http.MethodGet {
		return redirect("/sign-in?told=again")
	}
	return redirect("/sign-in?next=" + template.URLQueryEscaper(r.URL.RequestURI()))
}

func cut(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "")
	}
	return s
}
