package clock

import "time"

// Clock is where time comes from.
type Clock interface {
	// Wall is the time of day, which anyone with the right can set.
	Wall() time.Time
	// Continuous is the time since this boot, sleep included. It never goes
	// back and nobody can set it.
	Continuous() time.Duration
	// Boot names this boot.
	Boot() string
	// Deadline is when left will have run, by the wall clock that the other
	// programs of this machine see: for a countdown on a screen, never for a
	// decision.
	Deadline(left time.Duration) time.Time
}
