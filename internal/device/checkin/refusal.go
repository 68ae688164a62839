package checkin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// What a caller can tell apart. A *Refusal is the server's own answer.
var (
	// ErrNoServer: no policy is in force, so there is no server to ask.
	ErrNoServer = errors.New("no policy names a server yet")
	// ErrNoCertificate: the device has no Device Access certificate to show.
	ErrNoCertificate = errors.New("this device has no usable Device Access certificate")
	// ErrNotLatchkey: what answers at the URL is no Latchkey server.
	ErrNotLatchkey = errors.New("no Latchkey server answers there")
)

// Refusal is an answer other than 200.
type Refusal struct {
	Status     int
	Reason     string        // of a 403: wire.RefusedUnverified and so on; "" otherwise
	Summary    string        // in the server's words, bounded and printable
	RetryAfter time.Duration // what the server asks to wait; 0 if it does not say
	LastSeq    *uint64       // of a 409
}

// Error says what was refused and, where it is known, what to do.
func (e *Refusal) Error() string {
	s := fmt.Sprintf("the server refuses the check-in: %s (HTTP %d)", e.meaning(), e.Status)
	if e.Summary != "" {
		s += ": " + e.Summary
	}
	return s
}

func (e *Refusal) meaning() string {
	switch {
	case e.Reason == wire.RefusedUnverified:
		return "this Mac is unverified until an administrator confirms it"
	case e.Reason == wire.RefusedReenrolled:
		return "this Mac has a new certificate that an administrator has to confirm"
	case e.Reason == wire.RefusedSuspended:
		return "this Mac is suspended"
	}
	switch e.Status {
	case http.StatusUnauthorized:
		return "it does not accept the certificate"
	case http.StatusForbidden:
		return "this Mac may not check in"
	case http.StatusConflict:
		return "the sequence number went back"
	case http.StatusRequestEntityTooLarge:
		return "the request is too large"
	case http.StatusUpgradeRequired:
		return "this version of the daemon is too old"
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return "it is busy"
	}
	return "it failed"
}

// unknownOutcome reports whether the request may have been carried out although
// this was the answer: a proxy answers 502 for a server that had already
// committed.
func (e *Refusal) unknownOutcome() bool {
	return e.Status >= http.StatusInternalServerError && e.Status != http.StatusServiceUnavailable
}

// refusal reads an error. Its body is read leniently: it changes nothing but
// what is shown, except for lastSeq, which is checked where it is used.
func refusal(status int, header http.Header, raw []byte) *Refusal {
	var body wire.APIError
	_ = json.Unmarshal(raw, &body) // a proxy's page has no reason to give
	return &Refusal{
		Status: status, Reason: printable(body.Reason, 40), Summary: printable(body.ErrorSummary, 200),
		RetryAfter: seconds(header.Get("Retry-After")), LastSeq: body.LastSeq,
	}
}

// seconds reads a Retry-After in seconds, which is the form that the wire has.
func seconds(text string) time.Duration {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}

func retryAfter(err error) time.Duration {
	var r *Refusal
	if errors.As(err, &r) {
		return r.RetryAfter
	}
	return 0
}

// printable keeps what a server says from changing a terminal or a log.
func printable(s string, most int) string {
	clean := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))
	if runes := []rune(clean); len(runes) > most {
		clean = string(runes[:most]) + "…"
	}
	return strings.TrimSpace(clean)
}
