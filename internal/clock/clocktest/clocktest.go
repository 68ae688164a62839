// Package clocktest is a clock that tests move by hand. It must never be
// imported by what ships.
package clocktest

import (
	"sync"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/clock"
)

// Clock stands still until it is moved. It is safe for concurrent use.
type Clock struct {
	mu         sync.Mutex
	wall       time.Time
	continuous time.Duration
	boot       string
}

var _ clock.Clock = (*Clock)(nil)

// Start is the wall time of a new clock.
var Start = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

// New is a clock an hour into its first boot.
func New() *Clock { return &Clock{wall: Start, continuous: time.Hour, boot: "boot-1"} }

// Wall implements clock.Clock.
func (c *Clock) Wall() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.wall }

// Continuous implements clock.Clock.
func (c *Clock) Continuous() time.Duration { c.mu.Lock(); defer c.mu.Unlock(); return c.continuous }

// Boot implements clock.Clock.
func (c *Clock) Boot() string { c.mu.Lock(); defer c.mu.Unlock(); return c.boot }

// Deadline implements clock.Clock.
func (c *Clock) Deadline(left time.Duration) time.Time { return c.Wall().Add(left) }

// Run lets time pass on both clocks.
func (c *Clock) Run(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall, c.continuous = c.wall.Add(d), c.continuous+d
}

// SetWall moves the wall clock alone, as someone in System Settings does.
func (c *Clock) SetWall(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall = c.wall.Add(d)
}

// Reboot begins another boot a minute later.
func (c *Clock) Reboot() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall, c.continuous, c.boot = c.wall.Add(time.Minute), 20*time.Second, c.boot+"+"
}
