package session

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/factor"
	"github.com/latchkey-mfa/latchkey/internal/device/login"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// tickEvery is how often a conversation looks at the time and at the facts.
// With the three seconds that the org has to answer, a panel shows within four
// what can be used.
const tickEvery = time.Second / 2

// Panel is the other end of a conversation.
type Panel interface {
	Show(wire.Screen) error
	Done(wire.Done) error
}

// Conversation is one login in progress.
type Conversation struct {
	manager *Manager
	account factor.Account
	purpose login.Purpose
	panel   Panel

	inputs chan login.Input
	acts   chan actRequest
	ctx    context.Context
	stop   context.CancelFunc
	over   chan struct{}

	// Owned by the conversation's goroutine.
	state   login.State
	answers chan wire.Act      // to the factor that runs
	cancel  context.CancelFunc // ends the factor that runs
	factors sync.WaitGroup
}

type actRequest struct {
	act   wire.Act
	taken chan bool
}

// Begin starts the login of a uid. An earlier one of that uid ends, and its
// ticket is void.
func (m *Manager) Begin(ctx context.Context, uid uint32, panel Panel) (*Conversation, error) {
	return m.begin(ctx, uid, login.Login, panel)
}

// Enrol starts a conversation in which a uid sets up factors within its
// session. It makes no ticket, and leaves a login of that uid alone.
func (m *Manager) Enrol(ctx context.Context, uid uint32, panel Panel) (*Conversation, error) {
	return m.begin(ctx, uid, login.Enrolment, panel)
}

func (m *Manager) begin(ctx context.Context, uid uint32, purpose login.Purpose, panel Panel) (*Conversation, error) {
	account, err := m.Directory.Lookup(ctx, uid)
	if err != nil {
		return nil, fmt.Errorf("look up uid %d: %w", uid, err)
	}
	c := &Conversation{manager: m, account: account, purpose: purpose, panel: panel,
		inputs: make(chan login.Input, 4), acts: make(chan actRequest), over: make(chan struct{})}
	c.ctx, c.stop = context.WithCancel(context.WithoutCancel(ctx))
	if earlier := m.replace(uid, c); earlier != nil {
		earlier.End()
	}
	go c.run()
	return c, nil
}

// replace makes c the conversation of uid that counts, among those of its
// purpose.
func (m *Manager) replace(uid uint32, c *Conversation) *Conversation {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.current == nil {
		m.current, m.tickets = map[spoken]*Conversation{}, map[uint32]ticket{}
	}
	key := spoken{uid, c.purpose}
	earlier := m.current[key]
	m.current[key] = c
	if c.purpose == login.Login {
		delete(m.tickets, uid)
	}
	return earlier
}

// spoken names a conversation.
type spoken struct {
	uid     uint32
	purpose login.Purpose
}

// Act hands over what the person did. It reports whether that was about the
// screen now shown; if not, nothing happened.
func (c *Conversation) Act(ctx context.Context, act wire.Act) bool {
	r := actRequest{act: act, taken: make(chan bool, 1)}
	select {
	case c.acts <- r:
		return <-r.taken
	case <-c.over:
	case <-ctx.Done():
	}
	return false
}

// End ends the conversation: the panel has gone. It returns when nothing of it
// runs any more. A conversation that has not finished leaves no ticket.
func (c *Conversation) End() {
	c.stop()
	<-c.over
}

// run is the conversation's goroutine.
func (c *Conversation) run() {
	defer close(c.over)
	defer c.factors.Wait()
	defer c.stop()
	defer c.stopFactor()
	defer c.recovered("run a conversation")
	if c.unavailable() {
		return
	}
	if !c.next(login.Begin{Purpose: c.purpose}) {
		return
	}
	ticks := time.NewTicker(tickEvery)
	defer ticks.Stop()
	for {
		var in login.Input
		select {
		case <-c.ctx.Done():
			return
		case <-ticks.C:
			in = login.Tick{}
		case in = <-c.inputs:
		case r := <-c.acts:
			taken := r.act.Seq == c.state.Seq
			r.taken <- taken
			if !taken {
				continue
			}
			in = login.Acted{Act: r.act}
		}
		if !c.next(in) {
			return
		}
	}
}

func (c *Conversation) recovered(doing string) {
	if caught := recover(); caught != nil {
		c.manager.Report(doing, fmt.Errorf("panic: %v", caught))
	}
}

// unavailable hands a login without a policy to the gate, which answers as
// LatchkeyUnavailablePolicy says. With a policy that asks for a factor it is
// worth a moment to know whether the org can be reached.
func (c *Conversation) unavailable() bool {
	rules, err := c.manager.Policy.Rules(c.account)
	if !errors.Is(err, ErrUnavailable) {
		if rules.Governed && rules.Linking {
			c.manager.Look(c.ctx)
		}
		return false
	}
	end := wire.Done{Result: wire.ResultContinue}
	if c.purpose != login.Login {
		end.Result = wire.ResultBack
	}
	c.done(end)
	return true
}

// next gives the engine one input and carries out its effects. It reports
// whether the conversation goes on.
func (c *Conversation) next(in login.Input) bool {
	rules, facts, err := c.look()
	if err != nil {
		c.manager.Report("look at the account", err)
		c.done(wire.Done{Result: wire.ResultBack}) // refused: what is not known is not decided
		return false
	}
	now := c.manager.Time.Now()
	if _, begins := in.(login.Begin); begins {
		if now, err = c.manager.Time.Observe(); err != nil {
			c.manager.Report("observe the clock", err)
		}
	}
	var effects []login.Effect
	c.state, effects = login.Next(rules, facts, now, c.state, in)
	return c.carryOut(effects)
}

func (c *Conversation) look() (login.Rules, login.Facts, error) {
	rules, err := c.manager.Policy.Rules(c.account)
	if err != nil {
		return login.Rules{}, login.Facts{}, err
	}
	facts, err := c.manager.facts(c.ctx, c.account)
	return rules, facts, err
}

func (c *Conversation) carryOut(effects []login.Effect) bool {
	for _, e := range effects {
		switch e := e.(type) {
		case login.Show:
			if limit, counts := c.state.Patience(); counts {
				e.Screen.Deadline = c.manager.Deadline(limit)
			}
			if err := c.panel.Show(e.Screen); err != nil {
				return false // the panel has gone
			}
		case login.Start:
			c.startFactor(e)
		case login.Answer:
			c.answers <- e.Act
		case login.Stop:
			c.stopFactor()
		case login.Save:
			if err := c.save(e); err != nil {
				c.manager.Report("keep what happened in a login", err)
				// What rested on it has not happened: undo the step, and drop
				// the effects behind it.
				c.state.Step = login.StepHome
				return c.next(login.SaveFailed{})
			}
		case login.Finish:
			c.finish(e)
			return false
		}
	}
	return true
}

// finish makes the ticket, where there is to be one, and tells the panel.
func (c *Conversation) finish(f login.Finish) {
	end := wire.Done{Result: f.Result}
	if f.Allow {
		end.Ticket = c.manager.issue(c, f)
	}
	c.done(end)
}

func (c *Conversation) done(end wire.Done) {
	if err := c.panel.Done(end); err != nil {
		c.manager.Report("tell the panel that the conversation is over", err)
	}
}
