package mechanism

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/xipc"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/plugin/panel"
	"github.com/latchkey-mfa/latchkey/plugin/words"
)

// PromptPatience is how long the prompt waits.
type PromptPatience struct {
	Absent  time.Duration // for a daemon that is not there yet
	Request time.Duration // for the answer to begin and to an act
	Notice  time.Duration // for the person in front of the plug-in's own screen
	Idle    time.Duration // without an event or an act, before the login window is freed
}

// DefaultPromptPatience is wire-v1's, with an idle limit above the longest of
// the daemon's own, which is fifteen minutes.
func DefaultPromptPatience() PromptPatience {
	return PromptPatience{Absent: 3 * time.Second, Request: 10 * time.Second, Notice: 15 * time.Minute, Idle: 20 * time.Minute}
}

// dialPause is how long the prompt waits before it looks for the daemon again.
const dialPause = 100 * time.Millisecond

// Prompt is the unprivileged mechanism: it shows the daemon's screens and
// returns the person's acts. It can never say more than 'ask the gate'.
type Prompt struct {
	Socket, ContactFile string
	Locales             []string
	Words               words.Words // of the screen without a daemon
	Patience            PromptPatience
	// Open draws the panel. It is not called before there is something to
	// draw, so that an exempt account sees nothing.
	Open func() (panel.Panel, error)
	// Alive is told, with everything that happens, for how long it may stay
	// quiet from now on.
	Alive func(time.Duration)
}

// Outcome is how the prompt ends: not allowed is back to the password.
type Outcome struct {
	Allow  bool
	Ticket []byte // wire.TicketSize bytes, or none
}

// toGate lets the gate decide without a ticket.
var toGate = Outcome{Allow: true}

// Errors that end a conversation.
var (
	errNoPanel = errors.New("nothing to draw on")
	errBroken  = errors.New("the daemon does not answer as it should")
)

// Converse holds the conversation for the account until it ends, the panel
// goes away or ctx ends.
func (p Prompt) Converse(ctx context.Context, uid uint32) Outcome {
	p.Alive(p.Patience.Idle)
	s := &showing{open: p.Open}
	defer s.close()
	outcome, err := p.withDaemon(ctx, uid, s)
	switch {
	case err == nil:
		return outcome
	case ctx.Err() != nil:
		return Outcome{} // nobody waits for it any more
	case errors.Is(err, errNoPanel):
		return toGate
	default:
		return p.withoutDaemon(ctx, s)
	}
}

// withDaemon fails when there is no daemon, or no longer, or no panel.
func (p Prompt) withDaemon(ctx context.Context, uid uint32, s *showing) (Outcome, error) {
	c, err := p.dial(ctx)
	if err != nil {
		return Outcome{}, err
	}
	defer c.Close()
	if err := p.request(ctx, c, wire.MsgBegin, wire.Dictionary{"uid": uint64(uid)}); err != nil {
		return Outcome{}, err
	}
	t := talk{prompt: p, client: c, showing: s, answered: make(chan error, 1)}
	return t.run(ctx)
}

// dial waits a moment for a daemon that is being started.
func (p Prompt) dial(ctx context.Context) (*xipc.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, p.Patience.Absent)
	defer cancel()
	for {
		c, err := xipc.Dial(ctx, p.Socket, xipc.ClientOptions{Role: wire.RolePrompt, Locales: p.Locales})
		if err == nil || errors.Is(err, xipc.ErrInvalid) || ctx.Err() != nil {
			return c, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(dialPause):
		}
	}
}

func (p Prompt) request(ctx context.Context, c *xipc.Client, name string, body wire.Dictionary) error {
	ctx, cancel := context.WithTimeout(ctx, p.Patience.Request)
	defer cancel()
	_, err := c.Request(ctx, name, body)
	return err
}

// withoutDaemon shows whom to call and lets the gate decide.
func (p Prompt) withoutDaemon(ctx context.Context, s *showing) Outcome {
	screen := absence(s.seq+1, readContact(p.ContactFile), p.Words)
	if err := s.show(screen); err != nil {
		return toGate
	}
	p.Alive(p.Patience.Idle)
	late := time.NewTimer(p.Patience.Notice)
	defer late.Stop()
	for {
		select {
		case act, open := <-s.acts():
			if !open || act.Seq == screen.Seq {
				return toGate
			} // else it was done on a screen that is gone
		case <-late.C:
			return Outcome{} // the person has left: back to the password
		case <-ctx.Done():
			return Outcome{}
		}
	}
}
