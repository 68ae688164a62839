package login

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

const code = "Offline_TOTP"

var morning = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

// play is a conversation under test: values in, effects out.
type play struct {
	t     *testing.T
	rules Rules
	facts Facts
	now   trustedtime.Reading
	state State
	last  []Effect
}

// newPlay is an account governed for ten hours, without a factor, under the
// defaults of the policy.
func newPlay(t *testing.T) *play {
	return &play{t: t,
		rules: Rules{Governed: true, Allowed: []string{"OV_Push", code}, Grace: 48 * time.Hour, OfflinePeriod: 168 * time.Hour},
		facts: Facts{Met: true, FirstGoverned: morning.Add(-10 * time.Hour), Methods: []Method{{Kind: code, Label: "Device access code", CanEnrol: true}}},
		now:   trustedtime.Reading{Time: morning, Source: trustedtime.Anchored, Continuous: time.Hour, Boot: "b"},
	}
}

func (p *play) enrolled() *play {
	p.facts.Methods[0].Enrolled = true
	p.facts.HadFactor, p.facts.OfflineFrom = true, morning.Add(-time.Hour)
	return p
}

func (p *play) in(in Input) *play {
	p.t.Helper()
	p.state, p.last = Next(p.rules, p.facts, p.now, p.state, in)
	return p
}

func (p *play) act(action, choice string) *play {
	p.t.Helper()
	return p.in(Acted{Act: wire.Act{Seq: p.state.Seq, Action: action, Choice: choice}})
}

// asks lets the factor that runs show a screen.
func (p *play) asks() *play {
	p.t.Helper()
	return p.in(Asked{Run: p.state.Run, Wait: true, Screen: wire.Screen{Kind: wire.KindCode,
		Actions: []wire.Action{{ID: wire.ActionSubmit, Role: wire.RoleDefault}}}})
}

func (p *play) ends(e Ended) *play {
	p.t.Helper()
	e.Run = p.state.Run
	return p.in(e)
}

// said is the last effects as words, so that a test reads like the design.
func (p *play) said() string {
	var words []string
	for _, e := range p.last {
		switch e := e.(type) {
		case Show:
			words = append(words, "show "+string(e.Screen.Kind))
		case Start:
			words = append(words, fmt.Sprintf("%s %s", map[Mode]string{Verify: "verify", Enrol: "enrol"}[e.Mode], e.Kind))
		case Answer:
			words = append(words, "answer")
		case Stop:
			words = append(words, "stop")
		case Save:
			words = append(words, "save")
		case Finish:
			words = append(words, fmt.Sprintf("finish %s %v %s", e.Result, e.Allow, e.Reason))
		}
	}
	return strings.Join(words, ", ")
}

func (p *play) want(want string) *play {
	p.t.Helper()
	if got := p.said(); got != want {
		p.t.Fatalf("effects: %s\nwant:    %s", got, want)
	}
	return p
}

func (p *play) screen() wire.Screen { return p.state.Screen }

// TestOrderOfDecisions is design §5, one row for each rule.
func TestOrderOfDecisions(t *testing.T) {
	tests := []struct {
		name string
		set  func(*play)
		want string
	}{
		{"kill-switch: everyone passes", func(p *play) { p.facts.KillSwitch = true }, "finish continue false kill_switch"},
		{"not required: the gate decides by itself", func(p *play) { p.rules.Governed = false }, "finish continue false not_required"},
		{"first governed login: kept before anything is shown", func(p *play) { p.facts.Met, p.facts.FirstGoverned = false, time.Time{} }, "save, show grace"},
		{"a store that has lost the account: kept as met, in the grace that is left", func(p *play) { p.facts.Met = false }, "save, show grace"},
		{"a store that has lost the account, after its grace", func(p *play) { p.facts.Met, p.facts.FirstGoverned = false, morning.Add(-48*time.Hour) }, "save, show locked"},
		{"no factor, inside the grace", func(p *play) {}, "show grace"},
		{"no factor, grace over", func(p *play) { p.facts.FirstGoverned = morning.Add(-48 * time.Hour) }, "show locked"},
		{"no factor, had one before: no second grace", func(p *play) { p.facts.HadFactor = true }, "show locked"},
		{"no factor, time not trusted: grace counts as over", func(p *play) { p.now.Source = trustedtime.Untrusted }, "show locked"},
		{"one factor, nothing to choose", func(p *play) { p.enrolled() }, "verify Offline_TOTP"},
		{"one factor, and news to read first", func(p *play) { p.enrolled().facts.News = []string{"x"} }, "show choose"},
		{"open window: the PIN is offered with the factor", func(p *play) { p.enrolled().facts.Window = time.Minute }, "show choose"},
		{"open window, no factor", func(p *play) { p.facts.Window = time.Minute }, "verify recovery_pin_window"},
		{"factor not allowed any more", func(p *play) { p.enrolled().rules.Allowed = []string{"OV_Push"} }, "show locked"},
		{"factor that cannot run", func(p *play) { p.enrolled().facts.Methods[0].Reason = "locked" }, "show choose"},
		{"offline period over", func(p *play) { p.enrolled().facts.OfflineFrom = morning.Add(-168 * time.Hour) }, "show choose"},
		{"offline period cannot be told", func(p *play) { p.enrolled().now.Source = trustedtime.Untrusted }, "show choose"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlay(t)
			tt.set(p)
			p.in(Begin{}).want(tt.want)
		})
	}
}

func TestWaysAreInThePolicysOrderWithTheirReasons(t *testing.T) {
	p := newPlay(t)
	p.rules.Allowed = []string{"B", "A", "C"}
	p.facts.Methods = []Method{{Kind: "A", Enrolled: true, Online: true}, {Kind: "B", Enrolled: true}, {Kind: "C"}}
	p.facts.Window, p.facts.HadFactor = time.Minute, true
	p.facts.OfflineFrom = morning.Add(-169 * time.Hour)
	p.in(Begin{})
	var got []string
	for _, c := range p.screen().Choices {
		got = append(got, fmt.Sprint(c.ID, c.Enabled))
		if c.Enabled == (c.Reason != "") {
			t.Errorf("choice %s: enabled %v with reason %q", c.ID, c.Enabled, c.Reason)
		}
	}
	if want := []string{"recovery_pin_windowtrue", "Bfalse", "Atrue"}; !slices.Equal(got, want) {
		t.Errorf("choices %q, want %q", got, want)
	}
}

func TestContactAdminAndBackAreOnEveryScreen(t *testing.T) {
	screens := map[string]func(*play){
		"grace":  func(p *play) { p.in(Begin{}) },
		"locked": func(p *play) { p.facts.HadFactor = true; p.in(Begin{}) },
		"choose": func(p *play) { p.enrolled().facts.Window = 1; p.in(Begin{}) },
		"code":   func(p *play) { p.enrolled().in(Begin{}).asks() },
		"enrol":  func(p *play) { p.in(Begin{}).act(wire.ActionSubmit, "").asks() },
	}
	for name, reach := range screens {
		p := newPlay(t)
		reach(p)
		if !has(p.screen().Actions, wire.ActionContact) || !has(p.screen().Actions, wire.ActionBack) {
			t.Errorf("%s: actions %v", name, p.screen().Actions)
		}
		p.act(wire.ActionContact, "")
		if !strings.HasSuffix(p.said(), "verify recovery_pin") {
			t.Errorf("%s: Contact admin does %q", name, p.said())
		}
		p.asks().act(wire.ActionBack, "").want("stop, finish back false back")
	}
}

func TestGrace(t *testing.T) {
	newPlay(t).in(Begin{}).act(wire.ActionSkip, "").want("save, finish continue true grace")
	newPlay(t).in(Begin{}).act(wire.ActionSubmit, code).want("enrol Offline_TOTP").
		asks().want("show code").ends(Ended{Enrolled: true}).want("save, finish continue true enrolment")

	p := newPlay(t).in(Begin{})
	p.now.Time = morning.Add(38 * time.Hour)
	p.act(wire.ActionSkip, "").want("show locked") // it ended while the screen was open
	p = newPlay(t).in(Begin{})
	p.now.Time = morning.Add(38 * time.Hour)
	p.act(wire.ActionSubmit, code).want("show locked")
}

func TestAWrongCodeStaysInTheConversation(t *testing.T) {
	p := newPlay(t).enrolled().in(Begin{}).asks()
	p.act(wire.ActionSubmit, "").want("answer")
	p.act(wire.ActionSubmit, "").want("") // not twice for one question
	p.asks().act(wire.ActionSubmit, "").want("answer")
	p.ends(Ended{Verified: true}).want("save, finish continue true factor")
	p.in(Tick{}).want("")
}

func TestAFactorThatGivesUpLeadsToAnotherWay(t *testing.T) {
	p := newPlay(t).enrolled().in(Begin{}).asks()
	p.facts.Methods[0].Reason = "locked"
	p.ends(Ended{Note: "Too many"}).want("show choose")
	if n := p.screen().Note; n == nil || n.Text != "Too many" {
		t.Errorf("note %+v", n)
	}
	p.act(wire.ActionSubmit, code).want("") // what is not enabled cannot be chosen
	p = newPlay(t).enrolled().in(Begin{}).asks().ends(Ended{Failed: true, Verified: true}).want("show choose")
	_ = p
}

func TestThePINWithAFactorToSetUp(t *testing.T) {
	p := newPlay(t)
	p.facts.HadFactor = true
	p.in(Begin{}).want("show locked").act(wire.ActionContact, "").asks()
	p.facts.Window = time.Hour
	p.ends(Ended{Verified: true, Note: "accepted"}).want("save, show notice")
	later := *p
	later.act(wire.ActionSkip, "").want("finish continue true factor")
	p.act(wire.ActionSubmit, code).want("enrol Offline_TOTP").asks()
	other := *p
	other.act(wire.ActionAnother, "").want("stop, show notice").act(wire.ActionSkip, "").want("finish continue true factor")
	p.ends(Ended{Enrolled: true}).want("save, finish continue true enrolment")
}

func TestTheOfferEndsWithTheWindow(t *testing.T) {
	p := newPlay(t)
	p.facts.HadFactor, p.facts.Window = true, time.Hour
	p.in(Begin{}).asks().ends(Ended{Verified: true}).want("save, show notice")
	p.facts.Window = 0
	p.act(wire.ActionSubmit, code).want("show notice").act(wire.ActionSkip, "").want("finish continue true factor")
}

// TestNobodyEnrolsByPasswordAlone: the hijack that design §5 closes.
func TestNobodyEnrolsByPasswordAlone(t *testing.T) {
	for name, set := range map[string]func(*play){
		"after a reset":    func(p *play) { p.facts.HadFactor = true },
		"after the grace":  func(p *play) { p.facts.FirstGoverned = morning.Add(-49 * time.Hour) },
		"with a factor":    func(p *play) { p.enrolled() },
		"clock set back":   func(p *play) { p.now.Source = trustedtime.Untrusted },
		"factor locked":    func(p *play) { p.enrolled().facts.Methods[0].Reason = "locked" },
		"offline time out": func(p *play) { p.enrolled().facts.OfflineFrom = time.Time{} },
	} {
		p := newPlay(t)
		set(p)
		p.in(Begin{})
		for _, action := range []string{wire.ActionSubmit, wire.ActionSkip, wire.ActionAnother, wire.ActionRetry} {
			for _, choice := range []string{"", code, kindWindow} {
				try := *p
				try.act(action, choice)
				if strings.Contains(try.said(), "enrol") || strings.Contains(try.said(), "true") {
					t.Errorf("%s: %s %q does %q", name, action, choice, try.said())
				}
			}
		}
	}
}

func TestAPromptCannotClaim(t *testing.T) {
	p := newPlay(t).enrolled().in(Begin{}).asks()
	p.in(Acted{Act: wire.Act{Seq: p.state.Seq, Action: wire.ActionSkip}}).want("")
	p.in(Acted{Act: wire.Act{Seq: p.state.Seq - 1, Action: wire.ActionBack}}).want("")
	p.in(Ended{Run: p.state.Run - 1, Verified: true}).want("") // an earlier run's late answer
	p.in(Acted{Act: wire.Act{Seq: p.state.Seq, Action: "allow"}}).want("")
	p.ends(Ended{Enrolled: true}).want("show choose") // not what was asked for
}

func TestIdle(t *testing.T) {
	p := newPlay(t).enrolled().in(Begin{}).asks()
	p.now.Continuous += 4*time.Minute + 59*time.Second
	p.in(Tick{}).want("")
	p.now.Continuous += time.Second
	p.in(Tick{}).want("stop, finish back false idle")

	p = newPlay(t).in(Begin{}).act(wire.ActionContact, "").asks()
	p.now.Continuous += 14*time.Minute + 59*time.Second
	p.in(Tick{}).want("")
	p.now.Continuous += time.Second
	p.in(Tick{}).want("stop, finish back false idle")
}

func TestWhatChangesWhileAScreenIsOpen(t *testing.T) {
	p := newPlay(t).enrolled()
	p.facts.Methods[0].Reason = "try again in 60 seconds"
	p.in(Begin{}).in(Tick{}).want("")
	p.facts.Methods[0].Reason = ""
	p.in(Tick{}).want("show choose")
	p.rules.Governed = false // the profile was changed
	p.in(Tick{}).want("finish continue false not_required")
}

func TestObserveLetsEveryScreenBeSkipped(t *testing.T) {
	p := newPlay(t).enrolled()
	p.rules.Observe = true
	p.in(Begin{}).asks().act(wire.ActionSkip, "").want("stop, finish continue true observed")
	p = newPlay(t)
	p.rules.Observe, p.facts.HadFactor = true, true
	p.in(Begin{}).want("show locked").act(wire.ActionSkip, "").want("finish continue true observed")
}

// TestObserveIsHonouredByEveryFactor: also while a push waits, while an account
// is being connected, and where a factor would have to be set up.
func TestObserveIsHonouredByEveryFactor(t *testing.T) {
	busy := func(p *play) *play {
		return p.in(Asked{Run: p.state.Run, Screen: wire.Screen{Kind: wire.KindPush, Busy: true}}).want("show push")
	}
	for _, kind := range []string{"OV_Push", "OV_TOTP", code} {
		p := newPlay(t).enrolled()
		p.rules.Observe, p.rules.Allowed = true, []string{kind}
		p.facts.Methods = []Method{{Kind: kind, Enrolled: true, Online: kind != code}}
		busy(p.in(Begin{}).want("verify "+kind)).act(wire.ActionSkip, "").want("stop, finish continue true observed")
	}
	p := newPlay(t)
	p.rules.Observe, p.rules.Linking, p.facts.HadFactor = true, true, true
	busy(p.in(Begin{}).want("show choose").act(wire.ActionSubmit, kindLink)).act(wire.ActionSkip, "").want("stop, finish continue true observed")

	p = newPlay(t)
	p.rules.Observe, p.facts.HadFactor, p.facts.FirstGoverned = true, true, morning.Add(-100*time.Hour)
	p.facts.Methods = append(p.facts.Methods, Method{Kind: "OV_Push", Enrolled: true, Online: true})
	p.in(Begin{}).ends(Ended{Verified: true}).want("save, show notice").act(wire.ActionSkip, "").want("finish continue true factor")
}

// TestAnOfflineFactorIsDueAfterTheGrace: put off before its end, and no longer
// after it; Contact admin stays.
func TestAnOfflineFactorIsDueAfterTheGrace(t *testing.T) {
	linked := func(governedFor time.Duration) *play {
		p := newPlay(t)
		p.rules.Linking, p.facts.HadFactor, p.facts.Linked, p.facts.FirstGoverned = true, true, true, morning.Add(-governedFor)
		p.facts.Methods = append(p.facts.Methods, Method{Kind: "OV_Push", Enrolled: true, Online: true})
		return p.in(Begin{}).want("verify OV_Push").ends(Ended{Verified: true}).want("save, show notice")
	}
	early := linked(47 * time.Hour)
	early.act(wire.ActionSkip, "").want("finish continue true factor")
	due := linked(48 * time.Hour)
	due.act(wire.ActionSkip, "").want("") // there is no such button
	other := *due
	other.act(wire.ActionContact, "").want("verify recovery_pin").asks().act(wire.ActionAnother, "").want("stop, show notice")
	due.act(wire.ActionSubmit, code).want("enrol Offline_TOTP").asks()
	due.act(wire.ActionSkip, "").want("")
	due.ends(Ended{Note: "no"}).want("show notice").act(wire.ActionSubmit, code).ends(Ended{Enrolled: true}).want("save, finish continue true enrolment")
	turned := linked(48 * time.Hour)
	turned.rules.Allowed = []string{"OV_Push"} // the profile changes: nothing is due any more
	turned.in(Tick{}).want("show notice").act(wire.ActionSkip, "").want("finish continue true factor")
}

func TestASaveThatFailsProvesNothing(t *testing.T) {
	p := newPlay(t).enrolled().in(Begin{}).asks().ends(Ended{Verified: true})
	p.state.Step = StepHome // as session leaves it: the Finish was dropped
	p.in(SaveFailed{}).want("show choose")
	if p.state.Proof.Kind != "" {
		t.Error("the proof outlived the failed save")
	}
}
