package trustedtime

import "time"

// Source says where a reading's time is from; its values are those of the
// check-in's field "clock".
type Source string

// The sources.
const (
	Anchored  Source = "anchored"  // the server's time, carried on in this boot
	Wall      Source = "wall"      // the wall clock, which nothing speaks against
	Untrusted Source = "untrusted" // the wall clock went back or jumped
)

// Reading is one look at both clocks.
type Reading struct {
	Time       time.Time     // UTC; the floor when not trusted
	Source     Source        //
	Continuous time.Duration // since boot, sleep included
	Boot       string        // which boot
	Last       Moment        // the last moment kept of the boot before this one
}

// Trusted reports whether Time can be believed.
func (r Reading) Trusted() bool { return r.Source == Anchored || r.Source == Wall }

// Moment is a point on the continuous clock of one boot.
type Moment struct {
	Boot       string        `json:"boot"`
	Continuous time.Duration `json:"continuous"`
}

// Moment is the reading's point on the continuous clock.
func (r Reading) Moment() Moment { return Moment{Boot: r.Boot, Continuous: r.Continuous} }

// Since is how long ago m was, on the continuous clock. ok is false when m is
// of another boot, which the continuous clock cannot tell.
func (r Reading) Since(m Moment) (ago time.Duration, ok bool) {
	if m.Boot != r.Boot {
		return 0, false
	}
	return r.Continuous - m.Continuous, true
}

// Wait is a wait on the continuous clock. The zero Wait is over.
type Wait struct {
	From   Moment        `json:"from"`
	Length time.Duration `json:"length"`
}

// Begin is a wait of that length from now on.
func (r Reading) Begin(length time.Duration) Wait { return Wait{From: r.Moment(), Length: length} }

// Left is what is left of w. A reboot restarts what was left of it by the last
// moment kept of the earlier boot: no reboot shortens a wait.
func (r Reading) Left(w Wait) time.Duration {
	if ago, ok := r.Since(w.From); ok {
		return max(0, w.Length-ago)
	}
	if w.From.Boot == r.Last.Boot {
		return min(w.Length, max(0, w.Length-(r.Last.Continuous-w.From.Continuous)))
	}
	return w.Length
}

// Carry is w counted in this boot: what Left says, from now on. It must be
// called once for each wait after a reboot, else the wait would not run.
func (r Reading) Carry(w Wait) Wait {
	if w.From.Boot == r.Boot || w.Length == 0 {
		return w
	}
	return r.Begin(r.Left(w))
}
