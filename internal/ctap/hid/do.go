package hid

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/ctap"
)

// The errors of CTAPHID that are decided by (CTAP 2.1 §11.2.9.1.6).
const (
	hidTimeout        = 0x05
	hidBusy           = 0x06
	hidInvalidChannel = 0x0B
)

// hidError is a CTAPHID_ERROR.
type hidError byte

func (e hidError) Error() string {
	return fmt.Sprintf("the key answered with the error 0x%02x", byte(e))
}

// Do implements ctap.Channel.
func (c *channel) Do(ctx context.Context, request []byte, waiting func(ctap.Waiting)) ([]byte, error) {
	if !c.busy.TryLock() {
		return nil, fmt.Errorf("%w: it still answers this one", ctap.ErrBusy)
	}
	defer c.busy.Unlock()
	whole, cancel := context.WithTimeoutCause(ctx, longest, ctap.ErrTimeout)
	defer cancel()
	for try := 1; ; try++ {
		answer, err := c.exchange(whole, request, waiting)
		var refused hidError
		switch {
		case err == nil:
			return answer, nil
		case !errors.As(err, &refused):
			return nil, err
		case refused == hidTimeout:
			return nil, fmt.Errorf("%w: %w", ctap.ErrTimeout, refused)
		case refused == hidBusy && try < busyTries:
			pause(whole, busyPause)
		case refused == hidBusy:
			return nil, fmt.Errorf("%w: %w", ctap.ErrBusy, refused)
		case refused == hidInvalidChannel && try == 1:
			c.id = broadcast // it forgot the channel, and did nothing
			c.unsure = true
		default:
			return nil, nonsense(refused)
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// ended is why nobody waits for an answer any more: the caller does not, or the
// longest time is over.
func ended(ctx context.Context) error {
	if why := context.Cause(ctx); !errors.Is(why, ctap.ErrTimeout) {
		return fmt.Errorf("%w: %w", ctap.ErrCancelled, why)
	}
	return ctap.ErrTimeout
}

// exchange sends a request once, and waits for its answer.
func (c *channel) exchange(ctx context.Context, request []byte, waiting func(ctap.Waiting)) ([]byte, error) {
	if ctx.Err() != nil {
		return nil, ended(ctx) // nothing was sent
	}
	if c.unsure {
		w, err := c.init(ctx)
		if ctx.Err() != nil {
			return nil, ended(ctx)
		}
		if err != nil {
			return nil, fmt.Errorf("begin anew on the channel: %w", err)
		}
		c.id, c.unsure = w.channel, false
	}
	c.drain()
	c.unsure = true
	if err := c.send(cmdCBOR, request); err != nil {
		return nil, err
	}
	answer, err := c.await(ctx, waiting)
	if ctx.Err() != nil && err != nil && !errors.Is(err, ctap.ErrKeyGone) {
		return nil, c.cancelled(ctx)
	}
	var refused hidError
	c.unsure = err != nil && !errors.As(err, &refused)
	return answer, err
}

// await waits for the answer to what was sent, past keep-alives.
func (c *channel) await(ctx context.Context, waiting func(ctap.Waiting)) ([]byte, error) {
	in := assembly{channel: c.id}
	var last ctap.Waiting
	for {
		m, err := c.next(ctx, &in)
		if err != nil {
			return nil, err
		}
		switch {
		case m.cmd == cmdCBOR && len(m.data) > 0:
			return m.data, nil
		case m.cmd == cmdKeepAlive && len(m.data) == 1:
			if now := ctap.Waiting(m.data[0]); now != last && waiting != nil {
				waiting(now)
			}
			last = ctap.Waiting(m.data[0])
		case m.cmd == cmdError && len(m.data) == 1:
			return nil, hidError(m.data[0])
		default:
			return nil, nonsense(fmt.Errorf("the command 0x%02x with %d bytes instead of an answer", byte(m.cmd), len(m.data)))
		}
	}
}

// cancelled tells the key that nobody waits any more, and lets it stop
// blinking. What it still answers is thrown away.
func (c *channel) cancelled(ctx context.Context) error {
	why := ended(ctx)
	if err := c.send(cmdCancel, nil); err != nil {
		return errors.Join(why, err)
	}
	rest, stop := context.WithTimeout(context.WithoutCancel(ctx), cancelling)
	defer stop()
	_, err := c.await(rest, nil)
	var refused hidError
	c.unsure = err != nil && !errors.As(err, &refused)
	return why
}
