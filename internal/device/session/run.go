package session

import (
	"context"
	"fmt"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/factor"
	"github.com/latchkey-mfa/latchkey/internal/device/login"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// startFactor runs a factor beside the conversation; it speaks to it through
// inputs and answers alone.
func (c *Conversation) startFactor(s login.Start) {
	r, known := c.manager.registered(s.Kind)
	ctx, cancel := context.WithCancel(c.ctx)
	c.cancel = cancel
	c.answers = make(chan wire.Act, 1)
	answers := c.answers
	ask := func(ctx context.Context, screen wire.Screen) (wire.Act, error) {
		wait := len(screen.Actions) > 0
		if !c.send(ctx, login.Asked{Run: s.Run, Screen: screen, Wait: wait}) || !wait {
			return wire.Act{}, ctx.Err()
		}
		select {
		case act := <-answers:
			return act, nil
		case <-ctx.Done():
			return wire.Act{}, ctx.Err()
		}
	}
	c.factors.Go(func() {
		defer cancel()
		outcome, err := c.runFactor(ctx, r, known, s, ask)
		if ctx.Err() != nil {
			return // stopped: nobody waits for what came of it
		}
		if err != nil {
			c.manager.Report("run factor "+s.Kind, err)
		}
		c.send(ctx, login.Ended{Run: s.Run, Failed: err != nil, Note: outcome.Note,
			Verified: outcome.Result == factor.Verified, Enrolled: outcome.Result == factor.Enrolled, Linked: linkedBy(outcome)})
	})
}

// runFactor turns a panic into an error: a bug in a factor closes that way and
// no other.
func (c *Conversation) runFactor(ctx context.Context, r factor.Registered, known bool, s login.Start, ask factor.Ask) (outcome factor.Outcome, err error) {
	defer func() {
		if caught := recover(); caught != nil {
			outcome, err = factor.Outcome{}, fmt.Errorf("panic: %v", caught)
		}
	}()
	switch {
	case s.Mode == login.Link:
		return c.manager.Linker.Link(ctx, c.account, s.PIN, ask)
	case !known:
		return factor.Outcome{}, fmt.Errorf("no such factor")
	case s.Mode == login.Enrol && r.Enrol == nil:
		return factor.Outcome{}, fmt.Errorf("it cannot be set up")
	case s.Mode == login.Enrol:
		return r.Enrol.Enrol(ctx, c.account, ask)
	}
	return r.Factor.Run(ctx, c.account, ask)
}

// linkedBy is the kind that a link rests on; "" for any other outcome.
func linkedBy(o factor.Outcome) string {
	if o.Result != factor.Linked {
		return ""
	}
	return o.Shown
}

func (c *Conversation) send(ctx context.Context, in login.Input) bool {
	select {
	case c.inputs <- in:
		return true
	case <-ctx.Done():
		return false
	}
}

func (c *Conversation) stopFactor() {
	if c.cancel != nil {
		c.cancel()
		c.cancel = nil
	}
}

// save makes what happened last, in the order in which it matters: what lets
// the person in comes after what it rests on.
func (c *Conversation) save(s login.Save) error {
	m, guid := c.manager, c.account.GUID
	m.mu.Lock()
	defer m.mu.Unlock()
	rec, err := m.record(guid)
	if err != nil {
		return err
	}
	now := m.Time.Now()
	rec.know(c.account)
	if s.Governed && rec.FirstGovernedAt.IsZero() {
		rec.FirstGovernedAt = now.Time
	}
	if s.NewsShown {
		rec.News = nil
	}
	if s.Online {
		rec.OfflineFrom = now.Time
	}
	if s.Enrolled {
		rec.enrolled(now.Time)
	}
	if s.Linked {
		rec.linked(now.Time)
	}
	if err := m.keep(guid, rec); err != nil {
		return err
	}
	return m.follow(guid, s)
}

// linked notes that the account has an org user now, and so factors.
func (r *Record) linked(at time.Time) {
	r.HadFactor = true
	r.News = append(r.News, fmt.Sprintf("Your account was connected to your organization account on %s.", at.UTC().Format("2 January 2006 at 15:04 UTC")))
}

// enrolled notes that a factor was set up, for the person to see at the next
// login: whoever else may have done it has to reckon with being noticed.
func (r *Record) enrolled(at time.Time) {
	if r.OfflineFrom.IsZero() {
		r.OfflineFrom = at
	}
	r.HadFactor = true
	r.News = append(r.News, fmt.Sprintf("A second factor was set up for you on %s.", at.UTC().Format("2 January 2006 at 15:04 UTC")))
}

// follow does in the other records what a step of the login entails.
func (m *Manager) follow(guid string, s login.Save) error {
	if s.Met && m.Org.RecoveryOn() {
		if err := m.Recovery.Register(guid); err != nil {
			return err
		}
		m.Kick()
	}
	if s.Enrolled && m.Org.EndWindowOnEnrol() {
		if err := m.Recovery.EndWindow(guid, "factor_enrolled"); err != nil {
			return err
		}
	}
	if s.RemoveOlder != "" {
		if err := m.removeOlder(guid, s.RemoveOlder); err != nil {
			return err
		}
	}
	if s.Verified == "" {
		return nil
	}
	if !login.IsPIN(s.Verified) {
		if err := m.Recovery.FactorSucceeded(guid); err != nil {
			return err
		}
	}
	if login.IsPIN(s.Verified) || s.Online {
		return m.unlock(guid)
	}
	return nil
}

func (m *Manager) removeOlder(guid, kind string) error {
	r, _ := m.registered(kind)
	remover, can := r.Factor.(factor.Remover)
	if !can {
		return nil
	}
	_, err := remover.RemoveOlder(guid, "replaced")
	return err
}

func (m *Manager) unlock(guid string) error {
	for _, r := range m.Factors {
		if u, can := r.Factor.(Unlocker); can {
			if err := u.Succeeded(guid); err != nil {
				return err
			}
		}
	}
	return nil
}
