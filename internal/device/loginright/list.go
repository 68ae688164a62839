package loginright

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Console is the right of the login window.
const Console = "system.login.console"

// Our two mechanisms, in their order, as a list has them.
const (
	Prompt = "Latchkey:prompt"
	Gate   = "Latchkey:gate,privileged"
)

// bundlePrefix is what authd takes for our bundle's name: an entry that begins
// so needs the bundle, whatever follows.
const bundlePrefix = "Latchkey:"

// Mechanisms of macOS that ours stand in relation to.
const (
	pkinit       = "PKINITMechanism:auth,privileged"
	authenticate = "builtin:authenticate,privileged"
)

// tooLate are mechanisms after which the login window begins to let go: whoever
// has got so far is in.
func tooLate() []string { return []string{"builtin:login-success", "loginwindow:success"} }

// ErrNoAnchor: the list has no place for our mechanisms.
var ErrNoAnchor = errors.New("the list has no place for Latchkey")

// ErrEmpty: nothing but our mechanisms is in the list. Without them it would
// be empty, which macOS takes for yes.
var ErrEmpty = errors.New("without Latchkey the list would be empty, and macOS lets everybody in with an empty list")

// Standing is how our mechanisms stand in a list.
type Standing int

// The three standings.
const (
	Absent  Standing = iota // no entry is ours
	Partial                 // some are, but not as they have to be
	Armed                   // both are there once, in order, directly after the anchor
)

// String is the word for it in `latchkey login-right` and in check-ins.
func (s Standing) String() string {
	switch s {
	case Armed:
		return "armed"
	case Partial:
		return "partial"
	}
	return "disarmed"
}

// ours: an entry that needs our bundle.
func ours(entry string) bool { return strings.HasPrefix(entry, bundlePrefix) }

// Inserted is the list with our two mechanisms directly after
// PKINITMechanism:auth,privileged, else after builtin:authenticate,privileged,
// and nowhere else: what an update or another tool has left of them goes first.
// All other entries stay as they are, in their order. It fails with ErrNoAnchor
// where no place is right.
func Inserted(list []string) ([]string, error) {
	without := slices.DeleteFunc(slices.Clone(list), ours)
	at, err := anchor(without)
	if err != nil {
		return nil, err
	}
	return slices.Insert(without, at+1, Prompt, Gate), nil
}

// Removed is the list without any entry that needs our bundle. It fails with
// ErrEmpty where nothing else is in it.
func Removed(list []string) ([]string, error) {
	without := slices.DeleteFunc(slices.Clone(list), ours)
	if len(without) == 0 && len(list) > 0 {
		return nil, ErrEmpty
	}
	return without, nil
}

// StandingIn says how our mechanisms stand in the list.
func StandingIn(list []string) Standing {
	if !slices.ContainsFunc(list, ours) {
		return Absent
	}
	if right, err := Inserted(list); err == nil && slices.Equal(right, list) {
		return Armed
	}
	return Partial
}

// anchor is the entry after which ours have to stand, in a list without them.
// What comes of it is refused where the password would not have been checked by
// then, or where the person would be in already.
func anchor(list []string) (int, error) {
	at, name := slices.Index(list, pkinit), pkinit
	if at < 0 {
		at, name = slices.Index(list, authenticate), authenticate
	}
	if at < 0 {
		return 0, fmt.Errorf("%w: neither %s nor %s is in it", ErrNoAnchor, pkinit, authenticate)
	}
	// A second one would check another password behind our gate.
	for _, once := range []string{pkinit, authenticate} {
		if first := slices.Index(list, once); first >= 0 && slices.Contains(list[first+1:], once) {
			return 0, fmt.Errorf("%w: %s is in it more than once", ErrNoAnchor, once)
		}
	}
	if slices.Contains(list[at:], authenticate) && name != authenticate {
		return 0, fmt.Errorf("%w: %s comes after %s", ErrNoAnchor, authenticate, name)
	}
	for _, late := range tooLate() {
		if slices.Contains(list[:at], late) {
			return 0, fmt.Errorf("%w: %s comes before %s", ErrNoAnchor, late, name)
		}
	}
	return at, nil
}
