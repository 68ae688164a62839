package login

import "github.com/latchkey-mfa/latchkey/internal/wire"

// acted takes what the person did. What the screen does not offer is refused:
// a prompt may be anyone's program, and its choices are claims.
func (t *turn) acted(act wire.Act) {
	if act.Seq != t.Seq || !has(t.Screen.Actions, act.Action) {
		return
	}
	t.Activity = t.now.Continuous
	switch act.Action {
	case wire.ActionBack:
		t.stop()
		t.finish(Finish{Result: wire.ResultBack, Reason: "back"})
	case wire.ActionContact:
		t.stop()
		t.start(kindContact, Verify)
	case wire.ActionAnother:
		t.stop()
		t.another()
	case wire.ActionSkip:
		t.skip()
	default:
		t.submit(act)
	}
}

// another leaves the factor that runs for the list of ways, or for the offer
// that it was started from.
func (t *turn) another() { t.ways(nil) }

// skip is for the grace period, for an offer that may be put off, and for a
// policy that only observes. Everything else is refused.
func (t *turn) skip() {
	switch {
	case t.Step == StepTidy:
		t.tidied(false)
	case t.Proof.Kind != "" && !t.mustSetUp():
		t.stop()
		t.pass()
	case t.Step == StepHome && t.Screen.Kind == wire.KindGrace && t.graceLeft() > 0:
		t.keep(Save{})
		t.finish(Finish{Result: wire.ResultContinue, Allow: true, Reason: "grace"})
	case t.rules.Observe && t.Purpose == Login:
		t.stop()
		t.finish(Finish{Result: wire.ResultContinue, Allow: true, Reason: "observed"})
	case t.Proof.Kind != "":
		t.stop()
		t.offer(errorNote(textMust))
	default:
		t.home(errorNote(textGraceOver))
	}
}

// submit goes to the factor that waits, or takes the choice on a list.
func (t *turn) submit(act wire.Act) {
	switch t.Step {
	case StepRunning:
		if t.Waiting {
			t.Waiting = false
			t.do(Answer{Act: act})
		}
		return
	case StepTidy:
		t.tidied(true)
		return
	}
	chosen, ok := t.chosen(act.Choice)
	switch {
	case !ok:
		return
	case chosen == kindLink:
		t.start(kindLink, Link) // by which rule, the linker looks at
	case t.Step == StepOffer || t.Screen.Kind == wire.KindGrace:
		if !t.maySetUp() {
			// The grace or the window ended while the screen was open.
			t.ways(errorNote(textSetUpOver))
			return
		}
		t.start(chosen, Enrol)
	default:
		t.start(chosen, Verify)
	}
}

// chosen is the enabled choice of that id; with "" the first one.
func (t *turn) chosen(id string) (string, bool) {
	for _, c := range t.Screen.Choices {
		if c.Enabled && (id == "" || c.ID == id) {
			return c.ID, t.stillOpen(c.ID)
		}
	}
	return "", false
}

// stillOpen looks at a way again at the moment it is taken: the screen may be
// minutes old, and a window, a period or a factor may have ended.
func (t *turn) stillOpen(kind string) bool {
	if t.Step == StepOffer || t.Screen.Kind == wire.KindGrace {
		return true // what can be set up is looked at by maySetUp
	}
	for _, c := range append(t.choices(), links(t.rules, t.facts)...) {
		if c.ID == kind && c.Enabled {
			return true
		}
	}
	t.home(errorNote(textWayClosed))
	return false
}
