package login

import (
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// How long a conversation waits for its person.
const (
	Idle        = 5 * time.Minute
	IdleContact = 15 * time.Minute // people are on the phone
)

// Patience is how long the conversation waits for its person from now on.
// Counts says whether to show it running out: where the person waits for
// somebody else, and nowhere else.
func (s State) Patience() (limit time.Duration, counts bool) {
	if s.Kind == kindContact {
		return IdleContact, true
	}
	return Idle, false
}

// turn is one call of Next: what it was given, and what it has made so far.
type turn struct {
	rules Rules
	facts Facts
	now   trustedtime.Reading
	State
	out []Effect
}

// Next takes one input. The effects are to be carried out in order.
func Next(rules Rules, facts Facts, now trustedtime.Reading, state State, in Input) (State, []Effect) {
	t := &turn{rules: rules, facts: facts, now: now, State: state}
	if t.Step == StepOver {
		return t.State, nil
	}
	switch in := in.(type) {
	case Begin:
		t.begin()
	case Acted:
		t.acted(in.Act)
	case Asked:
		t.asked(in)
	case Ended:
		t.ended(in)
	case Tick:
		t.tick()
	case SaveFailed:
		t.saveFailed()
	}
	return t.State, t.out
}

func (t *turn) do(effects ...Effect) { t.out = append(t.out, effects...) }

// settled finishes a conversation that needs no factor.
func (t *turn) settled() bool {
	switch {
	case t.facts.KillSwitch:
		t.finish(Finish{Result: wire.ResultContinue, Reason: "kill_switch"})
	case !t.rules.Governed:
		t.finish(Finish{Result: wire.ResultContinue, Reason: "not_required"})
	default:
		return false
	}
	return true
}

func (t *turn) begin() {
	t.Activity = t.now.Continuous
	if t.settled() {
		return
	}
	if !t.facts.Met {
		t.do(Save{Met: true})
	}
	if t.facts.FirstGoverned.IsZero() {
		t.facts.FirstGoverned = t.now.Time
	}
	list := t.choices()
	if len(list) == 1 && list[0].Enabled && len(t.facts.News) == 0 {
		t.start(list[0].ID, Verify) // nothing to choose
		return
	}
	t.home(nil)
}

// choices are the ways to sign in now; the PIN of an open window comes first.
func (t *turn) choices() []wire.Choice {
	list := ways(t.rules, t.facts, t.now)
	if t.facts.Window > 0 {
		pin := wire.Choice{ID: kindWindow, Label: textPINLabel, Enabled: true}
		list = append([]wire.Choice{pin}, list...)
	}
	return list
}

// home shows where to go from here: the ways that there are, else the offer of
// the grace period, else who can help.
func (t *turn) home(note *wire.Note) {
	t.Step, t.Kind, t.Waiting = StepHome, "", false
	screen := t.homeScreen()
	screen.Note = note
	if note == nil && len(t.facts.News) > 0 {
		screen.Note = &wire.Note{Level: wire.LevelInfo, Text: news(t.facts.News)}
	}
	t.show(screen)
}

func (t *turn) homeScreen() wire.Screen {
	if list := t.choices(); len(list) > 0 {
		return chooseScreen(list)
	}
	if left := graceLeft(t.rules, t.facts, t.now); left > 0 {
		return graceScreen(left, setups(t.rules, t.facts))
	}
	return lockedScreen(t.now.Trusted())
}

// show decorates a screen with what is the same on all and draws it.
func (t *turn) show(screen wire.Screen) {
	screen.Actions = t.actions(screen)
	t.Seq++
	screen.Seq = t.Seq
	t.Screen = screen
	t.do(Show{Screen: screen})
}

// actions adds to a screen's own what is on every screen: another way,
// Contact admin and back; and while the policy only observes, to skip.
func (t *turn) actions(screen wire.Screen) []wire.Action {
	list := append([]wire.Action(nil), screen.Actions...)
	if t.rules.Observe && !has(list, wire.ActionSkip) {
		list = append(list, wire.Action{ID: wire.ActionSkip, Label: textObserve, Role: wire.RoleOther})
	}
	if t.Step == StepRunning {
		list = append(list, wire.Action{ID: wire.ActionAnother, Label: textAnother, Role: wire.RoleOther})
	}
	if t.Step != StepOffer && t.Kind != kindContact && !has(list, wire.ActionContact) {
		list = append(list, wire.Action{ID: wire.ActionContact, Label: textContact, Role: wire.RoleOther})
	}
	return append(list, wire.Action{ID: wire.ActionBack, Label: textBack, Role: wire.RoleCancel})
}

func has(list []wire.Action, id string) bool {
	for _, a := range list {
		if a.ID == id {
			return true
		}
	}
	return false
}

func (t *turn) start(kind string, mode Mode) {
	t.Run++
	t.Step, t.Kind, t.Mode, t.Waiting = StepRunning, kind, mode, false
	t.do(Start{Run: t.Run, Kind: kind, Mode: mode})
}

func (t *turn) stop() {
	if t.Step == StepRunning {
		t.do(Stop{})
	}
}

// asked shows a factor's screen, unless the factor is no longer the one that
// runs.
func (t *turn) asked(in Asked) {
	if t.Step != StepRunning || in.Run != t.Run {
		return
	}
	t.Waiting = in.Wait
	t.show(in.Screen)
}

// ended takes a factor's outcome.
func (t *turn) ended(in Ended) {
	if t.Step != StepRunning || in.Run != t.Run {
		return
	}
	kind, mode := t.Kind, t.Mode
	switch {
	case in.Failed:
		t.home(errorNote(textFailed))
	case in.Enrolled && mode == Enrol:
		t.enrolled(kind)
	case in.Verified && mode == Verify:
		t.verified(kind, in.Note)
	default:
		t.home(errorNote(in.Note))
	}
}

func (t *turn) verified(kind, note string) {
	m, _ := t.facts.method(kind)
	t.Proof = Proof{Kind: kind, Online: m.Online}
	t.do(Save{Verified: kind, Online: m.Online, NewsShown: true})
	if offers := setups(t.rules, t.facts); IsPIN(kind) && len(offers) > 0 {
		// The factor is lost, else there would be no PIN: the moment to set up
		// a new one is now, while the window is open.
		t.Step, t.Kind, t.Waiting = StepOffer, "", false
		t.show(offerScreen(note, offers))
		return
	}
	t.finish(Finish{Result: wire.ResultContinue, Allow: true, Reason: "factor", Factor: kind})
}

func (t *turn) enrolled(kind string) {
	t.do(Save{Enrolled: true, NewsShown: true})
	factor := kind
	if t.Proof.Kind != "" {
		factor = t.Proof.Kind
	}
	t.finish(Finish{Result: wire.ResultContinue, Allow: true, Reason: "enrolment", Factor: factor})
}

func (t *turn) finish(f Finish) {
	t.Step = StepOver
	t.do(f)
}

// tick ends an idle conversation, and shows home anew when what stands on it
// has changed.
func (t *turn) tick() {
	limit, _ := t.Patience()
	switch {
	case t.now.Continuous-t.Activity >= limit:
		t.stop()
		t.finish(Finish{Result: wire.ResultBack, Reason: "idle"})
	case t.facts.KillSwitch || !t.rules.Governed:
		t.stop()
		t.settled()
	case t.Step == StepHome && changed(t.Screen, t.homeScreen()):
		t.home(t.Screen.Note)
	}
}

// changed compares what a person sees of two home screens.
func changed(a, b wire.Screen) bool {
	if a.Kind != b.Kind || a.Text != b.Text || len(a.Choices) != len(b.Choices) {
		return true
	}
	for i := range a.Choices {
		if a.Choices[i] != b.Choices[i] {
			return true
		}
	}
	return false
}

// saveFailed undoes what rested on the save: nothing was proven that lasts.
func (t *turn) saveFailed() {
	t.stop()
	t.Proof = Proof{}
	t.home(errorNote(textNotSaved))
}

func errorNote(text string) *wire.Note {
	if text == "" {
		return nil
	}
	return &wire.Note{Level: wire.LevelError, Text: text}
}
