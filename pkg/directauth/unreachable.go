package directauth

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
)

// Kinds of Unreachable.
const (
	NoAnswer = "no_answer" // no connection, or no answer in time
	BadTLS   = "tls"       // a certificate that is not the org's, or no TLS at all
	Redirect = "redirect"  // sent elsewhere, as by a captive portal
	Status   = "status"    // an HTTP status that is no answer of the API
	NotJSON  = "not_json"  // a page, or something else that is no JSON object
)

// Unreachable: the org did not answer, or something between it and here
// answered in its place.
type Unreachable struct {
	Kind string // one of the constants above
	Err  error  // what happened; for an HTTP answer an *Error. The context's error, if that had ended
}

func (e *Unreachable) Error() string {
	return "the org was not reached (" + e.Kind + "): " + e.Err.Error()
}
func (e *Unreachable) Unwrap() error { return e.Err }

// Reach asks whether the org itself answers: its keys are fetched, once, and
// must come as a JSON key set with status 200. nil is online; the error is an
// *Unreachable that says what was found instead. It takes no longer than
// Config.RequestTimeout.
func (c *Client) Reach(ctx context.Context) error {
	body, err := c.once(ctx, http.MethodGet, "/keys", nil, asking)
	kind := Status
	if err == nil {
		_, err = readKeys(body)
		kind = NotJSON
	}
	if err == nil {
		return nil
	}
	var already *Unreachable
	if errors.As(err, &already) {
		kind, err = already.Kind, already.Err
	}
	return &Unreachable{Kind: kind, Err: fmt.Errorf("GET /keys: %w", err)}
}

// unanswered is why no answer came. The address that url.Error adds is the
// org's, and in front of the error already.
func (c *Client) unanswered(ctx context.Context, err error) error {
	var named *url.Error
	if errors.As(err, &named) {
		err = named.Err
	}
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		// Not the caller's deadline, and not to be taken for it.
		err = fmt.Errorf("no answer within %v", c.timeout)
	case badTLS(err):
		return &Unreachable{Kind: BadTLS, Err: err}
	}
	return &Unreachable{Kind: NoAnswer, Err: err}
}

// badTLS: a connection came about, but not with the org.
func badTLS(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		unknown      x509.UnknownAuthorityError
		name         x509.HostnameError
		invalid      x509.CertificateInvalidError
		roots        x509.SystemRootsError
		record       tls.RecordHeaderError
		alert        tls.AlertError
		op           *net.OpError
	)
	return errors.As(err, &verification) || errors.As(err, &unknown) || errors.As(err, &name) || errors.As(err, &invalid) ||
		errors.As(err, &roots) || errors.As(err, &record) || errors.As(err, &alert) || errors.Is(err, http.ErrSchemeMismatch) ||
		errors.As(err, &op) && slices.Contains([]string{"remote error", "local error"}, op.Op)
}

// judge takes a 200 with a JSON object, and finds the error in all else.
func judge(resp *http.Response, body []byte, r refused) error {
	e := &Error{Status: resp.StatusCode}
	switch {
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		if to, err := resp.Location(); err == nil {
			e.Description = legible("redirected to "+to.Host, r.secrets)
		}
		return &Unreachable{Kind: Redirect, Err: e}
	case len(body) > maxAnswer:
		e.Description = fmt.Sprintf("an answer of more than %d KiB", maxAnswer>>10)
		return &Unreachable{Kind: NotJSON, Err: e}
	case resp.StatusCode != http.StatusOK:
		return r.read(resp.StatusCode, resp.Header, body)
	case !isObject(body):
		e.Description = legible("not a JSON object: "+resp.Header.Get("Content-Type"), r.secrets)
		return &Unreachable{Kind: NotJSON, Err: e}
	}
	return nil
}

func isObject(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) && json.Valid(body)
}
