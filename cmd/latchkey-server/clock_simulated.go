//go:build simclock

package main

import (
	"github.com/spf13/pflag"

	"github.com/latchkey-mfa/latchkey/internal/clock"
)

// clockFlags adds the flag of the movable clock, which only demo and test
// builds have.
func clockFlags(f *pflag.FlagSet) func() (clock.Clock, error) {
	file := f.String("sim-clock", "", "file that moves the clock (demo and test builds only)")
	twinned(f, "sim-clock")
	return func() (clock.Clock, error) { return clock.Open(clock.Options{File: *file}) }
}
