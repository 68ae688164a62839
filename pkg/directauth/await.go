package directauth

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"
)

// slower is what slow_down adds to the interval, RFC 8628 §3.5.
const slower = 5 * time.Second

// Await polls until the person answers a push, or the code ends: at most
// o.ExpiresIn, counted from the call, and one request. It returns at once when
// ctx ends. A request that fails on its way, a 5xx and a 429 are no outcome:
// polling goes on, at the pace that the org asks for. A clock that stands still
// while a computer sleeps leaves it to the org to say that the code ended.
//
// Errors: ErrDenied; ErrExpired, which also holds the last *Unreachable or
// *Error where the org could not be heard at the end; *MFARequired; ErrClient
// and other *Error; ErrIDToken and ErrAnswer; ctx's; *InputError for a code that
// has BindingPrompt.
func (c *Client) Await(ctx context.Context, o OOB) (Tokens, error) {
	if err := checkOOB(o, o.Binding != BindingPrompt, "is for Prompted: the person types here what came to the phone"); err != nil {
		return Tokens{}, err
	}
	o.bound()
	end := time.NewTimer(o.ExpiresIn)
	defer end.Stop()
	var heard polled
	for wait := o.Interval; ; wait = max(o.Interval, retryAfter(heard.last)) {
		if err := between(ctx, end, wait); err != nil {
			return Tokens{}, heard.ended(err)
		}
		body, nonce, err := c.poll(ctx, o)
		if err == nil {
			return c.accept(ctx, body, nonce)
		}
		if err := heard.take(ctx, err); err != nil {
			return Tokens{}, err
		}
		if errors.Is(err, errSlowDown) || errors.Is(err, ErrRateLimited) {
			o.Interval = min(o.Interval+slower, maxInterval)
		}
	}
}

// poll asks once whether the person has answered.
func (c *Client) poll(ctx context.Context, o OOB) (body []byte, nonce string, err error) {
	return c.grant(ctx, o.grant(), o.form(), polling)
}

// between waits for the next poll. The code's end is errOver.
func between(ctx context.Context, end *time.Timer, wait time.Duration) error {
	next := time.NewTimer(wait)
	defer next.Stop()
	select {
	case <-ctx.Done():
		return fmt.Errorf("wait for the person's answer: %w", ctx.Err())
	case <-end.C:
		return errOver
	case <-next.C:
		return nil
	}
}

var errOver = errors.New("nobody answered in time")

// polled is what polling has come to so far.
type polled struct {
	last error // why the last poll had no answer; nil if it had one
	lost bool  // an answer may have been lost on its way
}

// take looks at a poll without tokens: nil goes on.
func (p *polled) take(ctx context.Context, err error) error {
	var (
		silent *Unreachable
		spoke  *Error
	)
	errors.As(err, &spoke)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("wait for the person's answer: %w", ctx.Err())
	case errors.Is(err, errPending), errors.Is(err, errSlowDown):
		p.last = nil
	case errors.Is(err, ErrRateLimited):
		p.last = err
	case errors.As(err, &silent), spoke != nil && spoke.Status >= 500:
		p.last, p.lost = err, true
	case p.lost && spoke != nil && spoke.Code == "invalid_grant":
		// The code may have been spent by an approval that never arrived:
		// nobody refused.
		return fmt.Errorf("wait for the person's answer: %w: an answer was lost, and then: %s", ErrExpired, spoke.Code)
	default:
		return err
	}
	return nil
}

// ended is the outcome of polling that stopped with err.
func (p *polled) ended(err error) error {
	switch {
	case !errors.Is(err, errOver):
		return err
	case p.last != nil:
		return fmt.Errorf("wait for the person's answer: %w; the last poll: %w", ErrExpired, p.last)
	}
	return fmt.Errorf("wait for the person's answer: %w: %w", ErrExpired, errOver)
}

// Prompted hands in what came to the person's phone by SMS or voice. It is one
// submission, and is never repeated.
//
// Errors: ErrInvalidCredentials for a wrong code; ErrExpired; ErrRateLimited;
// *MFARequired; ErrClient and other *Error; *Unreachable; ErrIDToken and ErrAnswer;
// *InputError for an OOB that does not have BindingPrompt.
func (c *Client) Prompted(ctx context.Context, o OOB, bindingCode string) (Tokens, error) {
	err := firstOf(checkOOB(o, o.Binding == BindingPrompt, "is for Await: the person answers on the phone"), plain("bindingCode", bindingCode, 64))
	if err != nil {
		return Tokens{}, err
	}
	form := o.form()
	form.Set("binding_code", bindingCode)
	return c.token(ctx, o.grant(), form)
}

func checkOOB(o OOB, fits bool, otherwise string) error {
	switch {
	case !goodHandle(o.Code):
		return &InputError{"OOB.Code", "is missing, too long, or not text"}
	case o.MFAToken != "" && !goodHandle(o.MFAToken):
		return &InputError{"OOB.MFAToken", "is too long, or not text"}
	case !fits:
		return &InputError{"OOB.Binding", otherwise}
	}
	return nil
}

func (o OOB) grant() string {
	if o.MFAToken != "" {
		return string(ChallengeOOB)
	}
	return grantOOB
}

func (o OOB) form() url.Values {
	form := url.Values{"oob_code": {o.Code}}
	if o.MFAToken != "" {
		form.Set("mfa_token", o.MFAToken)
	}
	return form
}
