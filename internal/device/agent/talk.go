package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/xipc"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// requestTimeout bounds one request to the daemon.
const requestTimeout = 10 * time.Second

// Panel draws one conversation.
type Panel interface {
	// Show replaces the drawn screen. It must not block.
	Show(wire.Screen)
	// Acts is what the person did. It is closed when nobody is there any more.
	Acts() <-chan wire.Act
}

// ErrGone: the person left before the end.
var ErrGone = errors.New("the person has gone")

// Daemon is the daemon's session socket.
type Daemon struct{ Socket string }

func (d Daemon) dial(ctx context.Context) (*xipc.Client, error) {
	c, err := xipc.Dial(ctx, d.Socket, xipc.ClientOptions{Role: wire.RoleSession, Timeout: requestTimeout})
	if err != nil {
		return nil, fmt.Errorf("reach the daemon: %w", err)
	}
	return c, nil
}

// Mine is what there is of the caller's own account.
func (d Daemon) Mine(ctx context.Context) (m wire.Mine, err error) {
	c, err := d.dial(ctx)
	if err != nil {
		return m, err
	}
	defer c.Close()
	reply, err := c.Request(ctx, wire.MsgMine, wire.Dictionary{})
	if err == nil {
		err = wire.FromDictionary(reply, &m)
	}
	if err != nil {
		return m, fmt.Errorf("ask the daemon: %w", err)
	}
	return m, nil
}

// Enrol holds the conversation in which the caller sets up factors. done says
// that it came to its end, and not that the person closed it.
func (d Daemon) Enrol(ctx context.Context, p Panel) (done bool, err error) {
	c, err := d.dial(ctx)
	if err != nil {
		return false, err
	}
	defer c.Close()
	if _, err := c.Request(ctx, wire.MsgBegin, wire.Dictionary{}); err != nil {
		return false, fmt.Errorf("begin: %w", err)
	}
	for {
		select {
		case event, open := <-c.Events():
			if !open {
				return false, fmt.Errorf("talk to the daemon: %w", xipc.ErrInterrupted)
			}
			if end, err := heard(event, p); end != nil || err != nil {
				return end != nil && end.Result == wire.ResultContinue, err
			}
		case act, open := <-p.Acts():
			if !open {
				return false, ErrGone
			}
			if err := send(ctx, c, act); err != nil {
				return false, err
			}
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// heard shows a screen, or returns the end.
func heard(event xipc.Message, p Panel) (*wire.Done, error) {
	switch event.Name {
	case wire.MsgScreen:
		screen, err := wire.ScreenFrom(event.Body)
		if err != nil {
			return nil, fmt.Errorf("read a screen: %w", err)
		}
		p.Show(screen)
	case wire.MsgDone:
		end, err := wire.DoneFrom(event.Body)
		if err != nil {
			return nil, fmt.Errorf("read the end: %w", err)
		}
		return &end, nil
	}
	return nil, nil // or something that a newer daemon tells newer agents
}

// send hands over an act. One that is refused, because it is late or out of
// bounds, changes nothing: the screen that is shown says what can be done.
func send(ctx context.Context, c *xipc.Client, act wire.Act) error {
	_, err := c.Request(ctx, wire.MsgAct, act.Dictionary())
	var refused *xipc.RemoteError
	if errors.As(err, &refused) || errors.Is(err, xipc.ErrInterrupted) {
		return nil // that the connection is over, its events tell
	}
	return err
}
