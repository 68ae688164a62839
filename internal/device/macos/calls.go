package macos

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrHung: macOS has not answered in time, or earlier calls still hold all the
// places there are. The work may still be done later.
var ErrHung = errors.New("macOS does not answer; if it lasts, restart the Mac")

// Calls bounds how many calls of macOS are under way, and how long anyone waits
// for one. A call that hangs keeps its place until it returns, so that a part of
// the system that hangs for good costs a few threads and no more.
type Calls struct {
	places chan struct{}
	limit  time.Duration
}

// NewCalls has places for most calls at once, each of which is waited for as
// long as limit.
func NewCalls(most int, limit time.Duration) *Calls {
	return &Calls{places: make(chan struct{}, most), limit: limit}
}

// Do waits for call, and for a place for it, until the limit or the context
// ends. The error then wraps ErrHung or the context's. what is named in it.
func Do[T any](ctx context.Context, c *Calls, what string, call func() (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	var none T
	ctx, cancel := context.WithTimeoutCause(ctx, c.limit, ErrHung)
	defer cancel()
	if ctx.Err() != nil {
		return none, fmt.Errorf("%s: %w", what, context.Cause(ctx))
	}
	select {
	case c.places <- struct{}{}:
	case <-ctx.Done():
		return none, fmt.Errorf("%s: %w", what, context.Cause(ctx))
	}
	done := make(chan outcome, 1) // nobody may be there to take it
	go func() {
		defer func() { <-c.places }()
		value, err := call()
		done <- outcome{value, err}
	}()
	select {
	case o := <-done:
		if o.err != nil {
			return none, fmt.Errorf("%s: %w", what, o.err)
		}
		return o.value, nil
	case <-ctx.Done():
		return none, fmt.Errorf("%s: %w", what, context.Cause(ctx))
	}
}
