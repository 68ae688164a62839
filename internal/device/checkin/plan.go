package checkin

import "time"

// Numbers of the schedule.
const (
	usually     = 15 * time.Minute // until the server says otherwise
	soonest     = 10 * time.Second // between check-ins that nobody asked for
	latest      = 24 * time.Hour
	kickGap     = time.Second // between check-ins that somebody asked for
	firstRetry  = 30 * time.Second
	lastRetry   = 15 * time.Minute
	lookEvery   = 30 * time.Second
	spreadParts = 10 // a tenth of a time is spread at random
)

// plan says when the next check-in is due, by the continuous clock.
type plan struct {
	due       time.Duration
	notBefore time.Duration // what the server has asked for
	last      time.Duration // the end of the last attempt
	tried     bool
	failures  int // in a row
}

// succeeded plans by what the server has said, spread so that a fleet which
// started together does not stay together. random is from 0 up to 1.
func (p *plan) succeeded(now, nextIn time.Duration, random float64) {
	if nextIn <= 0 {
		nextIn = usually
	}
	nextIn = min(max(nextIn, soonest), latest)
	*p = plan{due: now + nextIn - time.Duration(random*float64(nextIn)/spreadParts), last: now, tried: true}
}

// failed backs off: twice as long after each failure, the second half of it at
// random, and never before the server said.
func (p *plan) failed(now, after time.Duration, random float64) {
	wait := lastRetry
	if p.failures < 5 { // 30 s doubled five times is past lastRetry
		wait = min(firstRetry<<p.failures, lastRetry)
	}
	wait -= time.Duration(random * float64(wait) / 2)
	p.failures++
	p.last, p.tried = now, true
	p.notBefore = now + min(after, latest)
	p.due = max(now+wait, p.notBefore)
}

// kick brings the next check-in forward.
func (p *plan) kick(now time.Duration) {
	soon := max(now, p.notBefore)
	if p.tried {
		soon = max(soon, p.last+kickGap)
	}
	p.due = min(p.due, soon)
}
