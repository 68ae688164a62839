package xipc

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// Reconnecting is a client that dials when it is first used and again after
// the connection was interrupted. A request that was under way when that
// happened is not repeated, because the other end may have carried it out; its
// error wraps ErrInterrupted and the next request dials. Events are dropped.
type Reconnecting struct {
	path    string
	options ClientOptions

	mu      sync.Mutex
	current *Client
	closed  bool
}

// NewReconnecting is a client for the service at path. It does not dial yet.
func NewReconnecting(path string, o ClientOptions) *Reconnecting {
	return &Reconnecting{path: path, options: o}
}

// Request is Client.Request over a connection that stands.
func (r *Reconnecting) Request(ctx context.Context, name string, body wire.Dictionary) (wire.Dictionary, error) {
	c, err := r.connection(ctx)
	if err != nil {
		return nil, err
	}
	return c.Request(ctx, name, body)
}

func (r *Reconnecting) connection(ctx context.Context) (*Client, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, fmt.Errorf("%w: closed", ErrInvalid)
	}
	if r.current != nil && !errors.Is(r.current.reason(), ErrInterrupted) {
		return r.current, nil
	}
	if r.current != nil {
		_ = r.current.Close()
		r.current = nil
	}
	c, err := Dial(ctx, r.path, r.options)
	if err != nil {
		return nil, err
	}
	go discard(c.Events())
	r.current = c
	return c, nil
}

// discard reads events until the connection is over.
func discard(events <-chan Message) {
	for range events {
		continue
	}
}

// Close ends the connection; later requests return ErrInvalid.
func (r *Reconnecting) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if r.current == nil {
		return nil
	}
	return r.current.Close()
}
