package directauth

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/latchkey-mfa/latchkey/internal/server/apierror"
)

// oauthError is an answer that is no success, in the shape of RFC 6749.
type oauthError struct {
	status      int
	wait        time.Duration // for Retry-After; 0 is none
	Code        string        `json:"error"`
	Description string        `json:"error_description"`
	MFAToken    string        `json:"mfa_token,omitempty"`
	Types       string        `json:"supported_challenge_types,omitempty"`
}

// Error is the code: nothing that was sent.
func (e *oauthError) Error() string { return e.Code }

func refusal(status int, code, format string, args ...any) *oauthError {
	return &oauthError{status: status, Code: code, Description: fmt.Sprintf(format, args...)}
}

// The refusals, with the words that Okta has for them.

func missing(name string) error {
	return refusal(http.StatusBadRequest, "invalid_request", "The `%s` parameter is missing.", name)
}

func invalidClient(description string) error {
	return refusal(http.StatusUnauthorized, "invalid_client", "%s", description)
}

func wrong() error {
	return refusal(http.StatusBadRequest, "invalid_grant", "The credentials provided were invalid.")
}

func expired(what string) error {
	return refusal(http.StatusBadRequest, "access_denied", "`%s` has expired. Use a new `oob_code` or `mfa_token` and try again.", what)
}

func noAuthenticator() error {
	return refusal(http.StatusForbidden, "access_denied", "The required authenticator can't be used. Check if it's required by policy and the user is enrolled in the authenticator and try again.")
}

// tooMany is the 429 of all endpoints but /token.
func tooMany(wait time.Duration) error {
	e := refusal(http.StatusTooManyRequests, "invalid_grant", "API call exceeded the rate limit due to too many requests.")
	e.wait = wait
	return e
}

// tooManyTokens is the 429 of /token.
func tooManyTokens(wait time.Duration) error {
	e := apierror.New(http.StatusTooManyRequests, "API call exceeded rate limit due to too many requests.")
	e.RetryAfter = retryAfter(wait)
	return e
}

func retryAfter(wait time.Duration) string {
	return strconv.Itoa(int((wait + time.Second - 1) / time.Second))
}

// quoted is what was sent, short and printable, for an answer that repeats it.
func quoted(value string) string {
	clean := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == '`' {
			return '?'
		}
		return r
	}, value)
	if runes := []rune(clean); len(runes) > 40 {
		clean = string(runes[:40]) + "..."
	}
	return clean
}

func (e *oauthError) write(w http.ResponseWriter) {
	h := w.Header()
	if e.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Basic realm="latchkey"`)
	}
	if e.wait > 0 {
		h.Set("Retry-After", retryAfter(e.wait))
	}
	write(w, e.status, e)
}

// write sends an answer that nobody keeps.
func write(w http.ResponseWriter, status int, v any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
