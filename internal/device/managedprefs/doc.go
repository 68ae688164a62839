// Package managedprefs yields the policy that the MDM forces on this machine.
//
// It knows where the managed preferences lie, who may have written them, and
// which policy is in force while they are missing or bad: the last good one. It
// looks again at a steady interval, so that a changed profile takes effect
// without a restart. It must never trust a file that anyone but root (or the
// daemon's own user, in development) could have written, never follow a link to
// one, and never let a bad profile replace a good one. What a missing profile
// means after [GoneAfter] is for its caller to decide.
package managedprefs
