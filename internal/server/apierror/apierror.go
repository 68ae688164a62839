// Package apierror writes error answers in the shape of Okta's.
//
// It knows Okta's codes for what this server has to say. What it writes is for
// the caller: the cause of a failure goes to the server's log, never into an
// answer.
package apierror

import (
	"encoding/json"
	"net/http"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// Error is an answer that is no success. It is an error, so that a handler can
// return it.
type Error struct {
	Status int
	Body   wire.APIError
	// RetryAfter, in seconds, is sent when it is not zero.
	RetryAfter string
	// Cause is for the server's log.
	Cause error
}

// Error is the summary.
func (e *Error) Error() string { return e.Body.ErrorSummary }

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Cause }

// New is an answer with what Okta calls the summary, and causes that say what
// is wrong in detail.
func New(status int, summary string, causes ...string) *Error {
	body := wire.APIError{ErrorCode: code(status), ErrorSummary: summary, ErrorLink: code(status), ErrorID: store.NewID("err"), ErrorCauses: []wire.APIErrorCause{}}
	for _, c := range causes {
		body.ErrorCauses = append(body.ErrorCauses, wire.APIErrorCause{ErrorSummary: c})
	}
	return &Error{Status: status, Body: body}
}

// Internal hides a failure of the server behind a general answer.
func Internal(cause error) *Error {
	e := New(http.StatusInternalServerError, "Internal Server Error")
	e.Cause = cause
	return e
}

// GivenUp is for a caller that went away before its answer. Most never read it;
// but a handler that writes nothing is answered for with an empty 200, and one
// whose going away crosses that on the wire would take it for a success.
func GivenUp(cause error) *Error {
	e := New(http.StatusServiceUnavailable, "The request was given up before it was answered.")
	e.Cause = cause
	return e
}

// code is Okta's error code for a status.
func code(status int) string {
	codes := map[int]string{
		http.StatusBadRequest:            "E0000001", // Api validation failed
		http.StatusUnauthorized:          "E0000011", // Invalid token provided
		http.StatusForbidden:             "E0000006", // You do not have permission to perform the requested action
		http.StatusNotFound:              "E0000007", // Not found
		http.StatusMethodNotAllowed:      "E0000022", // The endpoint does not support the provided HTTP method
		http.StatusConflict:              "E0000038", // This operation is not allowed in the current state
		http.StatusRequestEntityTooLarge: "E0000003", // The request body was not well-formed
		http.StatusUpgradeRequired:       "E0000001",
		http.StatusTooManyRequests:       "E0000047", // API call exceeded rate limit
		http.StatusServiceUnavailable:    "E0000047",
	}
	if c, ok := codes[status]; ok {
		return c
	}
	return "E0000009" // Internal Server Error
}

// Write sends the answer.
func (e *Error) Write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	if e.RetryAfter != "" {
		h.Set("Retry-After", e.RetryAfter)
	}
	w.WriteHeader(e.Status)
	_ = json.NewEncoder(w).Encode(e.Body)
}
