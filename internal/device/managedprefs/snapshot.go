package managedprefs

import (
	"fmt"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/policy"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// GoneAfter is how long a profile must be missing to be taken as MFA turned off
// (design §4).
const GoneAfter = 15 * time.Minute

// State says what was found at the last look.
type State int

// The states.
const (
	Never State = iota + 1 // no profile was ever good, and none is there
	Good                   // a profile is there and in force
	Bad                    // one is there and cannot be taken; the last good one, if any, stays in force
	Gone                   // there was one, and none is there now; it stays in force until the caller says otherwise
)

// String is the state as status and check-in name it.
func (s State) String() string {
	switch s {
	case Never:
		return "never"
	case Good:
		return "good"
	case Bad:
		return "bad"
	case Gone:
		return "gone"
	}
	return "unknown"
}

// Snapshot is what is known after a look. Its parts are shared and must not be
// changed.
type Snapshot struct {
	State    State
	Policy   *policy.Policy  // in force: the last good one; nil if there never was one
	Raw      []byte          // that policy's property list, to be kept and given to Restore
	SHA256   string          // of Raw, in hexadecimal; "" without
	Problems policy.Problems // of the profile that was looked at last; warnings of a good one
	At       time.Time       // of the change to this state, by the wall clock
	GoneFor  time.Duration   // how long the profile has been missing, while State is Gone
}

// Wire is the snapshot as a check-in reports it. A profile that never was is
// "gone" there: the server knows what it was told before.
func (s Snapshot) Wire() (wire.PolicyState, error) {
	out := wire.PolicyState{State: s.State.String(), SHA256: s.SHA256}
	if s.State == Never {
		out.State = Gone.String()
	}
	for _, p := range s.Problems {
		if p.Severity == policy.Error {
			out.Errors = append(out.Errors, wire.PolicyError{Key: p.Key, Value: p.Value, Allowed: p.Allowed})
		}
	}
	if s.Policy == nil {
		return out, nil
	}
	effective, err := s.Policy.Effective()
	if err != nil {
		return wire.PolicyState{}, fmt.Errorf("report the policy in force: %w", err)
	}
	out.Effective = effective
	return out, nil
}
