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
		t.Purpose = in.Purpose
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
	case t.Purpose == Enrolment && !t.rules.Governed:
		t.finish(Finish{Result: wire.ResultBack, Reason: "not_required"})
	case t.Purpose == Enrolment:
		return false // a kill-switch lets in; it proves nothing
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
	first := t.facts.FirstGoverned.IsZero() && t.Purpose == Login
	if !t.facts.Met || first {
		t.do(Save{Met: !t.facts.Met, Governed: first})
	}
	if first {
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
	link := links(t.rules, t.facts)
	if list := t.choices(); len(list) > 0 {
		return chooseScreen(append(list, link...))
	}
	if left := t.graceLeft(); left > 0 {
		return graceScreen(left, append(link, setups(t.rules, t.facts, t.now)...))
	}
	if len(link) > 0 {
		return connectScreen(link, t.now.Trusted())
	}
	return lockedScreen(t.now.Trusted())
}

// graceLeft: outside a login nobody has typed the password, so nothing rests on
// it alone.
func (t *turn) graceLeft() time.Duration {
	if t.Purpose == Enrolment {
		return 0
	}
	return graceLeft(t.rules, t.facts, t.now)
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
	if t.rules.Observe && t.Purpose == Login && !has(list, wire.ActionSkip) {
		list = append(list, wire.Action{ID: wire.ActionSkip, Label: textObserve, Role: wire.RoleOther})
	}
	if t.Step == StepRunning {
		list = append(list, wire.Action{ID: wire.ActionAnother, Label: textAnother, Role: wire.RoleOther})
	}
	if !(t.Proof.PIN && t.Step != StepRunning) && t.Step != StepTidy && t.Kind != kindContact && !has(list, wire.ActionContact) {
		list = append(list, wire.Action{ID: wire.ActionContact, Label: textContact, Role: wire.RoleOther})
	}
	back := textBack
	if t.Purpose == Enrolment {
		back = textClose
	}
	return append(list, wire.Action{ID: wire.ActionBack, Label: back, Role: wire.RoleCancel})
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
	t.do(Start{Run: t.Run, Kind: kind, Mode: mode, PIN: t.Proof.PIN})
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
		t.ways(errorNote(textFailed))
	case in.Enrolled && mode == Enrol:
		t.enrolled(kind)
	case in.Linked != "" && mode == Link:
		t.proven(in.Linked, in.Note, Save{Linked: true, Verified: in.Linked, Online: true})
	case in.Verified && mode == Verify:
		m, _ := t.facts.method(kind)
		t.proven(kind, in.Note, Save{Verified: kind, Online: m.Online})
	default:
		t.ways(errorNote(in.Note))
	}
}

// ways shows what there is to choose from: the offer that the factor was
// started from, or home.
func (t *turn) ways(note *wire.Note) {
	if t.Proof.Kind != "" {
		t.offer(note)
		return
	}
	t.home(note)
}

// proven goes on after a factor was shown: to what can be set up now that it
// is known who this is, or in.
func (t *turn) proven(kind, note string, save Save) {
	t.Proof = Proof{Kind: kind, Online: t.Proof.Online || save.Online, PIN: t.Proof.PIN || IsPIN(kind)}
	t.keep(save)
	if save.Linked {
		t.facts.Linked = true
	}
	if len(t.offers()) > 0 || t.Purpose == Enrolment || note != "" {
		t.offer(infoNote(note))
		return
	}
	t.pass()
}

// keep saves something that lets the person see the news no more: those that
// were there when they came, and not what this login adds.
func (t *turn) keep(s Save) {
	s.NewsShown, t.Told = !t.Told, true
	t.do(s)
}

// pass lets in who has shown a factor.
func (t *turn) pass() {
	t.finish(Finish{Result: wire.ResultContinue, Allow: true, Reason: "factor", Factor: t.Proof.Kind})
}

// offers are what can be set up now. With a recovery PIN the factor is lost,
// else there would be no PIN, and the moment for a new one is while the window
// is open; after an online factor, one that works without the network is due.
func (t *turn) offers() []wire.Choice {
	var list []wire.Choice
	if t.maySetUp() {
		list = setups(t.rules, t.facts, t.now)
	}
	switch {
	case t.Purpose == Enrolment, t.Proof.PIN, t.facts.Window > 0:
		if link := links(t.rules, t.facts); len(link) > 0 && link[0].Enabled {
			return append(link, list...)
		}
		return list
	case t.Proof.Online && !t.facts.hasOffline():
		return list
	}
	return nil
}

// mustSetUp: after the grace an account has an offline factor, where the policy
// knows any (design §4, LoginPeriodWithoutEnrolledFactor). Whoever needed a
// recovery PIN has trouble enough.
func (t *turn) mustSetUp() bool {
	return t.Purpose == Login && t.Proof.Online && !t.Proof.PIN && !t.facts.hasOffline() &&
		graceTime(t.rules, t.facts, t.now) == 0 && !t.rules.Observe && len(setups(t.rules, t.facts, t.now)) > 0
}

func (t *turn) offer(note *wire.Note) {
	t.Step, t.Kind, t.Waiting = StepOffer, "", false
	screen := t.offerScreen()
	screen.Note = note
	t.show(screen)
}

func (t *turn) offerScreen() wire.Screen {
	if t.mustSetUp() {
		return mustScreen(t.offers())
	}
	return offerScreen(t.Purpose, t.Proof, t.facts.hasOffline(), t.offers())
}

// enrolled goes on after a factor was set up. Where the one from before may be
// lost, the person is asked whether it is to go.
func (t *turn) enrolled(kind string) {
	t.keep(Save{Enrolled: true})
	if t.Proof.Kind == "" {
		t.Proof.Kind = kind // the password and the first grace let it be set up, and the code was shown
	}
	if m, _ := t.facts.method(kind); m.Have > 1 {
		t.Step, t.Kind, t.Waiting, t.Tidy = StepTidy, "", false, kind
		t.show(tidyScreen(m.Label, m.Have-1))
		return
	}
	t.finish(Finish{Result: wire.ResultContinue, Allow: true, Reason: "enrolment", Factor: t.Proof.Kind})
}

// tidied ends the conversation after the question about older factors.
func (t *turn) tidied(remove bool) {
	if remove {
		t.do(Save{RemoveOlder: t.Tidy})
	}
	t.finish(Finish{Result: wire.ResultContinue, Allow: true, Reason: "enrolment", Factor: t.Proof.Kind})
}

func (t *turn) finish(f Finish) {
	t.Step = StepOver
	if t.Purpose != Login {
		f.Allow = false // nobody logs in by it, whatever was shown
	}
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
	case t.Purpose == Login && t.facts.KillSwitch || !t.rules.Governed:
		t.stop()
		t.settled()
	case t.Step == StepHome && changed(t.Screen, t.homeScreen()):
		t.home(t.Screen.Note)
	case t.Step == StepOffer && changed(t.Screen, t.offerScreen()):
		t.offer(t.Screen.Note)
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

func infoNote(text string) *wire.Note {
	if text == "" {
		return nil
	}
	return &wire.Note{Level: wire.LevelInfo, Text: text}
}

func errorNote(text string) *wire.Note {
	if text == "" {
		return nil
	}
	return &wire.Note{Level: wire.LevelError, Text: text}
}
