package login

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

var (
	drawKind   = rapid.SampledFrom([]string{"A", "B", "C", kindContact, kindWindow, kindLink, ""})
	drawAction = rapid.SampledFrom([]string{wire.ActionSubmit, wire.ActionSubmit, wire.ActionBack, wire.ActionContact,
		wire.ActionAnother, wire.ActionSkip, wire.ActionSkip, wire.ActionCancel, wire.ActionRetry, "allow"})
	drawSource = rapid.SampledFrom([]trustedtime.Source{trustedtime.Anchored, trustedtime.Wall, trustedtime.Untrusted})
	drawPeriod = rapid.SampledFrom([]time.Duration{0, time.Hour, 48 * time.Hour, 168 * time.Hour})
)

func drawRules(rt *rapid.T) Rules {
	return Rules{
		Governed: rapid.IntRange(0, 9).Draw(rt, "governed") < 9, Observe: rapid.IntRange(0, 5).Draw(rt, "observe") == 5,
		Allowed: rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"A", "B", "C"}), 0, 3, rapid.ID).Draw(rt, "allowed"),
		Linking: rapid.Bool().Draw(rt, "linking"),
		Grace:   drawPeriod.Draw(rt, "grace"), OfflinePeriod: drawPeriod.Draw(rt, "offline"),
	}
}

func drawFacts(rt *rapid.T) Facts {
	f := Facts{
		KillSwitch: rapid.IntRange(0, 19).Draw(rt, "kill") == 19, HadFactor: rapid.Bool().Draw(rt, "had"),
		Window: rapid.SampledFrom([]time.Duration{0, 0, time.Minute}).Draw(rt, "window"),
		News:   rapid.SliceOfN(rapid.Just("news"), 0, 1).Draw(rt, "tell"),
		Linked: rapid.Bool().Draw(rt, "linked"), LinkReason: rapid.SampledFrom([]string{"", "", "offline"}).Draw(rt, "link reason"),
	}
	if f.Met = rapid.Bool().Draw(rt, "met"); f.Met || rapid.Bool().Draw(rt, "the server remembers") {
		f.FirstGoverned = morning.Add(-drawPeriod.Draw(rt, "governed for"))
	}
	if rapid.Bool().Draw(rt, "offline known") {
		f.OfflineFrom = morning.Add(-drawPeriod.Draw(rt, "offline for"))
	}
	for _, kind := range []string{"A", "B", "C"} {
		f.Methods = append(f.Methods, Method{Kind: kind, Label: kind, Online: rapid.Bool().Draw(rt, "online"),
			Enrolled: rapid.Bool().Draw(rt, "enrolled"), CanEnrol: rapid.Bool().Draw(rt, "can enrol"), Have: rapid.IntRange(0, 2).Draw(rt, "have"),
			Reason: rapid.SampledFrom([]string{"", "", "locked"}).Draw(rt, "reason")})
	}
	return f
}

func drawReading(rt *rapid.T, from trustedtime.Reading) trustedtime.Reading {
	by := rapid.SampledFrom([]time.Duration{0, 0, 0, time.Second, time.Second, time.Minute, 16 * time.Minute, 50 * time.Hour}).Draw(rt, "later")
	from.Time, from.Continuous = from.Time.Add(by), from.Continuous+by
	if rapid.IntRange(0, 4).Draw(rt, "another source") == 4 {
		from.Source = drawSource.Draw(rt, "source")
	}
	return from
}

// drawScreen is a factor's: it may hold any buttons and be of any kind.
func drawScreen(rt *rapid.T) wire.Screen {
	s := wire.Screen{Kind: rapid.SampledFrom([]wire.ScreenKind{wire.KindCode, wire.KindGrace, wire.KindChoose, wire.KindContact}).Draw(rt, "kind")}
	for _, id := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{wire.ActionSubmit, wire.ActionRetry, wire.ActionSkip, wire.ActionContact}), rapid.ID).Draw(rt, "buttons") {
		s.Actions = append(s.Actions, wire.Action{ID: id})
	}
	for _, kind := range []string{"A", "B"} {
		s.Choices = append(s.Choices, wire.Choice{ID: kind, Enabled: true})
	}
	return s
}

func drawInput(rt *rapid.T, s State) Input {
	run := s.Run - rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(rt, "earlier run")
	// Small numbers are drawn more often, so what leads on comes first.
	switch rapid.IntRange(0, 12).Draw(rt, "input") {
	case 12:
		return Tick{}
	case 11:
		return SaveFailed{}
	case 7, 8, 9, 10:
		return Asked{Run: run, Wait: rapid.Bool().Draw(rt, "waits"), Screen: drawScreen(rt)}
	case 1, 3, 5:
		if s.Step == StepRunning {
			verified := rapid.Bool().Draw(rt, "verified")
			linked := rapid.SampledFrom([]string{"", "A"}).Draw(rt, "linked by")
			return Ended{Run: run, Verified: verified, Linked: linked, Enrolled: !verified || rapid.Bool().Draw(rt, "set up"), Failed: rapid.IntRange(0, 4).Draw(rt, "failed") == 4}
		}
	}
	seq := s.Seq - rapid.SampledFrom([]uint64{0, 0, 0, 0, 1}).Draw(rt, "old screen")
	return Acted{Act: wire.Act{Seq: seq, Action: drawAct(rt, s), Choice: drawChoice(rt, s)}}
}

// drawAct is mostly a button of the screen, and sometimes a claim.
func drawAct(rt *rapid.T, s State) string {
	if len(s.Screen.Actions) == 0 || rapid.IntRange(0, 4).Draw(rt, "claim") == 4 {
		return drawAction.Draw(rt, "action")
	}
	return rapid.SampledFrom(s.Screen.Actions).Draw(rt, "button").ID
}

func drawChoice(rt *rapid.T, s State) string {
	if len(s.Screen.Choices) == 0 || rapid.IntRange(0, 4).Draw(rt, "claim") == 4 {
		return drawKind.Draw(rt, "choice")
	}
	return rapid.SampledFrom(s.Screen.Choices).Draw(rt, "entry").ID
}

// witness watches a conversation from outside and knows what was shown in it.
type witness struct {
	rt     *rapid.T
	run    Start // the one that runs; Run is 0 for none
	proven bool  // a run that was going on was reported as verified, enrolled or linked
	online bool  // one of those was the org's
	pin    bool  // one of those was a recovery PIN
}

// hears takes an input before the engine does.
func (w *witness) hears(in Input, facts Facts) {
	switch in := in.(type) {
	case SaveFailed:
		w.proven, w.online, w.pin = false, false, false
	case Ended:
		if w.run.Run == 0 || in.Run != w.run.Run {
			return
		}
		if !in.Failed && in.Linked != "" && w.run.Mode == Link {
			w.proven, w.online = true, true
		}
		if !in.Failed && (in.Verified && w.run.Mode == Verify || in.Enrolled && w.run.Mode == Enrol) {
			m, _ := facts.method(w.run.Kind)
			w.proven, w.online, w.pin = true, w.online || m.Online, w.pin || IsPIN(w.run.Kind)
		}
		w.run = Start{}
	}
}

// sees takes what the engine made of it.
func (w *witness) sees(rules Rules, facts Facts, now trustedtime.Reading, in Input, state State, effects []Effect) {
	for _, e := range effects {
		switch e := e.(type) {
		case Start:
			w.run = e
			if e.Mode == Enrol && !w.maySetUp(rules, facts, now, state) {
				w.rt.Fatalf("%+v starts the enrolment of %s by the password alone", in, e.Kind)
			}
			if e.PIN && !w.pin {
				w.rt.Fatalf("%+v frees the linking from its rules without a recovery PIN", in)
			}
		case Stop:
			w.run = Start{}
		case Show:
			w.screen(state, e.Screen)
		case Finish:
			w.finish(rules, facts, now, in, state, e)
		}
	}
}

// maySetUp is design §5 in other words than the engine's.
func (w *witness) maySetUp(rules Rules, facts Facts, now trustedtime.Reading, state State) bool {
	if state.Purpose == Enrolment {
		return w.proven
	}
	first := !facts.HadFactor && now.Trusted() && !facts.FirstGoverned.IsZero() && now.Time.Sub(facts.FirstGoverned) < rules.Grace
	return w.online || facts.Window > 0 || first
}

func (w *witness) screen(state State, s wire.Screen) {
	if !has(s.Actions, wire.ActionBack) {
		w.rt.Fatalf("a %s screen without a way back", s.Kind)
	}
	if state.Kind != kindContact && state.Step != StepTidy && !(state.Step == StepOffer && w.pin) && !has(s.Actions, wire.ActionContact) {
		w.rt.Fatalf("a %s screen without Contact admin", s.Kind)
	}
}

func (w *witness) finish(rules Rules, facts Facts, now trustedtime.Reading, in Input, state State, f Finish) {
	if !f.Allow {
		return
	}
	if state.Purpose != Login {
		w.rt.Fatalf("%+v lets in outside a login", f)
	}
	if f.Result != wire.ResultContinue {
		w.rt.Fatalf("%+v allows and does not continue", f)
	}
	act, acted := in.(Acted)
	skipped := acted && act.Act.Action == wire.ActionSkip
	switch {
	case w.proven:
	case skipped && f.Reason == "grace" && !facts.HadFactor && now.Trusted() && !facts.FirstGoverned.IsZero() && now.Time.Sub(facts.FirstGoverned) < rules.Grace:
	case skipped && f.Reason == "observed" && rules.Observe:
	default:
		w.rt.Fatalf("%+v lets in whoever did %+v", f, in)
	}
}

// TestNobodyGetsInWithoutAProof: whatever the policy, the facts, the clock, the
// factors and the prompt do, in whatever order.
func TestNobodyGetsInWithoutAProof(t *testing.T) {
	allowed := map[string]int{}
	for range 100 { // most conversations are short and cost microseconds
		rapid.Check(t, func(rt *rapid.T) { converse(rt, allowed) })
	}
	for _, reason := range []string{"factor", "enrolment", "grace", "observed"} {
		if allowed[reason] == 0 {
			t.Errorf("no conversation ended in %q, so nothing was shown: %v", reason, allowed)
		}
	}
}

// converse is one conversation; allowed counts why those that let in did.
func converse(rt *rapid.T, allowed map[string]int) {
	rules, facts := drawRules(rt), drawFacts(rt)
	now := trustedtime.Reading{Time: morning, Source: drawSource.Draw(rt, "source"), Continuous: time.Hour, Boot: "b"}
	purpose := rapid.SampledFrom([]Purpose{Login, Login, Login, Enrolment}).Draw(rt, "purpose")
	w, state, in := &witness{rt: rt}, State{}, Input(Begin{Purpose: purpose})
	for range rapid.IntRange(10, 25).Draw(rt, "steps") {
		w.hears(in, facts)
		var effects []Effect
		state, effects = Next(rules, facts, now, state, in)
		w.sees(rules, facts, now, in, state, effects)
		for _, e := range effects {
			if f, over := e.(Finish); over && f.Allow {
				allowed[f.Reason]++
			}
			if save, saves := e.(Save); saves && save.Met {
				facts.Met = true
				if save.Governed {
					facts.FirstGoverned = now.Time
				}
			}
		}
		if state.Step == StepOver {
			if s, more := Next(rules, facts, now, state, drawInput(rt, state)); s.Step != StepOver || more != nil {
				rt.Fatalf("a conversation that is over goes on with %+v", more)
			}
			return
		}
		if rapid.IntRange(0, 9).Draw(rt, "change") == 9 {
			met, seen := facts.Met, facts.FirstGoverned
			rules, facts = drawRules(rt), drawFacts(rt)
			facts.Met, facts.FirstGoverned = met, seen
		}
		now, in = drawReading(rt, now), drawInput(rt, state)
	}
}
