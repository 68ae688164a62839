package mechanism

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/xipc"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// GatePatience is how long the gate waits for the daemon.
type GatePatience struct {
	Exempt time.Duration // before an exempt account passes without it
	Hung   time.Duration // before it counts as unavailable
}

// DefaultGatePatience is design §4's.
func DefaultGatePatience() GatePatience {
	return GatePatience{Exempt: time.Second, Hung: 30 * time.Second}
}

// Gate is the privileged mechanism. It runs as root, after prompt.
type Gate struct {
	Socket, File string
	Patience     GatePatience
}

// answer is what came of asking the daemon.
type answer int

const (
	denied      answer = iota // the daemon said no; also: nothing is known
	allowed                   // the daemon said yes
	failed                    // somebody answered, but not with a decision
	unavailable               // nobody answered
)

// Decide says whether the account may log in. The ticket is the one that
// prompt left, or empty.
func (g Gate) Decide(ctx context.Context, uid uint32, ticket []byte) bool {
	ctx, cancel := context.WithTimeout(ctx, g.Patience.Hung)
	defer cancel()
	var passed atomic.Bool
	soon := time.AfterFunc(g.Patience.Exempt, func() {
		defer func() { _ = recover() }()
		// An exempt account does not wait for a daemon that hangs.
		if file, err := readFallback(g.File); err == nil && file.passes(uid) {
			passed.Store(true)
			cancel()
		}
	})
	defer soon.Stop()
	a := g.ask(ctx, wire.Decide{UID: uid, Ticket: ticket})
	if a == unavailable && passed.Load() {
		return true
	}
	return g.conclude(a, uid)
}

// conclude turns to the gate file where the daemon decided nothing.
func (g Gate) conclude(a answer, uid uint32) bool {
	if a == allowed || a == denied {
		return a == allowed
	}
	file, err := readFallback(g.File)
	if err != nil {
		// Refused by default: a gate that runs is armed, and without a
		// readable file nothing says that this account may pass.
		return false
	}
	if a == unavailable {
		return file.passesUnavailable(uid)
	}
	// Refused by default: the policy for an unavailable daemon is not for one
	// that answers and fails, nor for a stranger at its socket.
	return file.passes(uid)
}

// ask asks on this thread: see xipc.Ask.
func (g Gate) ask(ctx context.Context, q wire.Decide) (a answer) {
	defer func() {
		if recover() != nil {
			a = failed
		}
	}()
	body, err := xipc.Ask(ctx, g.Socket, xipc.ClientOptions{Role: wire.RoleGate}, wire.MsgDecide, q.Dictionary())
	if err != nil {
		return without(err)
	}
	decision, err := wire.DecisionFrom(body)
	switch {
	case err != nil:
		return failed
	case decision.Allow:
		return allowed
	default:
		return denied
	}
}

// without tells a daemon that is not there from one that does not behave.
func without(err error) answer {
	var told *xipc.RemoteError
	if errors.As(err, &told) || errors.Is(err, xipc.ErrInvalid) {
		return failed
	}
	return unavailable
}
