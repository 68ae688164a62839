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
}
