package access

import (
	"context"
	"fmt"
)

// DeniedError is a caller without the permission that a thing needs.
type DeniedError struct {
	Caller Caller
	Needs  Permission
}

// Error names the role and what it lacks, or says that it is the token or the
// groups.
func (e *DeniedError) Error() string {
	if e.Caller.holds(e.Needs) && !e.Caller.covers(e.Needs) {
		return fmt.Sprintf("the token lacks the scope %s", e.Needs)
	}
	if e.Caller.Scoped() && e.Caller.holds(e.Needs) {
		return fmt.Sprintf("the caller is scoped to groups of users, and holds %s for these alone", e.Needs)
	}
	return fmt.Sprintf("role %q lacks the permission %s", e.Caller.Role, e.Needs)
}

// Guard carries the caller of one request and remembers whether somebody
// asked what they may do.
type Guard struct {
	Caller  Caller
	checked bool
}

type guardKey struct{}

// With puts a guard for caller into ctx.
func With(ctx context.Context, caller Caller) (context.Context, *Guard) {
	g := &Guard{Caller: caller}
	return context.WithValue(ctx, guardKey{}, g), g
}

// Require is nil when the request's caller holds p, else a *DeniedError. A
// context without a guard holds no caller and is denied.
func Require(ctx context.Context, p Permission) error {
	g, ok := ctx.Value(guardKey{}).(*Guard)
	if !ok {
		return &DeniedError{Needs: p}
	}
	g.checked = true
	if !g.Caller.Allows(p) {
		return &DeniedError{Caller: g.Caller, Needs: p}
	}
	return nil
}

// CallerOf is the caller of the request, or nobody.
func CallerOf(ctx context.Context) Caller {
	if g, ok := ctx.Value(guardKey{}).(*Guard); ok {
		return g.Caller
	}
	return Caller{}
}

// Checked reports whether Require was called. An answer made without is a
// programming error, and must not leave the server.
func (g *Guard) Checked() bool { return g.checked }
