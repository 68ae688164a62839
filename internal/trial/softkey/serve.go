package softkey

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// CTAPHID, from the key's side (CTAP 2.1 §11.2).
const (
	reportSize   = 64
	maxMessage   = 7609
	hidInit      = 0x86
	hidCBOR      = 0x90
	hidCancel    = 0x91
	hidKeepAlive = 0xBB
	hidError     = 0xBF
	allChannels  = 0xFFFFFFFF

	errInvalidCommand = 0x01
	errInvalidLength  = 0x03
	errInvalidSeq     = 0x04
	errChannelBusy    = 0x06

	keepAliveEvery = 100 * time.Millisecond
	processing     = 1
	upNeeded       = 2
)

// errAborted ends a request without an answer, as CTAPHID_INIT does.
var errAborted = errors.New("a new beginning on the channel")

func (k *Key) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		k.mu.Lock()
		gone := k.listener != listener
		if !gone {
			k.conns[conn] = true
		}
		k.mu.Unlock()
		if gone {
			_ = conn.Close()
			return
		}
		k.running.Go(func() { k.serve(conn) })
	}
}

// client is one program that has the key open.
type client struct {
	key     *Key
	conn    net.Conn
	writing sync.Mutex
	// What is being received, and on which channel.
	channel  uint32
	command  byte
	size     int
	received []byte
	next     byte
	// What is being done.
	mu      sync.Mutex
	doing   uint32 // the channel, 0 when nothing is
	abort   context.CancelCauseFunc
	running sync.WaitGroup
}

func (k *Key) serve(conn net.Conn) {
	c := &client{key: k, conn: conn}
	ctx, stop := context.WithCancelCause(context.Background())
	for {
		var r [reportSize]byte
		if _, err := io.ReadFull(conn, r[:]); err != nil {
			break
		}
		c.take(ctx, r)
	}
	stop(errAborted)
	c.running.Wait()
	_ = conn.Close()
	k.mu.Lock()
	delete(k.conns, conn)
	k.mu.Unlock()
}

func (c *client) take(ctx context.Context, r [reportSize]byte) {
	channel := binary.BigEndian.Uint32(r[:])
	if r[4]&0x80 == 0 {
		if c.received == nil || channel != c.channel {
			return // no part of anything
		}
		if r[4] != c.next {
			c.received = nil
			c.fail(channel, errInvalidSeq)
			return
		}
		c.next++
		c.received = append(c.received, r[5:min(reportSize, 5+c.size-len(c.received))]...)
	} else {
		c.channel, c.command, c.next = channel, r[4], 0
		c.size = int(binary.BigEndian.Uint16(r[5:]))
		if c.size > maxMessage {
			c.received = nil
			c.fail(channel, errInvalidLength)
			return
		}
		c.received = append([]byte{}, r[7:min(reportSize, 7+c.size)]...)
	}
	if len(c.received) == c.size {
		message := c.received
		c.received = nil
		c.handle(ctx, channel, c.command, message)
	}
}

func (c *client) handle(ctx context.Context, channel uint32, command byte, message []byte) {
	switch command {
	case hidInit:
		c.stop(channel, errAborted)
		c.welcome(channel, message)
	case hidCancel:
		c.stop(channel, context.Canceled)
	case hidCBOR:
		c.begin(ctx, channel, message)
	default:
		c.fail(channel, errInvalidCommand)
	}
}

func (c *client) stop(channel uint32, why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.doing == channel && c.abort != nil {
		c.abort(why)
	}
}

func (c *client) welcome(channel uint32, nonce []byte) {
	if len(nonce) != 8 {
		c.fail(channel, errInvalidLength)
		return
	}
	given := channel
	if channel == allChannels {
		c.key.mu.Lock()
		c.key.channels++
		given = c.key.channels
		c.key.mu.Unlock()
	}
	capabilities := byte(0x04 | 0x08)
	if c.key.options.NoCBOR {
		capabilities = 0
	}
	answer := binary.BigEndian.AppendUint32(append([]byte{}, nonce...), given)
	c.send(channel, hidInit, append(answer, 2, 1, 0, 0, capabilities), None)
}

// begin starts a request: one at a time, whoever asks.
func (c *client) begin(ctx context.Context, channel uint32, message []byte) {
	fault := c.key.broken()
	select {
	case c.key.session <- struct{}{}:
	default:
		c.fail(channel, errChannelBusy)
		return
	}
	if fault == Busy {
		<-c.key.session
		c.fail(channel, errChannelBusy)
		return
	}
	ctx, abort := context.WithCancelCause(ctx)
	c.mu.Lock()
	c.doing, c.abort = channel, abort
	c.mu.Unlock()
	c.running.Go(func() {
		defer abort(nil)
		answer := c.key.command(ctx, message, func(state byte) { c.send(channel, hidKeepAlive, []byte{state}, None) })
		c.mu.Lock()
		c.doing = 0
		c.mu.Unlock()
		<-c.key.session
		if !errors.Is(context.Cause(ctx), errAborted) {
			c.send(channel, hidCBOR, fault.spoil(answer), fault)
		}
	})
}

func (c *client) fail(channel uint32, code byte) { c.send(channel, hidError, []byte{code}, None) }

// send cuts a message into reports. That nobody is there any more is for who
// reads the connection to see.
func (c *client) send(channel uint32, command byte, data []byte, fault Fault) {
	first := make([]byte, 7, reportSize)
	binary.BigEndian.PutUint32(first, channel)
	first[4] = command
	binary.BigEndian.PutUint16(first[5:], uint16(len(data)))
	n := min(len(data), reportSize-7)
	reports := [][]byte{append(first, data[:n]...)}
	for seq := 0; n < len(data); seq++ {
		more := min(len(data)-n, reportSize-5)
		r := binary.BigEndian.AppendUint32(nil, channel)
		reports = append(reports, append(append(r, byte(seq)), data[n:n+more]...))
		n += more
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	for _, r := range fault.misframe(reports) {
		if _, err := c.conn.Write(append(r, make([]byte, reportSize-len(r))...)); err != nil {
			return
		}
	}
}
