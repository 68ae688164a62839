package authhost

import "fmt"

// Result is how a mechanism or the whole evaluation ended: an
// AuthorizationResult (AuthorizationPlugin.h).
type Result uint32

// The results. At the end of an evaluation Allow means that the user is in.
const (
	Allow Result = iota
	Deny
	Undefined
	UserCanceled
)

// String is the name of the result in the header.
func (r Result) String() string {
	switch r {
	case Allow:
		return "Allow"
	case Deny:
		return "Deny"
	case Undefined:
		return "Undefined"
	case UserCanceled:
		return "UserCanceled"
	}
	return fmt.Sprintf("result %d", uint32(r))
}

// Outcome is how an evaluation ended.
type Outcome struct {
	Result Result
	Cause  string   // why, when it is not Allow
	User   string   // short name in the context at the end, empty for none
	UID    uint32   // uid in the context at the end, when there is a User
	Rounds int      // how often the list was begun
	Faults []string // what plug-ins and hosts did against their contract
}
