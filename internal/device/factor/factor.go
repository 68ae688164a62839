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
	Linked                 // the account was linked to the org user who has just shown a factor
)

// Outcome is what a run reports. Note is for the person and goes onto the next
// screen; it may be empty. Shown is the kind of factor that Linked rests on.
type Outcome struct {
	Result Result
	Note   string
	Shown  string
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
	// Enrol sets the factor up beside the earlier ones of the account.
	Enrol(ctx context.Context, account Account, ask Ask) (Outcome, error)
	// Count is how many of this kind the account has, and whether there is room
	// for another.
	Count(account Account) (have int, room bool)
}

// Linker ties an account to a user of the org, who shows a factor for it.
type Linker interface {
	// Link asks for the org user and has the org verify them. pin says that a
	// recovery PIN was shown in this login: then it may be any user of the org.
	Link(ctx context.Context, account Account, pin bool, ask Ask) (Outcome, error)
	// Ready says whether the account is linked, and if it is not, why it
	// cannot be linked now.
	Ready(ctx context.Context, account Account) (linked bool, reason Reason)
}

// Remover forgets factors of an account that were set up before its newest one
// of that kind.
type Remover interface {
	// RemoveOlder keeps the newest alone, and says how many it removed.
	RemoveOlder(guid, why string) (int, error)
}

// Registered is a factor with what the engine needs to know of its kind.
type Registered struct {
	Kind   string // as in AllowedFactors
	Label  string // what people call it
	Online bool   // whether it is the org that verifies it
	Factor Factor
	Enrol  Enroller // nil when it cannot be set up here
}
