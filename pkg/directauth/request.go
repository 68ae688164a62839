package directauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 64 << 10

// firstPause is the wait before the first repetition; it doubles.
const firstPause = 250 * time.Millisecond

// repeat says when a request may be sent again.
type repeat int

const (
	never   repeat = iota // it may carry a guess, which would count twice
	unheard               // it may make a phone ring: only if the org did nothing with it
	always                // it changes nothing
)

// may reports whether a request that failed so is worth sending again.
func (r repeat) may(err error) bool {
	switch r {
	case unheard:
		return statusOf(err) == http.StatusServiceUnavailable || undialled(err)
	case always:
		var silent *Unreachable
		return statusOf(err) >= 500 || errors.As(err, &silent) && silent.Kind == NoAnswer
	}
	return false
}

// undialled: no connection came about, so that nothing was sent.
func undialled(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// post sends a form and returns the JSON object of a 200.
func (c *Client) post(ctx context.Context, path string, form url.Values, stage stage, again repeat) ([]byte, error) {
	return c.repeated(ctx, again, func() ([]byte, error) {
		return c.exchange(ctx, http.MethodPost, path, form, stage)
	})
}

// repeated is where the budget of a call is spent.
func (c *Client) repeated(ctx context.Context, again repeat, send func() ([]byte, error)) ([]byte, error) {
	for n := 0; ; n++ {
		body, err := send()
		if err == nil || n >= c.retries || ctx.Err() != nil || !again.may(err) {
			return body, err
		}
		wait := max(firstPause<<n, retryAfter(err))
		if wait > c.timeout {
			return nil, err // whoever waits for this call would give up first
		}
		if pause(ctx, wait) != nil {
			return nil, err
		}
	}
}

// pause waits, unless the context ends first.
func pause(ctx context.Context, wait time.Duration) error {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// exchange is one request and its answer, named in the error.
func (c *Client) exchange(ctx context.Context, method, path string, form url.Values, stage stage) ([]byte, error) {
	body, err := c.once(ctx, method, path, form, stage)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	return body, nil
}

func (c *Client) once(ctx context.Context, method, path string, form url.Values, stage stage) ([]byte, error) {
	bounded, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := c.request(bounded, method, path, form)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unanswered(ctx, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, c.unanswered(ctx, err)
	}
	return body, judge(resp, body, refused{stage: stage, held: form.Has("oob_code") || form.Has("mfa_token"), secrets: c.secrets(form), now: c.now()})
}

// request makes one, with the app's credentials in a form.
func (c *Client) request(ctx context.Context, method, path string, form url.Values) (*http.Request, error) {
	if form != nil && !c.basic {
		form.Set("client_id", c.id)
		form.Set("client_secret", c.secret)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	if form == nil {
		req.Body, req.ContentLength = http.NoBody, 0
		return req, nil
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if c.basic {
		req.SetBasicAuth(url.QueryEscape(c.id), url.QueryEscape(c.secret)) // RFC 6749 §2.3.1
	}
	return req, nil
}
