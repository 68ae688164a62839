package trial

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/clock"
)

// The files that move the clocks (internal/clock, build tag simclock).
const (
	DeviceClock = "device-clock.json"
	ServerClock = "server-clock.json"
)

// Clocks moves time for the device and the server.
type Clocks struct{ Device, Server string }

// shift is the form of the files.
type shift struct {
	Wall       float64 `json:"wall_s"`
	Continuous float64 `json:"continuous_s"`
	Boot       string  `json:"boot"`
}

func change(file string, f func(*shift)) error {
	var s shift
	raw, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(raw, &s)
	}
	if err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("read the clock %s: %w", file, err)
	}
	f(&s)
	if raw, err = json.Marshal(s); err != nil {
		return err
	}
	// By rename, so that no process reads half of it.
	if err := os.WriteFile(file+".new", raw, 0o644); err != nil {
		return fmt.Errorf("move the clock: %w", err)
	}
	return os.Rename(file+".new", file)
}

// Pass lets d go by on every clock.
func (c Clocks) Pass(d time.Duration) error {
	for _, file := range []string{c.Server, c.Device} {
		err := change(file, func(s *shift) { s.Wall += d.Seconds(); s.Continuous += d.Seconds() })
		if err != nil {
			return err
		}
	}
	return nil
}

// Reboot gives the device another boot, which took a minute and is twenty
// seconds old, and moves its wall clock by d.
func (c Clocks) Reboot(name string, d time.Duration) error {
	if err := c.Pass(time.Minute); err != nil {
		return err
	}
	machine, err := clock.Open(clock.Options{})
	if err != nil {
		return err
	}
	const since = 20 * time.Second
	return change(c.Device, func(s *shift) {
		s.Boot, s.Wall = name, s.Wall+d.Seconds()
		s.Continuous = (since - machine.Continuous()).Seconds()
	})
}

// Now is the device's wall clock, which an authenticator app on a phone has as
// well while that clock is right.
func (c Clocks) Now() time.Time {
	var s shift
	if raw, err := os.ReadFile(c.Server); err == nil {
		_ = json.Unmarshal(raw, &s)
	}
	return time.Now().Add(time.Duration(s.Wall * float64(time.Second)))
}
