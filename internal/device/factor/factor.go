package factor

import (
	"context"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// Account is the local account that logs in, as the directory has it.
type Account struct {
	GUID     string // GeneratedUID, which state is kept under
	Name     string // first RecordName, which the policy's lists match
	FullName string
	UID      uint32
}

// Ask shows a screen and waits for what the person does with it. Actions that
// mean the same on every screen (contact, another, back) never reach the
// factor: its context ends instead. A screen that has no actions is shown
// without waiting, and the act is empty.
type Ask func(ctx context.Context, screen wire.Screen) (wire.Act, error)

// Result is how a run ended.
type Result int

// The results.
const (
	Declined Result = iota // the person gave up, or may not go on: another way is offered
	Verified               // the person has shown the factor
	Enrolled               // the factor was set up, and shown by that
)

// Outcome is what a run reports. Note is for the person and goes onto the next
// screen; it may be empty.
type Outcome struct {
	Result Result
	Note   string
}

// Reason says to the person why a factor cannot run now; "" when it can.
type Reason string

// Factor verifies one kind of factor.
type Factor interface {
	// Run asks until the person has shown the factor, or cannot. An error is
	// ours, not the person's, and lets nobody in.
	Run(ctx context.Context, account Account, ask Ask) (Outcome, error)
	// Ready says whether the account has the factor enrolled, and if it has,
	// why it cannot run now.
	Ready(ctx context.Context, account Account) (enrolled bool, reason Reason)
}

// Enroller is a factor that can be set up at the login window.
type Enroller interface {
	// Enrol sets the factor up in place of an earlier one of the account. The
	// earlier one stays until the new one has been shown to work.
	Enrol(ctx context.Context, account Account, ask Ask) (Outcome, error)
}

// Registered is a factor with what the engine needs to know of its kind.
type Registered struct {
	Kind   string // as in AllowedFactors
	Label  string // what people call it
	Online bool   // whether it is the org that verifies it
	Factor Factor
	Enrol  Enroller // nil when it cannot be set up here
}
