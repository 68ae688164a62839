package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"html/template"
	"io"
	"mime"
	"net/http"
	"path"
	"strings"

	"go.uber.org/zap"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/desk"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/recovery"
	"github.com/latchkey-mfa/latchkey/internal/server/signin"
)

//go:embed templates/*.html assets/*
var files embed.FS

// view is what a page has to say: a template with its data, or where to go.
type view struct {
	status  int    // 0 is 200
	name    string // of the template
	title   string
	section string
	data    any
	scripts []string
	narrow  bool
	leaves  *leave
	wrong   string // what was wrong with what was sent
	to      string // a redirect instead
	goesTo  string // an address that the page leads to by itself
	raw     []byte // JSON instead, for a script
	file    *download
}

// download is a file instead of a page.
type download struct {
	Name, Kind string
	Body       []byte
	Stream     func(w io.Writer) error // in its place, for what is long
}

func (d *download) write(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", d.Kind)
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": d.Name}))
	if d.Stream != nil {
		return d.Stream(w)
	}
	_, _ = w.Write(d.Body)
	return nil
}

// leave has the page left by itself.
type leave struct {
	Seconds int
	To      string
}

func redirect(to string) view { return view{to: to} }

// section is an entry of the navigation.
type section struct {
	Name, Path string
	Here       bool
}

// layout is what every page has around it.
type layout struct {
	Title, Who, Section, Said, Wrong string
	GoesTo                           string
	Sections                         []section
	Scripts                          []string
	Narrow                           bool
	LeavesAfter                      *leave
	Content                          template.HTML
}

func (c *Console) write(w http.ResponseWriter, r *request, v view) {
	switch {
	case v.to != "":
		http.Redirect(w, r.Request, v.to, http.StatusSeeOther)
		return
	case v.file != nil:
		if err := v.file.write(w); err != nil {
			c.Zap.Warn("a download has ended early", zap.String("request", r.id), zap.String("file", v.file.Name), zap.Error(err))
			panic(http.ErrAbortHandler) //nolint:forbidigo // how net/http cuts an answer short, so that the browser does not take it for whole
		}
		return
	case v.raw != nil:
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(v.raw)
		return
	}
	// Whole before the first byte leaves: half a page says half the truth.
	body, err := c.render(r, v)
	if err != nil {
		c.Zap.Error("draw a page", zap.String("request", r.id), zap.String("page", v.name), zap.Error(err))
		http.Error(w, "The page cannot be drawn. Reference: "+r.id, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(max(v.status, http.StatusOK))
	_, _ = w.Write(body)
}

func (c *Console) render(r *request, v view) ([]byte, error) {
	var inner, whole bytes.Buffer
	if err := c.pages.ExecuteTemplate(&inner, v.name, v.data); err != nil {
		return nil, err
	}
	l := layout{Title: v.title, Section: v.section, Scripts: v.scripts, Narrow: v.narrow, LeavesAfter: v.leaves, Wrong: v.wrong, GoesTo: v.goesTo,
		Said: told(r.URL.Query().Get("told")), Content: template.HTML(inner.String())} //nolint:gosec // it was made by the line above, escaped
	if r.session.ID != "" {
		l.Who, l.Sections = r.session.Admin.Login, sections(r, v.section)
	}
	err := c.pages.ExecuteTemplate(&whole, "layout", l)
	return whole.Bytes(), err
}

// sections are those that the caller has something to see in.
func sections(r *request, here string) (out []section) {
	for _, s := range []struct {
		name, path, key string
		needs           access.Permission
	}{
		{"Devices", "/devices", "devices", access.DevicesRead},
		{"Readiness", "/readiness", "readiness", access.DevicesRead},
		{"People", "/people", "people", access.UsersRead},
		{"Profiles", "/profiles", "profiles", access.DevicesRead},
		{"System Log", "/log", "log", access.LogsRead},
		{"Certificates", "/certificates", "certificates", access.OrgRead},
		{"Administrators", "/administrators", "administrators", access.OrgRead},
		{"Settings", "/settings", "settings", access.OrgRead},
	} {
		if r.may(s.needs) {
			out = append(out, section{Name: s.name, Path: s.path, Here: s.key == here})
		}
	}
	return out
}

// told is what the page before has done, by the code that it put into the
// address: nothing that stands in an address is shown as it is.
func told(code string) string {
	return map[string]string{
		"again": "You were signed out. Sign in, then do it again: nothing was done.", "out": "You are signed out.", "out-here": "You are signed out here. At the sign-in provider you may still be signed in.",
		"suspended": "The Mac is suspended.", "unsuspended": "The suspension is over.", "deactivated": "Deactivated.", "activated": "Active again.",
		"confirmed": "The certificate is confirmed.", "rejected": "The certificate is rejected.", "reset": "The authenticators are reset at the next check-in.",
		"voided": "The PIN is voided: its window ends at the next check-in.", "saved": "Saved.", "deleted": "The Mac is deleted.", "added": "Added.", "role": "The role is changed.",
		"ended": "The session is ended.", "revoked": "Revoked.", "removed": "Removed.", "set-up": "Your account is set up.", "factor": "The authenticator app is set up.", "unblocked": "Pushes are sent again.", "own": "Your account is changed.",
		"disarm": "The remote disarm is ordered: the Mac hears of it at its next check-in.", "disarm-ends": "The remote disarm ends at the next check-in.",
	}[code]
}

// problem is an error that a person made or meets, with words for the page.
type problem struct {
	status        int
	heading, text string
}

// Error is what the page says.
func (p *problem) Error() string { return p.heading + ": " + p.text }

// detour is a problem with a cause for the log, and perhaps another way on than
// the start.
type detour struct {
	*problem
	cause        error
	back, backTo string
}

// Error is for the log.
func (d *detour) Error() string { return d.heading + ": " + d.cause.Error() }

// Unwrap is what the page says.
func (d *detour) Unwrap() error { return d.problem }

func errNoPage() error {
	return &problem{http.StatusNotFound, "There is no such page", "The address may be mistyped, or what it led to is gone."}
}

func errForeign() error {
	return &problem{http.StatusForbidden, "This came from another site", "A form of another site was sent to the console. Nothing was done."}
}

func errForm() error {
	return &problem{http.StatusBadRequest, "The form cannot be read", "It was cut off, or is too long. Go back and try again."}
}

// fail shows what err means to the person, and logs it once.
func (c *Console) fail(w http.ResponseWriter, r *request, err error) {
	p := c.visible(err)
	way := &detour{back: "/", backTo: "To the start"}
	if d := way; errors.As(err, &d) && d.back != "" {
		way = d
	}
	fields := []zap.Field{zap.String("request", r.id), zap.String("method", r.Method), zap.String("path", r.URL.Path), zap.Int("status", p.status), zap.Error(err)}
	if p.status >= http.StatusInternalServerError {
		c.Zap.Error("console request failed", fields...)
	} else {
		c.Zap.Info("console request refused", fields...)
	}
	c.write(w, r, view{status: p.status, name: "error", title: p.heading, narrow: true, data: map[string]any{
		"Heading": p.heading, "Text": p.text, "Back": way.back, "BackTo": way.backTo, "ID": r.id}})
}

func (c *Console) visible(err error) *problem {
	var p *problem
	var denied *access.DeniedError
	var refusal *recovery.Refusal
	var invalid *desk.InvalidError
	var throttled *signin.ThrottledError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &denied) && denied.Caller.Scoped():
		return &problem{http.StatusForbidden, "Your role does not allow this", "You are there for the users in " + strings.Join(denied.Caller.Groups, ", ") +
			", and not for others or for what is about the whole org, as the System Log and the settings are. Ask somebody who is."}
	case errors.As(err, &denied):
		return &problem{http.StatusForbidden, "Your role does not allow this", "It needs the permission " + string(denied.Needs) + ". Ask a super admin."}
	case errors.Is(err, access.ErrValue):
		return &problem{http.StatusBadRequest, "That cannot be taken", upper(err.Error()) + "."}
	case errors.As(err, &refusal):
		return &problem{http.StatusConflict, "No PIN", refusal.Message}
	case errors.As(err, &invalid):
		return &problem{http.StatusBadRequest, "That cannot be taken", invalid.Error()}
	case errors.Is(err, desk.ErrNoProof):
		return &problem{http.StatusForbidden, "Not without a proof", "Show in the same moment that it is you. Nothing was done."}
	case errors.As(err, &throttled):
		return &problem{http.StatusTooManyRequests, "Too many tries", throttled.Error()}
	case errors.Is(err, directory.ErrNotFound), errors.Is(err, pki.ErrUnknownChallenge), errors.Is(err, pki.ErrUnknownCertificate), errors.Is(err, pki.ErrUnknownChain), errors.Is(err, signin.ErrNotFound), errors.Is(err, access.ErrNoRole):
		return &problem{http.StatusNotFound, "It is not there", "It was removed, or the address is mistyped."}
	case errors.Is(err, directory.ErrExists), errors.Is(err, directory.ErrState), errors.Is(err, signin.ErrExists), errors.Is(err, signin.ErrLastSuperAdmin), errors.Is(err, signin.ErrFederated),
		errors.Is(err, access.ErrRoleTaken), errors.Is(err, access.ErrRoleHeld):
		return &problem{http.StatusConflict, "Not possible", upper(err.Error()) + "."}
	}
	return &problem{http.StatusInternalServerError, "Something went wrong on the server", "Nothing was done. Try again; if it stays, tell your server's administrator the reference below."}
}

func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func lower(s string) string { return strings.ToLower(s[:min(1, len(s))]) + s[min(1, len(s)):] }

// asset is a file of ours. Browsers keep it and ask whether it is still the one.
func asset(w http.ResponseWriter, r *http.Request) {
	raw, err := files.ReadFile(path.Join("assets", path.Clean("/"+r.URL.Path)))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	kinds := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
	sum := sha256.Sum256(raw)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", kinds[path.Ext(r.URL.Path)])
	_, _ = w.Write(raw)
}
