package session_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/clock/clocktest"
	"github.com/latchkey-mfa/latchkey/internal/device/events"
	"github.com/latchkey-mfa/latchkey/internal/device/factor"
	"github.com/latchkey-mfa/latchkey/internal/device/login"
	"github.com/latchkey-mfa/latchkey/internal/device/session"
	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// memory is a store that lives in a bubble: package store has its own tests.
type memory struct {
	mu   sync.Mutex
	m    map[string][]byte
	fail error
}

func (s *memory) Read(key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m[key], nil
}

func (s *memory) Write(changes map[string][]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	for k, v := range changes {
		if v == nil {
			delete(s.m, k)
		} else {
			s.m[k] = v
		}
	}
	return nil
}

func (s *memory) List(prefix string, limit int) (keys []string, values [][]byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k := range s.m {
		if strings.HasPrefix(k, prefix) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		values = append(values, s.m[k])
	}
	return keys, values, nil
}

type directory struct{}

func (directory) Lookup(_ context.Context, uid uint32) (factor.Account, error) {
	names := map[uint32]string{501: "ada", 502: "bob"}
	if names[uid] == "" {
		return factor.Account{}, errors.New("no such account")
	}
	return factor.Account{GUID: "guid-" + names[uid], Name: names[uid], UID: uid}, nil
}

type rules struct {
	governed    login.Rules // of everyone but bob, who is exempt
	none, allow bool
}

func (r *rules) Rules(a factor.Account) (login.Rules, error) {
	if r.none {
		return login.Rules{}, session.ErrUnavailable
	}
	out := r.governed
	out.Governed = a.Name != "bob"
	return out, nil
}
func (r *rules) AllowUnavailable() bool     { return r.allow }
func (r *rules) PINDuration() time.Duration { return time.Hour }

// pin is a recovery whose window tests open by hand.
type pin struct {
	window     time.Duration
	registered []string // GUIDs
}

func (p *pin) Register(guid string) error {
	p.registered = append(p.registered, guid)
	return nil
}
func (*pin) FactorSucceeded(string) error { return nil }
func (p *pin) EndWindow(string, string) error {
	p.window = 0
	return nil
}
func (p *pin) Window(string, time.Duration) (time.Duration, time.Time, error) {
	return p.window, time.Time{}, nil
}

type orgSettings struct{ endWindow bool }

func (orgSettings) RecoveryOn() bool         { return true }
func (o orgSettings) EndWindowOnEnrol() bool { return o.endWindow }

// word is a factor that wants a word.
type word struct{ enrolled, panics bool }

func (w *word) Ready(context.Context, factor.Account) (bool, factor.Reason) { return w.enrolled, "" }

func (w *word) Run(ctx context.Context, _ factor.Account, ask factor.Ask) (factor.Outcome, error) {
	for {
		act, err := ask(ctx, wire.Screen{Kind: wire.KindCode, Actions: []wire.Action{{ID: wire.ActionSubmit}}})
		if err != nil {
			return factor.Outcome{}, err
		}
		if w.panics {
			panic("a bug in a factor")
		}
		if act.Values["code"] == "sesame" {
			return factor.Outcome{Result: factor.Verified}, nil
		}
	}
}

func (w *word) Enrol(ctx context.Context, a factor.Account, ask factor.Ask) (factor.Outcome, error) {
	if _, err := w.Run(ctx, a, ask); err != nil {
		return factor.Outcome{}, err
	}
	w.enrolled = true
	return factor.Outcome{Result: factor.Enrolled}, nil
}

func (w *word) Count(factor.Account) (int, bool) {
	if w.enrolled {
		return 1, true
	}
	return 0, true
}

// unlinked is an org that nobody is linked to, and that cannot be reached.
type unlinked struct{}

func (unlinked) Link(context.Context, factor.Account, bool, factor.Ask) (factor.Outcome, error) {
	return factor.Outcome{}, errors.New("the org cannot be reached")
}
func (unlinked) Ready(context.Context, factor.Account) (bool, factor.Reason) { return false, "offline" }

// panel is a prompt that keeps what it is shown.
type panel struct {
	screens chan wire.Screen
	done    chan wire.Done
}

func newPanel() *panel { return &panel{make(chan wire.Screen, 50), make(chan wire.Done, 1)} }

func (p *panel) Show(s wire.Screen) error { p.screens <- s; return nil }
func (p *panel) Done(d wire.Done) error   { p.done <- d; return nil }

type world struct {
	t       *testing.T
	clock   *clocktest.Clock
	records *memory
	journal *events.Journal
	policy  *rules
	word    *word
	pin     *pin
	*session.Manager
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, clock: clocktest.New(), records: &memory{m: map[string][]byte{}}, word: &word{enrolled: true}, pin: &pin{},
		policy: &rules{governed: login.Rules{Allowed: []string{"word"}, Grace: time.Hour, OfflinePeriod: 100 * time.Hour}}}
	w.records.m["accounts/guid-ada"] = []byte(`{"name":"ada","first_governed_at":"2026-11-24T08:00:00Z","had_factor":true,"offline_from":"2026-11-24T08:00:00Z"}`)
	w.restart()
	return w
}

// forgets makes ada someone who never had a factor.
func (w *world) forgets() {
	delete(w.records.m, "accounts/guid-ada")
	w.word.enrolled = false
}

// restart is a new process on the same disk.
func (w *world) restart() {
	w.t.Helper()
	keeper, err := trustedtime.Open(w.clock, w.records)
	if err != nil {
		w.t.Fatal(err)
	}
	if w.journal, err = events.Open(w.records, keeper); err != nil {
		w.t.Fatal(err)
	}
	w.Manager = &session.Manager{Directory: directory{}, Policy: w.policy, Recovery: w.pin, Org: orgSettings{endWindow: true},
		Records: w.records, Journal: w.journal, Time: keeper, KillSwitch: func() bool { return false },
		Factors:  []factor.Registered{{Kind: "word", Label: "Word", Factor: w.word, Enrol: w.word}},
		PIN:      []factor.Registered{{Kind: "recovery_pin", Factor: w.word}, {Kind: "recovery_pin_window", Factor: w.word}},
		Linker:   unlinked{},
		Look:     func(context.Context) {},
		Deadline: w.clock.Deadline,
		Report:   func(string, error) {}, Kick: func() {}, Exempted: func(factor.Account) {}}
}

func (w *world) begin() (*session.Conversation, *panel) {
	w.t.Helper()
	p := newPanel()
	c, err := w.Begin(w.t.Context(), 501, p)
	if err != nil {
		w.t.Fatal(err)
	}
	return c, p
}

// say answers the screen that is shown.
func (w *world) say(c *session.Conversation, p *panel, action, said string) {
	w.t.Helper()
	screen := <-p.screens
	if !c.Act(w.t.Context(), wire.Act{Seq: screen.Seq, Action: action, Values: map[string]string{"code": said}}) {
		w.t.Fatalf("the act on screen %d was not taken", screen.Seq)
	}
}

// login ends with a ticket.
func (w *world) login() []byte {
	w.t.Helper()
	c, p := w.begin()
	w.say(c, p, wire.ActionSubmit, "sesame")
	end := <-p.done
	c.End()
	if end.Result != wire.ResultContinue || len(end.Ticket) != wire.TicketSize {
		w.t.Fatalf("done %+v", end)
	}
	return end.Ticket
}

func (w *world) wantDecision(uid uint32, ticket []byte, allow bool, reason string) {
	w.t.Helper()
	if d := w.Decide(w.t.Context(), uid, ticket); d.Allow != allow || d.Reason != reason {
		w.t.Fatalf("decision %+v, want %v %s", d, allow, reason)
	}
}

func (w *world) lastEvent() wire.Event {
	w.t.Helper()
	w.Wait()
	list, err := w.journal.Pending(100)
	if err != nil || len(list) == 0 {
		w.t.Fatal("no event", err)
	}
	return list[len(list)-1]
}
