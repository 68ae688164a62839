package loginright

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Facts are what decides whether the login window is to be armed.
type Facts struct {
	Managed    bool      // LatchkeyManageLoginRight
	InForce    bool      // a policy is in force
	Off        bool      // the profile has been gone for so long that MFA counts as turned off
	Lost       bool      // the store was lost, and no check-in has rebuilt it
	SettingUp  bool      // Setup Assistant is not through, and was not waited for long enough
	ByHand     bool      // `latchkey login-right disarm` was said on this Mac
	RemoteEnds time.Time // until when the server has it disarmed; zero: it has not
	Standing   Standing
}

// Wish is what is to become of the login right.
type Wish int

// The three wishes.
const (
	Leave   Wish = iota // it stays as it is, also against a person's expectation: the reason says why
	WantIn              // our mechanisms belong in it
	WantOut             // they belong out of it
)

// Decide says what is to become of the right, and why. Nothing that speaks
// against it means in; what is not known never does.
func Decide(f Facts) (Wish, string) {
	switch {
	case !f.Managed:
		return Leave, "LatchkeyManageLoginRight is false: latchkeyd does not edit this Mac's login right"
	case f.ByHand:
		return WantOut, "disarmed on this Mac by hand: `latchkey login-right arm --apply` ends that"
	case !f.RemoteEnds.IsZero():
		return WantOut, "disarmed by the server until " + f.RemoteEnds.UTC().Format(time.RFC3339)
	case f.Off:
		return WantOut, "the profile is gone"
	case !f.InForce:
		return WantOut, "no valid profile was ever seen"
	case f.SettingUp && f.Standing == Absent:
		return Leave, "Setup Assistant is not through"
	case f.Lost && f.Standing == Absent:
		// Armed now, the gate would know nobody and let nobody in.
		return Leave, "the store was lost, and waits for a check-in"
	}
	return WantIn, "the profile is in force"
}

// The words of wire.Armed.State, beside those of Standing.
const stateUnknown = "unknown"

// State is how the login right stands after a round.
type State struct {
	Word     string // "armed", "disarmed", "partial" or "unknown"
	Reason   string
	Found    Standing      // before the round
	Standing Standing      // after it
	Known    bool          // the right could be read
	Changed  bool          // this round has written to it
	Again    time.Duration // look again so soon; 0: in the usual time
}

// Proofs remembers which plug-in was seen to run under which macOS, also
// through a restart.
type Proofs interface {
	Proven() string
	Prove(what string) error
}

// Keeper holds the right as the facts ask, round for round: after an update of
// macOS, which puts its own list back, and after another product's edit.
type Keeper struct {
	Editor   Editor
	Look     func() (fingerprint string, err error) // at the bundle
	Verify   func(ctx context.Context) error        // of the bundle
	Rehearse func(ctx context.Context) error
	Proofs   Proofs
	System   string               // version of macOS, which may have changed what it loads
	Now      func() time.Duration // on a clock that runs through sleep

	mu       sync.Mutex
	verified verdict // of Verify
	played   verdict // of Rehearse
	faults   int     // rounds in a row with a plug-in that does not hold
}

// verdict is what came of looking at a bundle for long.
type verdict struct {
	of  string
	at  time.Duration
	err error
}

// How long a verdict is believed, and how soon a doubt is looked at again: an
// installer that replaces the bundle is through in a moment, and a second factor
// that is turned off for it would be an open door.
const (
	verdictHolds = time.Hour
	doubtAgain   = 10 * time.Second
	failedAgain  = 5 * time.Minute
	doubts       = 2
)

// Round reads the right, and edits it where the facts ask for it. It never
// returns an error: what went wrong is the reason why it is not armed.
func (k *Keeper) Round(ctx context.Context, facts func(Standing) Facts) State {
	k.mu.Lock()
	defer k.mu.Unlock()
	right, err := k.Editor.Read(ctx)
	if err != nil {
		return State{Word: stateUnknown, Reason: err.Error()}
	}
	standing := right.Standing()
	s := k.kept(ctx, standing, facts(standing))
	s.Found = standing
	return s
}

func (k *Keeper) kept(ctx context.Context, standing Standing, facts Facts) State {
	wish, why := Decide(facts)
	if wish == WantIn {
		return k.in(ctx, standing, why)
	}
	k.faults = 0
	if wish == WantOut {
		return k.out(ctx, standing, why)
	}
	return stands(standing, why)
}

// stands is the state of a right that was read.
func stands(s Standing, why string) State {
	return State{Word: s.String(), Reason: why, Standing: s, Known: true}
}

// out takes our mechanisms away.
func (k *Keeper) out(ctx context.Context, standing Standing, why string) State {
	if standing == Absent {
		return stands(Absent, why)
	}
	c, err := k.Editor.Disarm(ctx)
	if err != nil {
		return k.left(ctx, why+"; and it could not be disarmed", err)
	}
	s := stands(c.After.Standing(), why)
	s.Changed = c.Wrote
	return s
}

// in puts our mechanisms there, once all is as it has to be. A plug-in that
// does not hold takes them away, for nobody could log in.
func (k *Keeper) in(ctx context.Context, standing Standing, why string) State {
	if err := k.holds(ctx, standing); err != nil {
		return k.doubtful(ctx, standing, err)
	}
	k.faults = 0
	if standing == Armed {
		return stands(Armed, why)
	}
	c, err := k.Editor.Arm(ctx)
	if errors.Is(err, ErrNoAnchor) {
		return k.out(ctx, standing, err.Error())
	}
	if err != nil {
		s := k.left(ctx, "it could not be armed", err)
		s.Changed, s.Again = c.Wrote, cmp.Or(s.Again, failedAgain)
		return s
	}
	s := stands(c.After.Standing(), why)
	s.Changed = c.Wrote
	return s
}

// doubtful: what is wrong with the plug-in is looked at once more before a
// second factor that is on is turned off for it.
func (k *Keeper) doubtful(ctx context.Context, standing Standing, err error) State {
	why := "the plug-in does not hold: " + err.Error()
	if k.faults++; standing != Absent && k.faults < doubts {
		s := stands(standing, why)
		s.Again = doubtAgain
		return s
	}
	return k.out(ctx, standing, why)
}

// holds says that macOS can load and run the plug-in that is there: by its
// files, and by a rehearsal of each plug-in under each version of macOS. The
// files are read only when they are others, or an hour has passed.
func (k *Keeper) holds(ctx context.Context, standing Standing) error {
	fingerprint, err := k.Look()
	if err != nil {
		return err
	}
	if k.verified.of != fingerprint || k.verified.err != nil || k.Now()-k.verified.at > verdictHolds {
		k.verified = verdict{fingerprint, k.Now(), k.Verify(ctx)}
	}
	if k.verified.err != nil {
		return k.verified.err
	}
	what := fingerprint + " " + k.System
	if k.Proofs.Proven() == what {
		return nil
	}
	// One that failed is played again after a while: each time has macOS start a
	// process. With ours in the list there is no time for that.
	if standing == Absent && k.played.of == what && k.played.err != nil && k.Now()-k.played.at < failedAgain {
		return k.played.err
	}
	k.played = verdict{what, k.Now(), k.Rehearse(ctx)}
	if k.played.err != nil {
		return k.played.err
	}
	return k.Proofs.Prove(what)
}

// left reads what is there after something went wrong. Who else edits is through
// soon, and then it is looked at again.
func (k *Keeper) left(ctx context.Context, what string, wrong error) State {
	s := State{Word: stateUnknown, Reason: fmt.Sprintf("%s: %v", what, wrong)}
	if right, err := k.Editor.Read(ctx); err == nil {
		s = stands(right.Standing(), s.Reason)
	}
	if errors.Is(wrong, ErrLocked) {
		s.Again = doubtAgain
	}
	return s
}
