package agent

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/qrcode"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

//go:embed page
var files embed.FS

// Bounds of the page.
const (
	maxForm   = 8 << 10
	longPoll  = 20 * time.Second
	afterAct  = 2 * time.Second // for the screen that an act leads to
	cookieKey = "latchkey"
)

// Page is the person's enrolment in a browser on this computer. It listens on
// the loopback address alone, and serves whoever brings the key that was put
// into a file of this person's: other people of this computer reach the port,
// and get nothing.
type Page struct {
	Daemon interface {
		Mine(ctx context.Context) (wire.Mine, error)
		Enrol(ctx context.Context, p Panel) (bool, error)
	}
	key     string // in the address that is opened, once
	cookie  string
	host    string
	page    *template.Template
	running sync.WaitGroup

	mu      sync.Mutex
	spent   bool // the key was used
	talk    *pageTalk
	outcome string // of the last conversation
	changed chan struct{}
	version int
}

// pageTalk is the conversation under way.
type pageTalk struct {
	page   *Page
	acts   chan wire.Act
	screen wire.Screen
}

// Listen opens a port of the loopback address for the page.
func (p *Page) Listen(ctx context.Context) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open a port for the page: %w", err)
	}
	parsed, err := template.New("page.html").Funcs(template.FuncMap{"qr": drawn, "minutes": minutes}).ParseFS(files, "page/page.html")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the page: %w", err), l.Close())
	}
	p.page, p.host, p.key, p.cookie, p.changed = parsed, l.Addr().String(), rand.Text(), rand.Text(), make(chan struct{})
	return l, nil
}

// Address is where the page is, with the key: it belongs into a file that the
// person alone can read, and into no argument list.
func (p *Page) Address() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.spent {
		p.key, p.spent = rand.Text(), false
	}
	return "http://" + p.host + "/open/" + p.key
}

// Serve serves the page until ctx ends.
func (p *Page) Serve(ctx context.Context, l net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /open/{key}", p.open)
	mux.HandleFunc("GET /{$}", p.guarded(p.show))
	mux.HandleFunc("POST /begin", p.guarded(p.begin(ctx)))
	mux.HandleFunc("POST /act", p.guarded(p.act))
	mux.HandleFunc("GET /changed", p.guarded(p.hasChanged))
	mux.HandleFunc("GET /page.js", p.asset("page/page.js", "text/javascript; charset=utf-8"))
	mux.HandleFunc("GET /page.css", p.asset("page/page.css", "text/css; charset=utf-8"))
	s := &http.Server{Handler: p.local(http.NewCrossOriginProtection().Handler(mux)), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: longPoll + 10*time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	p.running.Go(func() {
		<-ctx.Done()
		_ = s.Close()
	})
	defer p.running.Wait()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the page: %w", err)
	}
	return nil
}

// local refuses requests for another name: one that a foreign site has made to
// lead here (DNS rebinding).
func (p *Page) local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		if r.Host != p.host {
			http.Error(w, "this page is for the person at this computer", http.StatusMisdirectedRequest)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		next.ServeHTTP(w, r)
	})
}

// open takes the key, once, and gives the browser its cookie.
func (p *Page) open(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	good := !p.spent && same(r.PathValue("key"), p.key)
	p.spent = p.spent || good
	p.mu.Unlock()
	if !good {
		refuse(w)
		return
	}
	// Lax, as the way here leads from a file, which is another site; what
	// changes anything is a form, and that is looked at by its origin.
	http.SetCookie(w, &http.Cookie{Name: cookieKey, Value: p.cookie, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// guarded refuses by default: whoever has not brought the key is somebody else.
func (p *Page) guarded(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie(cookieKey)
		if err != nil || !same(c.Value, p.cookie) {
			refuse(w)
			return
		}
		next(w, r)
	}
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func refuse(w http.ResponseWriter) {
	http.Error(w, "This page belongs to another browser. Run latchkey enrol again.", http.StatusForbidden)
}

// view is what the page shows.
type view struct {
	Mine    wire.Mine
	Left    time.Duration
	Trouble string
	Outcome string
	Screen  *wire.Screen
	Version int
}

func (p *Page) show(w http.ResponseWriter, r *http.Request) {
	v := view{}
	mine, err := p.Daemon.Mine(r.Context())
	if err != nil {
		v.Trouble = "Latchkey does not answer on this computer. Try again in a moment."
	}
	v.Mine, v.Left = mine, time.Duration(mine.WindowLeftSeconds)*time.Second
	p.mu.Lock()
	v.Version, v.Outcome = p.version, p.outcome
	if p.talk != nil && p.talk.screen.Seq > 0 {
		screen := p.talk.screen
		v.Screen = &screen
	}
	p.mu.Unlock()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	// An error here is a browser that has gone.
	_ = p.page.Execute(w, v)
}

// begin starts a conversation, unless one is under way.
func (p *Page) begin(ctx context.Context) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p.Begin(ctx)
		p.await(r.Context(), p.now(), afterAct)
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
}

// Begin starts a conversation that is drawn on the page.
func (p *Page) Begin(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.talk != nil {
		return
	}
	t := &pageTalk{page: p, acts: make(chan wire.Act, 4)}
	p.talk, p.outcome = t, ""
	p.running.Go(func() {
		done, err := p.Daemon.Enrol(ctx, t)
		p.ended(done, err)
	})
}

func (p *Page) ended(done bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.talk = nil
	switch {
	case err != nil:
		p.outcome = "Latchkey has stopped answering, and nothing was set up. Try again."
	case done:
		p.outcome = "Done. You can close this page."
	default:
		p.outcome = "Closed. Nothing more was set up."
	}
	p.change()
}

// change tells whoever waits. mu is held.
func (p *Page) change() {
	p.version++
	close(p.changed)
	p.changed = make(chan struct{})
}

// Show implements Panel.
func (t *pageTalk) Show(s wire.Screen) {
	t.page.mu.Lock()
	defer t.page.mu.Unlock()
	t.screen = s
	t.page.change()
}

// Acts implements Panel.
func (t *pageTalk) Acts() <-chan wire.Act { return t.acts }

// act hands over what the person did in the browser.
func (p *Page) act(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form cannot be read", http.StatusBadRequest)
		return
	}
	before := p.now()
	if t, act, ok := p.actFrom(r); ok {
		select {
		case t.acts <- act:
			p.await(r.Context(), before, afterAct)
		default: // the conversation is busy with an earlier one
		}
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// actFrom reads the form by the screen that is shown: what the screen does not
// have is not in the act.
func (p *Page) actFrom(r *http.Request) (*pageTalk, wire.Act, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	seq, err := strconv.ParseUint(r.PostForm.Get("seq"), 10, 64)
	if err != nil || p.talk == nil {
		return nil, wire.Act{}, false
	}
	act := wire.Act{Seq: seq, Action: r.PostForm.Get("action"), Choice: r.PostForm.Get("choice"), Values: map[string]string{}}
	for _, f := range p.talk.screen.Fields {
		act.Values[f.Name] = r.PostForm.Get("field-" + f.Name)
	}
	return p.talk, act, true
}

func (p *Page) now() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.version
}

// await returns when the page is another than at that version, or after a
// while.
func (p *Page) await(ctx context.Context, version int, most time.Duration) bool {
	late := time.NewTimer(most)
	defer late.Stop()
	for {
		p.mu.Lock()
		changed, now := p.changed, p.version
		p.mu.Unlock()
		if now != version {
			return true
		}
		select {
		case <-changed:
		case <-late.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// hasChanged answers when there is something else to show: 200, or after a
// while 204.
func (p *Page) hasChanged(w http.ResponseWriter, r *http.Request) {
	version, err := strconv.Atoi(r.URL.Query().Get("version"))
	if err != nil || !p.await(r.Context(), version, longPoll) {
		w.WriteHeader(http.StatusNoContent)
	}
}

func (p *Page) asset(name, kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		raw, err := files.ReadFile(name)
		if err != nil {
			http.Error(w, "not there", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(raw)
	}
}

// drawn is a QR code for the page: made of numbers alone, so it is no way in for
// markup.
func drawn(payload string) template.HTML {
	return template.HTML(qrcode.SVG(payload)) //nolint:gosec // G203: digits and fixed text only
}

func minutes(d time.Duration) string {
	switch n := int((d + time.Minute - 1) / time.Minute); {
	case n == 1:
		return "one minute"
	case n > 120:
		return fmt.Sprintf("%d hours", n/60)
	default:
		return fmt.Sprintf("%d minutes", n)
	}
}
