package login

import (
	"time"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// Rules are the policy as it is for one account.
type Rules struct {
	Governed      bool          // whether a second factor is required of the account
	Allowed       []string      // kinds of factor that the policy lets be used, in the order to show
	OfflinePeriod time.Duration // LoginPeriodWithOfflineFactor
	Grace         time.Duration // LoginPeriodWithoutEnrolledFactor
	Observe       bool          // LatchkeyEnforcement is observe
	Linking       bool          // the policy has a factor that the org verifies, so accounts are linked to its users
}

// Facts are what is known of the account now.
type Facts struct {
	KillSwitch    bool
	Met           bool          // whether the account was governed before, as far as this store knows
	FirstGoverned time.Time     // the first governed login, which the server may know of; zero before it
	HadFactor     bool          // whether a factor was ever enrolled: the first grace is over for good
	OfflineFrom   time.Time     // when the offline period began: last online login, linking or first enrolment
	Methods       []Method      // the factors that this version has
	Window        time.Duration // what is left of an open recovery window
	News          []string      // what to tell of since the last login
	Linked        bool          // to a user of the org
	LinkReason    string        // why it cannot be linked now
}

// Method is a factor as the engine sees it.
type Method struct {
	Kind, Label string
	Online      bool
	Enrolled    bool
	Reason      string // why it cannot run now
	CanEnrol    bool   // whether it can be set up at the login window, or another of it
	Have        int    // how many of it are set up
}

// hasOffline reports whether a factor is set up that the Mac verifies itself.
func (f Facts) hasOffline() bool {
	for _, m := range f.Methods {
		if m.Enrolled && !m.Online {
			return true
		}
	}
	return false
}

func (f Facts) method(kind string) (Method, bool) {
	for _, m := range f.Methods {
		if m.Kind == kind {
			return m, true
		}
	}
	return Method{}, false
}

// Step is where a conversation stands.
type Step int

// The steps.
const (
	StepNew     Step = iota
	StepHome         // a list of ways, the grace screen, or locked
	StepOffer        // proven; a factor can be set up
	StepTidy         // set up; those from before can be removed
	StepRunning      // a factor asks
	StepOver         // a Finish was made
)

// Mode is what a factor that runs is asked to do.
type Mode int

// The modes.
const (
	Verify Mode = iota + 1
	Enrol
	Link
)

// Purpose is what a conversation is for.
type Purpose int

// The purposes. Enrolment is within a session: it never makes a ticket, and the
// password was not typed for it.
const (
	Login Purpose = iota
	Enrolment
)

// State is a conversation between two inputs. The zero State is a new one.
type State struct {
	Purpose  Purpose
	Step     Step
	Kind     string // of the factor that runs
	Mode     Mode
	Run      int // number of the run, so that a late answer of an earlier one is known
	Waiting  bool
	Proof    Proof
	Told     bool        // the news were shown, and are kept no longer
	Tidy     string      // the kind of which older ones are asked about
	Screen   wire.Screen // as last shown
	Seq      uint64
	Activity time.Duration // on the continuous clock: when the person last did something
}

// Proof is what the person has shown in this conversation.
type Proof struct {
	Kind   string // of the factor shown last; "" for none
	Online bool   // a factor of the org was shown
	PIN    bool   // a recovery PIN was shown
}

// Input is one of Begin, Acted, Asked, Ended, Tick and SaveFailed.
type Input interface{ input() }

// Begin starts the conversation.
type Begin struct{ Purpose Purpose }

// Acted is what the person did.
type Acted struct{ Act wire.Act }

// Asked is a screen that the factor of that run wants shown. Wait says that it
// waits for an act.
type Asked struct {
	Run    int
	Screen wire.Screen
	Wait   bool
}

// Ended is how the factor of that run ended. Failed says that it could not do
// its work; then Result is not looked at.
type Ended struct {
	Run      int
	Verified bool
	Enrolled bool
	Linked   string // the kind of factor that the org user has shown for it; "" where it was not linked
	Failed   bool
	Note     string
}

// Tick is the passing of time, and a look at facts that may have changed.
type Tick struct{}

// SaveFailed says that a Save could not be made to last.
type SaveFailed struct{}

func (Begin) input()      {}
func (Acted) input()      {}
func (Asked) input()      {}
func (Ended) input()      {}
func (Tick) input()       {}
func (SaveFailed) input() {}

// Effect is one of Show, Start, Answer, Stop, Save and Finish, to be carried
// out in order. When a Save fails, those after it are dropped.
type Effect interface{ effect() }

// Show draws a screen.
type Show struct{ Screen wire.Screen }

// Start runs a factor, or with Link the linking. PIN says that a recovery PIN
// was shown.
type Start struct {
	Run  int
	Kind string
	Mode Mode
	PIN  bool
}

// Answer hands an act to the factor that runs.
type Answer struct{ Act wire.Act }

// Stop ends the factor that runs.
type Stop struct{}

// Save keeps what happened, before anything that rests on it is seen.
type Save struct {
	Met         bool   // the account is met for the first time, as far as the store knows
	Governed    bool   // in a login, which begins the first grace
	Enrolled    bool   // a factor was set up
	Linked      bool   // the account was linked
	Verified    string // the kind that was shown; "" for none
	Online      bool   // it was verified by the org
	NewsShown   bool
	RemoveOlder string // the kind of which the newest alone is kept; "" for none
}

// Finish ends the conversation. Allow makes a ticket for the gate.
type Finish struct {
	Result string // of wire.Done
	Allow  bool
	Reason string // "factor", "enrolment", "grace", "observed", "not_required", "kill_switch", "back", "idle", "failed"
	Factor string // the kind shown; "" for none
}

func (Show) effect()   {}
func (Start) effect()  {}
func (Answer) effect() {}
func (Stop) effect()   {}
func (Save) effect()   {}
func (Finish) effect() {}
