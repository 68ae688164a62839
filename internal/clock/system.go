package clock

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// system is the machine's own clock.
type system struct{ boot string }

var _ Clock = system{}

// newSystem fails where the machine cannot say which boot this is: without
// that, waits could not be told from those of an earlier boot.
func newSystem() (system, error) {
	boot, err := bootID()
	if err != nil {
		return system{}, fmt.Errorf("read the id of this boot: %w", err)
	}
	return system{boot: boot}, nil
}

func (system) Wall() time.Time { return time.Now() }

func (system) Continuous() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(continuousClock, &ts); err != nil {
		// Both kernels have had this clock for ten years. Without it no wait
		// can be kept, so stop rather than guess.
		panic(fmt.Sprintf("read the continuous clock: %v", err))
	}
	return time.Duration(ts.Nano())
}

func (system) Deadline(left time.Duration) time.Time { return time.Now().Add(left) }

func (s system) Boot() string { return s.boot }
