package forward

import (
	"context"
	"database/sql"
	"math/rand/v2"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// Times and sizes of forwarding.
const (
	lookEvery  = time.Second      // for new events
	batch      = 100              // events in one delivery, at most
	sendWithin = 20 * time.Second // for one delivery
	noteWithin = 5 * time.Second
	held       = 45 * time.Second // how long a server that died keeps others from a destination; longer than a delivery takes
	firstPause = time.Second      // after a failure, doubled by each further one
	longest    = 5 * time.Minute
)

// Destination takes events.
type Destination interface {
	// Name is what its place in the log is kept under: the address, without
	// anything that is secret.
	Name() string
	// Send returns when the destination has all of them. It may be given the same
	// ones again.
	Send(ctx context.Context, events []systemlog.Event) error
}

// Database runs transactions.
type Database interface {
	Update(ctx context.Context, do func(tx *sql.Tx) error) error
	View(ctx context.Context, do func(tx *sql.Tx) error) error
}

// Log is the System Log.
type Log interface {
	Find(ctx context.Context, tx *sql.Tx, q systemlog.Query) ([]systemlog.Event, error)
}

// Forwarder sends to its destinations. All fields are needed.
type Forwarder struct {
	DB           Database
	Log          Log
	Destinations []Destination
	Zap          *zap.Logger
	Now          func() time.Time
	// Server tells this server from others on the same database.
	Server string
	// Whole has a destination that is new get what is in the log already.
	Whole bool
}

// Run forwards until ctx ends. A destination that fails is tried again, for as
// long as the server runs, and holds up no other.
func (f *Forwarder) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, d := range f.Destinations {
		all.Go(func() { f.keepUp(ctx, d) })
	}
	all.Wait()
}

func (f *Forwarder) keepUp(ctx context.Context, d Destination) {
	failures := 0
	for {
		wait := lookEvery
		more, err := f.turn(ctx, d)
		switch {
		case ctx.Err() != nil:
			f.release(context.WithoutCancel(ctx), d)
			return
		case err != nil:
			if failures++; failures == 1 {
				f.Zap.Warn("events are not forwarded", zap.String("destination", d.Name()), zap.Error(err))
			}
			wait = pause(failures, rand.Float64()) //nolint:gosec // G404: it spreads load, and guards nothing
		case more:
			failures, wait = f.well(d, failures), 0
		default:
			failures = f.well(d, failures)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done(): // the next turn sees it
			timer.Stop()
		}
	}
}

// well says once that a destination takes events again.
func (f *Forwarder) well(d Destination, failures int) int {
	if failures > 0 {
		f.Zap.Info("events are forwarded again", zap.String("destination", d.Name()), zap.Int("after_failures", failures))
	}
	return 0
}

// pause is how long to wait after that many failures in a row, spread by a
// number from 0 to 1 so that not everyone comes back at once.
func pause(failures int, spread float64) time.Duration {
	wait := firstPause
	for range failures - 1 {
		if wait *= 2; wait >= longest {
			wait = longest
			break
		}
	}
	return wait/2 + time.Duration(spread*float64(wait/2))
}

// turn sends what is new, once, and reports whether there is more.
func (f *Forwarder) turn(ctx context.Context, d Destination) (more bool, err error) {
	events, mine, err := f.next(ctx, d)
	if err != nil || !mine || len(events) == 0 {
		return false, err
	}
	sending, done := context.WithTimeout(ctx, sendWithin)
	err = d.Send(sending, events)
	done()
	if err != nil {
		return false, f.failed(ctx, d, err)
	}
	// Also while the server stops: else the same would come again after its start.
	noting, done := context.WithTimeout(context.WithoutCancel(ctx), noteWithin)
	defer done()
	return len(events) == batch, f.sent(noting, d, events[len(events)-1].Seq)
}
