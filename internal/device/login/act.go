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
func (t *turn) another() {
	if t.Proof.Kind != "" {
		t.Step, t.Kind, t.Waiting = StepOffer, "", false
		t.show(offerScreen("", setups(t.rules, t.facts)))
		return
	}
	t.home(nil)
}

// skip is for the grace period, for an offer after a PIN, and for a policy that
// only observes. Everything else is refused.
func (t *turn) skip() {
	switch {
	case t.Proof.Kind != "":
		t.stop()
		t.finish(Finish{Result: wire.ResultContinue, Allow: true, Reason: "factor", Factor: t.Proof.Kind})
	case t.Step == StepHome && t.Screen.Kind == wire.KindGrace && graceLeft(t.rules, t.facts, t.now) > 0:
		t.do(Save{NewsShown: true})
		t.finish(Finish{Result: wire.ResultContinue, Allow: true, Reason: "grace"})
	case t.rules.Observe:
		t.stop()
		t.finish(Finish{Result: wire.ResultContinue, Allow: true, Reason: "observed"})
	default:
		t.home(errorNote(textGraceOver))
	}
}

// submit goes to the factor that waits, or takes the choice on a list.
func (t *turn) submit(act wire.Act) {
	if t.Step == StepRunning {
		if t.Waiting {
			t.Waiting = false
			t.do(Answer{Act: act})
		}
		return
	}
	chosen, ok := t.chosen(act.Choice)
	switch {
	case !ok:
		return
	case t.Step == StepOffer || t.Screen.Kind == wire.KindGrace:
		if !maySetUp(t.rules, t.facts, t.now, t.Proof) {
			// The grace or the window ended while the screen was open.
			t.home(errorNote(textSetUpOver))
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
	if t.Screen.Kind != wire.KindChoose {
		return true // what can be set up is looked at by maySetUp
	}
	for _, c := range t.choices() {
		if c.ID == kind && c.Enabled {
			return true
		}
	}
	t.home(errorNote(textWayClosed))
	return false
}
