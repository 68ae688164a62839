package checkin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// Reporter describes the device: all of a check-in but its sequence number, its
// token, its secrets and its events, which are filled in here.
type Reporter interface {
	Report(ctx context.Context) (wire.CheckIn, error)
}

// Secrets gives the recovery secrets that the server does not have yet, and
// takes what it did with them.
type Secrets interface {
	Uploads(ctx context.Context) ([]wire.SecretUpload, error)
	Results(ctx context.Context, results []wire.SecretResult) error
}

// Events is the queue of events.
type Events interface {
	Pending(most int) ([]wire.Event, error)
	Delivered(ids []string) error
}

// Exchange is when a request went out and when its answer had come, on the
// continuous clock: the time in the answer is from between.
type Exchange struct{ Asked, Answered time.Duration }

// Answers takes the rest of an answer: the time, settings, accounts, commands.
type Answers interface {
	Apply(ctx context.Context, sent wire.CheckIn, answer wire.CheckInAnswer, at Exchange) error
	// Restored says that the server has seen a later check-in of this device,
	// so that this store is an old copy or a new one: all secrets are to be
	// rotated. It is called before the check-in is tried again.
	Restored(ctx context.Context, lastSeq uint64) error
}

// Identity is the Device Access certificate with its key, asked for at every
// check-in, so that a renewed one is used.
type Identity interface {
	Certificate(ctx context.Context) (tls.Certificate, error)
}

// Clock tells the time of an attempt and carries the schedule, through sleep.
type Clock interface {
	Wall() time.Time
	Continuous() time.Duration
}

// Options of a Runner. All but Roots and Log are required.
type Options struct {
	// URL is where the server is found by the policy in force
	// (LatchkeyRecoveryURL or DMFAOrgURL); "" while there is none.
	URL      func() string
	Identity Identity
	Roots    *x509.CertPool // nil: the system's
	Reporter Reporter
	Secrets  Secrets
	Events   Events
	Answers  Answers
	State    State
	Clock    Clock
	Random   func() float64 // from 0 up to, but not, 1; for jitter, so need not be secret
	Log      *zap.Logger    // nil: none
}

// Result is what a check-in came to.
type Result struct {
	Rounds   int           // requests that the server answered with 200
	Events   int           // events that it accepted
	DeviceID string        // as the server calls this device
	NextIn   time.Duration // until the next one is due

	raised bool // a secret was numbered anew and sent again at once
}

// Runner checks in. It is safe for concurrent use; check-ins are made one at a
// time.
type Runner struct {
	o      Options
	turn   chan struct{} // held by whoever is checking in
	kicked chan struct{}

	// Used only by who holds turn.
	pending *attempt // sent, with an unknown outcome
	found   *place   // where the device API was found
	most    int      // events in one request

	mu     sync.Mutex
	plan   plan
	asked  bool // a check-in was asked for since the last one began
	status Status
}

// New is a runner that has not checked in yet.
func New(o Options) *Runner {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	r := &Runner{o: o, turn: make(chan struct{}, 1), kicked: make(chan struct{}, 1), most: wire.MaxCheckInEvents}
	r.plan.due = o.Clock.Continuous()
	return r
}

// Run checks in when it is due, at once to begin with, until the context ends.
func (r *Runner) Run(ctx context.Context) {
	for {
		wait := r.untilDue()
		if wait <= 0 {
			// Its error is logged and in Status; the plan has its consequence.
			_, _ = r.Now(ctx)
			if ctx.Err() != nil {
				return
			}
			continue
		}
		// A timer stops while the machine sleeps and the continuous clock does
		// not, so look at the clock now and then.
		timer := time.NewTimer(min(wait, lookEvery))
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-r.kicked:
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// Kick asks for a check-in soon. It does not cut short the time that a server
// has asked for.
func (r *Runner) Kick() {
	r.mu.Lock()
	r.asked = true
	r.plan.kick(r.o.Clock.Continuous())
	r.mu.Unlock()
	select {
	case r.kicked <- struct{}{}:
	default:
	}
}

// Now checks in at once, or after the check-in that is under way, whatever the
// plan says. It goes on while either side has more to say.
func (r *Runner) Now(ctx context.Context) (Result, error) {
	select {
	case r.turn <- struct{}{}:
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
	defer func() { <-r.turn }()
	r.mu.Lock()
	r.asked = false
	r.mu.Unlock()
	result, err := r.rounds(ctx)
	if ctx.Err() != nil {
		// Stopped by us, which says nothing of the server.
		return result, err
	}
	result.NextIn = r.settle(result, err)
	return result, err
}

// settle plans the next check-in and notes how this one ended.
func (r *Runner) settle(result Result, err error) time.Duration {
	r.mu.Lock()
	before := r.status.Problem
	now := r.o.Clock.Continuous()
	if err == nil {
		r.plan.succeeded(now, result.NextIn, r.o.Random())
	} else {
		r.plan.failed(now, retryAfter(err), r.o.Random())
	}
	if r.asked {
		// By something that this check-in may have come too early for.
		r.plan.kick(now)
	}
	r.status.note(r.o.Clock.Wall(), err, r.plan.failures)
	next := r.plan.due - now
	r.mu.Unlock()
	r.log(before, err, next)
	return next
}

// log tells of a problem once, and of its end.
func (r *Runner) log(before string, err error, next time.Duration) {
	switch {
	case err != nil && err.Error() != before:
		r.o.Log.Warn("check-in failed", zap.Error(err), zap.Duration("next_in", next))
	case err == nil && before != "":
		r.o.Log.Info("check-in works again")
	}
}

func (r *Runner) untilDue() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.plan.due - r.o.Clock.Continuous()
}
