package mechanism

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/xipc"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/plugin/panel"
)

// showing is the panel, once there is something to show.
type showing struct {
	open  func() (panel.Panel, error)
	panel panel.Panel
	seq   uint64 // of the screen that is drawn
}

func (s *showing) show(screen wire.Screen) error {
	if s.panel == nil {
		opened, err := s.open()
		if err != nil {
			return errors.Join(errNoPanel, err)
		}
		s.panel = opened
	}
	s.seq = screen.Seq
	s.panel.Show(screen)
	return nil
}

// acts is never ready while there is no panel.
func (s *showing) acts() <-chan wire.Act {
	if s.panel == nil {
		return nil
	}
	return s.panel.Acts()
}

// closePatience bounds the wait for a panel that does not let go: the outcome
// must reach the host all the same.
const closePatience = 5 * time.Second

// close waits for the panel to be gone, since what the login window shows next
// must not share the screen with it.
func (s *showing) close() {
	if s.panel == nil {
		return
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		defer func() { _ = recover() }()
		_ = s.panel.Close()
	}()
	select {
	case <-gone:
	case <-time.After(closePatience):
	}
}

// talk is one conversation over a connection that stands.
type talk struct {
	prompt   Prompt
	client   *xipc.Client
	showing  *showing
	asking   bool       // an act is on its way
	answered chan error // what came of it
}

func (t *talk) run(ctx context.Context) (Outcome, error) {
	for {
		acts := t.showing.acts()
		if t.asking {
			acts = nil // one at a time, in their order
		}
		select {
		case event, open := <-t.client.Events():
			if !open {
				return Outcome{}, xipc.ErrInterrupted
			}
			if outcome, over, err := t.event(event); over || err != nil {
				return outcome, err
			}
		case act, open := <-acts:
			if !open {
				return Outcome{}, errNoPanel
			}
			t.ask(ctx, act)
		case err := <-t.answered:
			t.asking = false
			if err != nil {
				return Outcome{}, err
			}
		case <-ctx.Done():
			return Outcome{}, context.Cause(ctx)
		}
		t.prompt.Alive(t.prompt.Patience.Idle)
	}
}

// event takes a screen or the end.
func (t *talk) event(m xipc.Message) (outcome Outcome, over bool, err error) {
	switch m.Name {
	case wire.MsgScreen:
		screen, err := wire.ScreenFrom(m.Body)
		if err != nil {
			return Outcome{}, false, errors.Join(errBroken, err)
		}
		return Outcome{}, false, t.showing.show(screen)
	case wire.MsgDone:
		done, err := wire.DoneFrom(m.Body)
		if err != nil {
			return Outcome{}, false, errors.Join(errBroken, err)
		}
		// Refused by default: only the one word leads on.
		if done.Result != wire.ResultContinue {
			return Outcome{}, true, nil
		}
		return Outcome{Allow: true, Ticket: done.Ticket}, true, nil
	default:
		return Outcome{}, false, nil // something that a newer daemon tells newer plug-ins
	}
}

// ask sends an act without stopping the screens. An act that the daemon
// refuses, because it is late or out of bounds, changes nothing; that the
// connection is over is told by its events, after a last word among them.
func (t *talk) ask(ctx context.Context, act wire.Act) {
	t.asking = true
	go func() {
		err := errBroken
		defer func() {
			if recover() != nil {
				err = errBroken
			}
			t.answered <- err
		}()
		err = t.prompt.request(ctx, t.client, wire.MsgAct, act.Dictionary())
		var refused *xipc.RemoteError
		if errors.As(err, &refused) || errors.Is(err, xipc.ErrInterrupted) || errors.Is(err, xipc.ErrInvalid) {
			err = nil
		}
	}()
}
