package session_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/clock/clocktest"
	"github.com/latchkey-mfa/latchkey/internal/device/events"
	"github.com/latchkey-mfa/latchkey/internal/device/login"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

func TestATicketIsGoodOnceForSixtySecondsForItsUser(t *testing.T) {
	w := newWorld(t)
	ticket := w.login()
	w.wantDecision(501, ticket, true, "factor")
	if e := w.lastEvent(); e.Type != events.LoginAllow || e.Detail["factor"] != "word" {
		t.Errorf("event %+v", e)
	}
	w.wantDecision(501, ticket, false, "ticket_unknown")
	if e := w.lastEvent(); e.Type != events.LoginDeny {
		t.Errorf("event %+v", e)
	}
	ticket = w.login()
	w.clock.Run(60 * time.Second)
	w.wantDecision(501, ticket, true, "factor")
	ticket = w.login()
	w.clock.Run(61 * time.Second)
	w.wantDecision(501, ticket, false, "ticket_expired")
	w.wantDecision(501, nil, false, "no_ticket")
	wrong := slices.Clone(w.login())
	wrong[0] ^= 1
	w.wantDecision(501, wrong, false, "ticket_unknown")
	w.wantDecision(503, w.login(), false, "unknown_account")
}

func TestATicketIsVoid(t *testing.T) {
	for name, then := range map[string]func(*world){
		"by a new conversation": func(w *world) { c, _ := w.begin(); c.End() },
		"by a restart":          func(w *world) { w.restart() },
		"by a wrong guess":      func(w *world) { w.Decide(w.t.Context(), 501, make([]byte, wire.TicketSize)) },
		"by a reboot":           func(w *world) { w.clock.Reboot() },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			ticket := w.login()
			then(w)
			if d := w.Decide(t.Context(), 501, ticket); d.Allow {
				t.Errorf("allowed: %+v", d)
			}
		})
	}
}

func TestADisconnectLeavesNoTicket(t *testing.T) {
	w := newWorld(t)
	c, p := w.begin()
	<-p.screens
	c.End()
	select {
	case end := <-p.done:
		t.Errorf("done %+v", end)
	default:
	}
	w.wantDecision(501, nil, false, "no_ticket")
}

func TestASecondConversationEndsTheFirst(t *testing.T) {
	w := newWorld(t)
	first, p := w.begin()
	screen := <-p.screens
	second, q := w.begin()
	if first.Act(t.Context(), wire.Act{Seq: screen.Seq, Action: wire.ActionSubmit, Values: map[string]string{"code": "sesame"}}) {
		t.Error("the first conversation still takes acts")
	}
	w.say(second, q, wire.ActionBack, "")
	if end := <-q.done; end.Result != wire.ResultBack || end.Ticket != nil {
		t.Errorf("back: %+v", end)
	}
}

func TestAnOldScreensActIsRefused(t *testing.T) {
	w := newWorld(t)
	c, p := w.begin()
	defer c.End()
	old := <-p.screens
	if !c.Act(t.Context(), wire.Act{Seq: old.Seq, Action: wire.ActionSubmit, Values: map[string]string{"code": "wrong"}}) {
		t.Fatal("not taken")
	}
	<-p.screens
	if c.Act(t.Context(), wire.Act{Seq: old.Seq, Action: wire.ActionBack}) {
		t.Error("an act on the screen before was taken")
	}
}

func TestExemptAndUnavailable(t *testing.T) {
	w := newWorld(t)
	w.wantDecision(502, nil, true, "not_required")
	if e := w.lastEvent(); e.Detail["reason"] != "not_required" || e.GUID != "guid-bob" {
		t.Errorf("event %+v", e)
	}
	w.policy.none = true
	w.wantDecision(501, nil, false, "unavailable")
	_, p := w.begin()
	if end := <-p.done; end.Result != wire.ResultContinue || end.Ticket != nil {
		t.Errorf("a conversation without a policy: %+v", end)
	}
	w.policy.allow = true
	w.wantDecision(501, nil, true, "unavailable")
}

func TestObserveSaysWhatItWouldHaveDone(t *testing.T) {
	w := newWorld(t)
	w.policy.governed.Observe = true
	c, p := w.begin()
	w.say(c, p, wire.ActionSkip, "")
	end := <-p.done
	c.End()
	for _, tt := range []struct {
		ticket []byte
		would  string
	}{{end.Ticket, "skipped"}, {nil, "no_ticket"}} {
		w.wantDecision(501, tt.ticket, true, "observed")
		if e := w.lastEvent(); e.Detail["would_deny"] != tt.would {
			t.Errorf("event %+v, want would_deny %s", e, tt.would)
		}
	}
	w.wantDecision(501, w.login(), true, "factor")
}

func TestAnAllowWithoutItsEventIsNone(t *testing.T) {
	w := newWorld(t)
	ticket := w.login()
	w.records.fail = errors.New("no space left")
	w.wantDecision(501, ticket, false, "not_recorded")
}

func TestWhatCannotBeKeptHasNotHappened(t *testing.T) {
	w := newWorld(t)
	c, p := w.begin()
	defer c.End()
	screen := <-p.screens
	w.records.fail = errors.New("no space left")
	c.Act(t.Context(), wire.Act{Seq: screen.Seq, Action: wire.ActionSubmit, Values: map[string]string{"code": "sesame"}})
	if s := <-p.screens; s.Note == nil || s.Note.Level != wire.LevelError {
		t.Errorf("screen %+v", s)
	}
	select {
	case end := <-p.done:
		t.Errorf("done %+v", end)
	default:
	}
}

func TestAFactorThatPanicsClosesItsWayOnly(t *testing.T) {
	w := newWorld(t)
	w.word.panics = true
	c, p := w.begin()
	defer c.End()
	w.say(c, p, wire.ActionSubmit, "sesame")
	if s := <-p.screens; s.Kind != wire.KindChoose || s.Note == nil {
		t.Errorf("screen %+v", s)
	}
}

func TestEnrolmentIsShownAtTheNextLogin(t *testing.T) {
	w := newWorld(t)
	w.forgets()
	w.pin.window = time.Hour
	c, p := w.begin()
	w.say(c, p, wire.ActionSubmit, "sesame") // the PIN of the open window
	w.say(c, p, wire.ActionSubmit, "")       // the offer
	w.say(c, p, wire.ActionSubmit, "sesame") // the new factor
	if end := <-p.done; end.Ticket == nil {
		t.Fatalf("done %+v", end)
	}
	c.End()
	if w.pin.window != 0 {
		t.Error("the window was not ended, as the org wants it")
	}
	c, p = w.begin()
	defer c.End()
	if s := <-p.screens; s.Note == nil || !strings.Contains(s.Note.Text, "24 November 2026") {
		t.Errorf("note %+v", s.Note)
	}
}

func TestTheGraceIsNotRestartedByALostStore(t *testing.T) {
	w := newWorld(t)
	w.forgets()
	if err := w.Remember("guid-ada", clocktest.Start.Add(-2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	c, p := w.begin()
	defer c.End()
	if s := <-p.screens; s.Kind != wire.KindLocked {
		t.Errorf("screen %s", s.Kind)
	}
	// It is met again, so that it is reported and has a secret: without them no
	// PIN would ever let the person in.
	accounts, err := w.Accounts()
	if got := accounts["guid-ada"]; err != nil || got.Name != "ada" || !got.FirstGovernedAt.Equal(clocktest.Start.Add(-2*time.Hour)) || !slices.Contains(w.pin.registered, "guid-ada") {
		t.Errorf("the record is %+v, registered are %q (%v)", got, w.pin.registered, err)
	}
}

func TestAClockThatWasAheadLengthensNothing(t *testing.T) {
	w := newWorld(t)
	w.forgets()
	w.records.m["accounts/guid-ada"] = []byte(`{"name":"ada","first_governed_at":"2027-11-24T08:00:00Z"}`)
	if err := w.Anchored(); err != nil {
		t.Fatal(err)
	}
	w.clock.Run(w.policy.governed.Grace)
	c, p := w.begin()
	defer c.End()
	if s := <-p.screens; s.Kind != wire.KindLocked {
		t.Errorf("screen %s: the grace lasts a year", s.Kind)
	}
}

func TestContactAdminShowsTheTimeThatIsLeft(t *testing.T) {
	w := newWorld(t)
	c, p := w.begin()
	defer c.End()
	screen := <-p.screens
	if !screen.Deadline.IsZero() {
		t.Errorf("a countdown where nobody else is waited for: %s", screen.Deadline)
	}
	c.Act(t.Context(), wire.Act{Seq: screen.Seq, Action: wire.ActionContact})
	if s := <-p.screens; !s.Deadline.Equal(w.clock.Wall().Add(login.IdleContact)) {
		t.Errorf("deadline %s", s.Deadline)
	}
}

func TestAnIdleConversationEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c, p := w.begin()
		<-p.screens
		w.clock.Run(login.Idle)
		if end := <-p.done; end.Result != wire.ResultBack {
			t.Errorf("done %+v", end)
		}
		c.End()
	})
}
