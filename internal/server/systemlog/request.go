package systemlog

import "context"

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
