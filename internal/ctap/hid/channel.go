package hid

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/ctap"
)

// How long is waited. A key sends a keep-alive each 100 ms (CTAP 2.1
// §11.2.9.2.1), and its user has some 30 seconds for a touch.
const (
	silence    = 3 * time.Second // for the next report
	longest    = 3 * time.Minute // for an answer, with keep-alives
	cancelling = time.Second     // for the answer to a request that was cancelled
	busyPause  = 200 * time.Millisecond
	busyTries  = 10
)

// waitingReports are kept of a device until they are read: the longest message
// and what there may be beside it.
const waitingReports = 256

// device is an open device: reports out, reports in.
type device interface {
	// write sends a report, and ends at once when the device is gone or closed.
	write(report) error
	// reports are what comes in. It is closed when the device is gone, or was closed.
	reports() <-chan report
	// Close ends what reads and writes, and returns when it has ended.
	Close() error
}

// channel is a channel of a device, of which nobody else has the number.
type channel struct {
	device device
	busy   sync.Mutex // one message at a time
	id     channelID
	// unsure: the last message had no proper end, so that its answer could be
	// taken for the next one's. CTAPHID_INIT ends it.
	unsure bool
}

// openChannel asks a device for a channel. After an error the device is closed.
func openChannel(ctx context.Context, d device) (*channel, error) {
	c := &channel{device: d, id: broadcast}
	w, err := c.init(ctx)
	if err == nil && !w.cbor {
		err = fmt.Errorf("%w: it says so of itself when a channel is opened", ctap.ErrNotFIDO2)
	}
	if err != nil {
		_ = d.Close()
		return nil, fmt.Errorf("open a channel to the key: %w", err)
	}
	c.id = w.channel
	return c, nil
}

// Close implements ctap.Channel.
func (c *channel) Close() error { return c.device.Close() }

// init asks for a channel, or ends all that is under way on one.
func (c *channel) init(ctx context.Context) (welcome, error) {
	var nonce [8]byte
	_, _ = rand.Read(nonce[:]) // never fails
	ctx, cancel := context.WithTimeoutCause(ctx, silence, ctap.ErrSilent)
	defer cancel()
	c.drain()
	if err := c.send(cmdInit, nonce[:]); err != nil {
		return welcome{}, err
	}
	in := assembly{channel: c.id}
	for {
		m, err := c.next(ctx, &in)
		if errors.Is(err, ctap.ErrNonsense) {
			in = assembly{channel: c.id} // what is left of an answer that nobody waits for
			continue
		}
		if err != nil {
			return welcome{}, err
		}
		if m.cmd != cmdInit {
			continue
		}
		w, err := parseWelcome(m.data)
		if err != nil {
			return welcome{}, nonsense(err)
		}
		if subtle.ConstantTimeCompare(w.nonce[:], nonce[:]) == 1 {
			return w, nil
		} // else another program's
	}
}

func nonsense(err error) error { return fmt.Errorf("%w: %w", ctap.ErrNonsense, err) }

// drain throws away what came while nothing was asked. A device that sends
// without end does not hold it up.
func (c *channel) drain() {
	for range waitingReports {
		select {
		case _, open := <-c.device.reports():
			if !open {
				return
			}
		default:
			return
		}
	}
}

func (c *channel) send(cmd command, data []byte) error {
	all, err := frames(c.id, cmd, data)
	if err != nil {
		return err
	}
	for _, r := range all {
		if err := c.device.write(r); err != nil {
			return fmt.Errorf("%w: %w", ctap.ErrKeyGone, err)
		}
	}
	return nil
}

// next waits for a whole message of the channel's. Reports of other channels
// do not make the wait longer.
func (c *channel) next(ctx context.Context, in *assembly) (*message, error) {
	timer := time.NewTimer(silence)
	defer timer.Stop()
	for {
		select {
		case r, open := <-c.device.reports():
			if !open {
				return nil, ctap.ErrKeyGone
			}
			before := *in
			m, err := in.take(r)
			if err != nil {
				return nil, nonsense(err)
			}
			if m != nil {
				return m, nil
			}
			if in.begun && (!before.begun || in.next != before.next) {
				timer.Reset(silence)
			}
		case <-timer.C:
			return nil, ctap.ErrSilent
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
