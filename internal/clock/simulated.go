//go:build simclock

package clock

import (
	"encoding/json"
	"os"
	"time"
)

// Options of the movable clock.
type Options struct {
	// File is a JSON object with "wall_s" and "continuous_s", seconds to add
	// to the machine's clocks, and "boot", which replaces the boot id when it
	// is not empty. It is read at every look at the clock. "" is no file.
	File string
}

// Shift is what the file of a movable clock holds.
type Shift struct {
	Wall       float64 `json:"wall_s"`
	Continuous float64 `json:"continuous_s"`
	Boot       string  `json:"boot"`
}

// Open is a clock that Options.File moves.
func Open(o Options) (Clock, error) {
	s, err := newSystem()
	return movable{system: s, file: o.File}, err
}

type movable struct {
	system
	file string
}

// shift is nothing where the file is missing or half-written: the demo writes
// it by rename, so it is neither.
func (m movable) shift() (s Shift) {
	if raw, err := os.ReadFile(m.file); err == nil {
		_ = json.Unmarshal(raw, &s)
	}
	return s
}

func (m movable) Wall() time.Time { return m.system.Wall().Add(seconds(m.shift().Wall)) }

func (m movable) Continuous() time.Duration {
	return m.system.Continuous() + seconds(m.shift().Continuous)
}

func (m movable) Boot() string {
	if b := m.shift().Boot; b != "" {
		return b
	}
	return m.system.Boot()
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
