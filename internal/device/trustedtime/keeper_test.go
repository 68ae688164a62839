package trustedtime_test

import (
	"errors"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/clock/clocktest"
	"github.com/latchkey-mfa/latchkey/internal/device/store/storetest"
	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
)

func open(t *testing.T, c *clocktest.Clock, s *storetest.Store) *trustedtime.Keeper {
	t.Helper()
	k, err := trustedtime.Open(c, s)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestSources walks the cases of design §7; each row begins with a device that
// has run for a day, the last hour of it since a check-in where anchored.
func TestSources(t *testing.T) {
	tests := []struct {
		name     string
		anchored bool
		then     func(*clocktest.Clock)
		reboots  bool
		want     trustedtime.Source
		at       time.Duration // of Time after Start, a day counted
	}{
		{"nothing speaks against the wall clock", false, func(*clocktest.Clock) {}, false, trustedtime.Wall, 0},
		{"set back in the same boot", false, func(c *clocktest.Clock) { c.SetWall(-time.Hour) }, false, trustedtime.Untrusted, 0},
		{"set ahead in the same boot", false, func(c *clocktest.Clock) { c.SetWall(time.Hour) }, false, trustedtime.Untrusted, 0},
		{"corrected by a few seconds", false, func(c *clocktest.Clock) { c.SetWall(-20 * time.Second) }, false, trustedtime.Wall, 0},
		{"anchored: the wall clock is ignored", true, func(c *clocktest.Clock) { c.SetWall(-time.Hour) }, false, trustedtime.Anchored, 0},
		{"rebooted with the clock right", true, func(c *clocktest.Clock) { c.Reboot() }, true, trustedtime.Wall, time.Minute},
		{"rebooted with the clock set back", true, func(c *clocktest.Clock) { c.Reboot(); c.SetWall(-time.Hour) }, true, trustedtime.Untrusted, 20 * time.Second},
		{"rebooted a little behind the floor", true, func(c *clocktest.Clock) { c.Reboot(); c.SetWall(-65 * time.Second) }, true, trustedtime.Wall, 20 * time.Second},
		{"rebooted with the clock far ahead", true, func(c *clocktest.Clock) { c.Reboot(); c.SetWall(time.Hour) }, true, trustedtime.Wall, time.Hour + time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, s := clocktest.New(), storetest.New(t)
			k := open(t, c, s)
			c.Run(24 * time.Hour)
			if tt.anchored {
				if err := k.Anchor(c.Wall(), c.Continuous(), c.Continuous()); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := k.Observe(); err != nil {
				t.Fatal(err)
			}
			tt.then(c)
			k = open(t, c, s) // a restart of the daemon changes nothing
			r := k.Now()
			if r.Source != tt.want {
				t.Errorf("source %s, want %s", r.Source, tt.want)
			}
			want := clocktest.Start.Add(24*time.Hour + tt.at)
			if off := r.Time.Sub(want); off.Abs() > 21*time.Second {
				t.Errorf("time %s, want %s", r.Time, want)
			}
		})
	}
}

func TestACheckInLowersTheFloor(t *testing.T) {
	c, s := clocktest.New(), storetest.New(t)
	c.SetWall(365 * 24 * time.Hour) // a year ahead when the device was set up
	k := open(t, c, s)
	if err := k.Anchor(clocktest.Start, c.Continuous(), c.Continuous()); err != nil {
		t.Fatal(err)
	}
	c.Reboot()
	c.SetWall(-365 * 24 * time.Hour)
	if r := open(t, c, s).Now(); r.Source != trustedtime.Wall {
		t.Errorf("after the clock was put right: source %s", r.Source)
	}
}

// TestATimeThatCameLateIsNotTaken: whoever holds an answer back, or closes the
// lid while it comes, must not set the Mac's clock back by as much.
func TestATimeThatCameLateIsNotTaken(t *testing.T) {
	c, s := clocktest.New(), storetest.New(t)
	k := open(t, c, s)
	asked, server := c.Continuous(), c.Wall()
	c.Run(10 * time.Minute)
	if err := k.Anchor(server, asked, c.Continuous()); !errors.Is(err, trustedtime.ErrLate) {
		t.Fatalf("taken: %v", err)
	}
	if r := k.Now(); r.Source != trustedtime.Wall || !r.Time.Equal(c.Wall()) {
		t.Errorf("the time is %s by %s, want %s", r.Time, r.Source, c.Wall())
	}
	asked, server = c.Continuous(), c.Wall()
	answered := asked + time.Second
	c.Run(10 * time.Minute) // between the answer and its being taken
	if err := k.Anchor(server, asked, answered); err != nil {
		t.Fatal(err)
	}
	if r := k.Now(); c.Wall().Sub(r.Time).Abs() > time.Second {
		t.Errorf("the time is %s, want %s", r.Time, c.Wall())
	}
}

func TestAChangeIsToldOnce(t *testing.T) {
	c, s := clocktest.New(), storetest.New(t)
	k := open(t, c, s)
	if told := tell(t, k); len(told) != 0 {
		t.Fatalf("the first look was told of as a change: %v", told)
	}
	if _, err := k.Observe(); err != nil { // as a conversation does
		t.Fatal(err)
	}
	c.SetWall(-time.Hour)
	k = open(t, c, s) // a restart before it was told
	if told := tell(t, k); len(told) != 1 || told[0].To != trustedtime.Untrusted {
		t.Fatalf("the rollback was not told: %v", told)
	}
	if told := tell(t, open(t, c, s)); len(told) != 0 {
		t.Errorf("told again after a restart: %v", told)
	}
}

func tell(t *testing.T, k *trustedtime.Keeper) (told []trustedtime.Change) {
	t.Helper()
	err := k.Tell(func(_ map[string][]byte, c trustedtime.Change) error {
		told = append(told, c)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return told
}

// TestWaits: no reboot shortens a wait, and time that ran is not waited twice.
func TestWaits(t *testing.T) {
	c, s := clocktest.New(), storetest.New(t)
	k := open(t, c, s)
	w := k.Now().Begin(10 * time.Minute)
	c.Run(4 * time.Minute)
	if left := k.Now().Left(w); left != 6*time.Minute {
		t.Fatalf("left %s, want 6m", left)
	}
	if _, err := k.Observe(); err != nil {
		t.Fatal(err)
	}
	c.Reboot()
	c.SetWall(24 * time.Hour) // the wall clock has no say in waits
	k = open(t, c, s)
	if left := k.Now().Left(w); left != 6*time.Minute {
		t.Errorf("after a reboot: left %s, want what was left", left)
	}
	w = k.Now().Carry(w)
	c.Run(5 * time.Minute)
	if left := k.Now().Left(w); left != time.Minute {
		t.Errorf("carried over and run on: left %s, want 1m", left)
	}
	c.Reboot()
	c.Reboot() // two boots on, nothing is known of when it ran
	if left := open(t, c, s).Now().Left(w); left != 6*time.Minute {
		t.Errorf("after boots that were not seen: left %s, want all of it", left)
	}
}
