package mechanism

import (
	"context"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/xipc"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// Rehearsal is the mechanism of a private right, which is evaluated before the
// login window is armed: it does what the gate does, for nobody. It lets nobody
// in: no right of macOS names it, and who may put it into one could leave the
// gate out as well.
type Rehearsal struct {
	Socket, File string
	Patience     time.Duration
}

// Works reports whether the gate would reach what it decides by: a gate file
// that can be trusted, and a daemon that answers as one.
func (r Rehearsal) Works(ctx context.Context) bool {
	if _, err := readFallback(r.File); err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, r.Patience)
	defer cancel()
	c, err := xipc.Dial(ctx, r.Socket, xipc.ClientOptions{Role: wire.RoleGate})
	if err != nil {
		return false
	}
	c.Close()
	return true
}
