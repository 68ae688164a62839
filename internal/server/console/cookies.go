package console

import (
	"net/http"
	"strings"
	"time"
)

// The cookies: of a session, and of a sign-in or a set-up that is half done.
// With the prefix no other host, and no page without TLS, can set one.
const (
	sessionCookie = "__Host-latchkey"
	pendingCookie = "__Host-latchkey-pending"
)

// token is what a cookie holds; "" for none.
func (r *request) token(name string) string {
	cookie, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return cookie.Value
}

// keep has the browser keep a token until it is closed, or until the server
// no longer takes it.
func (r *request) keep(name, token string) {
	r.cookies = append(r.cookies, &http.Cookie{Name: name, Value: token, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// keepFor has the browser keep it no longer than that.
func (r *request) keepFor(name, token string, life time.Duration) {
	r.cookies = append(r.cookies, &http.Cookie{Name: name, Value: token, Path: "/", MaxAge: int(life / time.Second), Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

func (r *request) drop(name string) {
	r.cookies = append(r.cookies, &http.Cookie{Name: name, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// next is where somebody wanted to go before they were asked to sign in: a page
// of ours, or the start.
func next(asked string) string {
	if !strings.HasPrefix(asked, "/") || strings.HasPrefix(asked, "//") || strings.ContainsAny(asked, "\\\r\n\t") || strings.HasPrefix(asked, "/sign-") || len(asked) > 1024 {
		return "/"
	}
	return asked
}
