package checkin

import (
	"errors"
	"time"
)

// Status is how the device stands with its server.
type Status struct {
	URL       string        // of the policy in force
	DeviceID  string        // as the server calls this device
	Confirmed bool          // a Latchkey server has answered at URL, so that secrets may go there
	Answered  time.Time     // the server's time of its last answer; zero for never
	Attempted time.Time     // the wall clock at the end of the last attempt; zero for none in this process
	Problem   string        // what was wrong with the last attempt; "" if nothing
	Reason    string        // of a refusal, such as wire.RefusedUnverified
	Failures  int           // in a row
	NextIn    time.Duration // negative while one is under way or overdue
}

// note takes the end of an attempt.
func (s *Status) note(at time.Time, err error, failures int) {
	s.Attempted, s.Failures, s.Problem, s.Reason = at, failures, "", ""
	if err == nil {
		return
	}
	s.Problem = err.Error()
	var refusal *Refusal
	if errors.As(err, &refusal) {
		s.Reason = refusal.Reason
	}
}

// Status is how the device stands with its server now.
func (r *Runner) Status() Status {
	r.mu.Lock()
	s := r.status
	s.NextIn = r.plan.due - r.o.Clock.Continuous()
	r.mu.Unlock()
	s.URL = r.o.URL()
	rec, err := r.o.State.Load()
	if err != nil {
		s.Problem = "the check-in record cannot be read: " + err.Error()
		return s
	}
	s.DeviceID, s.Answered, s.Confirmed = rec.DeviceID, rec.Answered, rec.trusts(s.URL)
	return s
}
