package systemlog

import (
	"context"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
)

type requestKey struct{}

// ForRequest puts the id of the request into ctx, for the events of whoever
// appends with it.
func ForRequest(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

// RequestOf is the id of the request in ctx, or "".
func RequestOf(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

// NewRequest is the id of a request that has none yet.
func NewRequest() string { return store.NewID("req") }

// IDOf is the id of the request in ctx, or a new one.
func IDOf(ctx context.Context) string {
	if id := RequestOf(ctx); id != "" {
		return id
	}
	return NewRequest()
}
