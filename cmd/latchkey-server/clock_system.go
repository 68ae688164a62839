//go:build !simclock

package main

import (
	"github.com/spf13/pflag"

	"github.com/latchkey-mfa/latchkey/internal/clock"
)

// clockFlags has nothing to add: this build cannot move its clock.
func clockFlags(*pflag.FlagSet) func() (clock.Clock, error) {
	return func() (clock.Clock, error) { return clock.Open(clock.Options{}) }
}
