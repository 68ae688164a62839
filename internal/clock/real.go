//go:build !simclock

package clock

// Options are what a build without simclock knows of its clock: nothing.
type Options struct{}

// Open is the machine's own clock.
func Open(Options) (Clock, error) { return newSystem() }
