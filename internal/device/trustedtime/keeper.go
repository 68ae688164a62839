package trustedtime

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/clock"
)

// Tolerance is how far the wall clock may move against the continuous clock,
// or stand below the floor, before it is not believed: the skew that a PIN
// allows as well.
const Tolerance = 30 * time.Second

const recordKey = "clock/state"

// Records is where the keeper keeps its one record.
type Records interface {
	Read(key string) ([]byte, error)
	Write(changes map[string][]byte) error
}

// state is what outlives the process. Floor was the time at At.
type state struct {
	Floor  time.Time `json:"floor"`
	At     Moment    `json:"at"`
	Before Moment    `json:"before"` // the last moment of the boot before At's
	// Offset is wall minus continuous at the first look in At's boot.
	Offset time.Duration `json:"offset"`
	Anchor *anchor       `json:"anchor,omitempty"`
	Source Source        `json:"source"` // as last told
}

type anchor struct {
	Time time.Time `json:"time"`
	At   Moment    `json:"at"`
}

// Keeper answers what time it is. It is safe for concurrent use.
type Keeper struct {
	clock   clock.Clock
	records Records

	mu    sync.Mutex
	state state
}

// Change tells of a source that is another than the one last told of.
type Change struct {
	From, To Source
	Wall     time.Time
}

// Open reads what an earlier process knew. A new boot gets its baseline here,
// at the first look.
func Open(c clock.Clock, records Records) (*Keeper, error) {
	k := &Keeper{clock: c, records: records}
	raw, err := records.Read(recordKey)
	if err != nil {
		return nil, fmt.Errorf("read the clock's state: %w", err)
	}
	if raw != nil {
		if err := json.Unmarshal(raw, &k.state); err != nil {
			return nil, fmt.Errorf("read the clock's state: %w", err)
		}
	}
	if k.state.At.Boot != c.Boot() {
		k.enterBoot()
	}
	_, err = k.Observe()
	return k, err
}

// enterBoot starts the account of a new boot: what has run since it began
// raises the floor, and the wall clock is compared from here on.
func (k *Keeper) enterBoot() {
	now := Moment{Boot: k.clock.Boot(), Continuous: k.clock.Continuous()}
	if !k.state.Floor.IsZero() {
		k.state.Floor = k.state.Floor.Add(now.Continuous)
	}
	k.state.Before, k.state.At = k.state.At, now
	k.state.Offset = time.Duration(k.clock.Wall().UnixNano()) - now.Continuous
	k.state.Anchor = nil
}

// Now looks at the clocks.
func (k *Keeper) Now() Reading {
	k.mu.Lock()
	defer k.mu.Unlock()
	r, _ := k.read()
	return r
}

func (k *Keeper) read() (Reading, time.Time) {
	wall := k.clock.Wall().UTC().Round(0)
	r := Reading{Continuous: k.clock.Continuous(), Boot: k.clock.Boot(), Last: k.state.Before}
	if a := k.state.Anchor; a != nil {
		r.Time, r.Source = a.Time.Add(r.Continuous-a.At.Continuous), Anchored
		return r, wall
	}
	floor := k.state.Floor
	if !floor.IsZero() {
		floor = floor.Add(r.Continuous - k.state.At.Continuous)
	}
	moved := time.Duration(wall.UnixNano()) - r.Continuous - k.state.Offset
	if wall.Before(floor.Add(-Tolerance)) || moved.Abs() > Tolerance {
		r.Time, r.Source = floor, Untrusted
		return r, wall
	}
	r.Time, r.Source = wall, Wall
	if r.Time.Before(floor) {
		r.Time = floor
	}
	return r, wall
}

// ErrLate says that a server's time was so long on its way that it may be more
// than Tolerance old: the network held it back, or the Mac slept meanwhile.
var ErrLate = errors.New("the server's time is too old")

// Anchor takes the server's time of an authenticated check-in, which was asked
// for and answered at those points of the continuous clock of this boot: it is
// the time at some point between them, so the middle is taken. It may lower the
// floor. ErrLate changes nothing.
func (k *Keeper) Anchor(server time.Time, asked, answered time.Duration) error {
	if took := answered - asked; took > Tolerance {
		return fmt.Errorf("%w: the answer took %s, at most %s is allowed", ErrLate, took.Round(time.Second), Tolerance)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	at := Moment{Boot: k.clock.Boot(), Continuous: asked + (answered-asked)/2}
	k.state.Anchor = &anchor{Time: server.UTC(), At: at}
	k.state.Floor, k.state.At = server.UTC(), at
	return k.save()
}

// Observe raises the floor and keeps it. The daemon calls it every minute and
// as each conversation begins.
func (k *Keeper) Observe() (Reading, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r, _ := k.read()
	k.state.Floor, k.state.At = r.Time, r.Moment()
	return r, k.save()
}

// Tell calls stage when the source of the time is another than the one last
// told of, and keeps what stage adds in the same write: no change goes untold,
// and none is told twice. One goroutine calls it, the daemon's.
func (k *Keeper) Tell(stage func(into map[string][]byte, c Change) error) error {
	k.mu.Lock()
	r, wall := k.read()
	change := Change{From: k.state.Source, To: r.Source, Wall: wall}
	k.mu.Unlock()
	if change.From == change.To {
		return nil
	}
	into := map[string][]byte{}
	if change.From != "" { // the first look of all is no change
		if err := stage(into, change); err != nil {
			return err
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.state.Source = change.To
	return k.saveWith(into)
}

func (k *Keeper) save() error { return k.saveWith(map[string][]byte{}) }

func (k *Keeper) saveWith(changes map[string][]byte) error {
	raw, err := json.Marshal(k.state)
	if err != nil {
		return fmt.Errorf("keep the clock's state: %w", err)
	}
	changes[recordKey] = raw
	if err := k.records.Write(changes); err != nil {
		return fmt.Errorf("keep the clock's state: %w", err)
	}
	return nil
}
