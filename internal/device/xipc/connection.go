package xipc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// requestBacklog is how many requests of a connection wait for their turn.
// A peer that sends more is not read until there is room.
const requestBacklog = 16

// connection is the server's side of one client.
type connection struct {
	service Service
	stream  *stream
	peer    Peer
}

// serve talks to the client until either end has had enough.
func (c *connection) serve(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = c.stream.conn.Close() })
	defer stop()
	defer c.recovered()
	endpoint, err := c.open(ctx)
	if err != nil {
		c.report("open a connection", err)
		return
	}
	defer endpoint.Closed()
	c.converse(ctx, cancel, endpoint)
}

// recovered keeps one connection's panic from ending the daemon.
func (c *connection) recovered() {
	if caught := recover(); caught != nil {
		// The value may hold what the person typed, so only its type is told.
		c.service.log("serve a connection", fmt.Errorf("panic: %T", caught))
	}
}

// open reads hello and answers it.
func (c *connection) open(ctx context.Context) (Endpoint, error) {
	f, err := c.stream.receive(c.stream.limit)
	if err != nil {
		return nil, c.refuse(0, fmt.Errorf("read hello: %w", err))
	}
	hello, err := helloFrom(f, c.service.Role)
	if err != nil {
		return nil, c.refuse(f.id, err)
	}
	endpoint, err := c.service.Handler.Open(ctx, c.peer, hello, c.event)
	if err != nil {
		return nil, errors.Join(err, c.stream.send(failure(f.id, shown(err))))
	}
	if err := c.stream.send(frame{kind: kindReply, id: f.id, name: f.name, body: wire.Dictionary{"v": agree(hello.V)}}); err != nil {
		endpoint.Closed()
		return nil, err
	}
	return endpoint, nil
}

// refuse tells the peer of a broken message where it broke one.
func (c *connection) refuse(id uint32, err error) error {
	if errors.Is(err, errProtocol) {
		_ = c.stream.send(failure(id, Failure{CodeProtocol, err.Error()}))
	}
	return err
}

func failure(id uint32, f Failure) frame {
	return frame{kind: kindFailure, id: id, name: f.Code, body: wire.Dictionary{"message": f.Message}}
}

func (c *connection) event(name string, body wire.Dictionary) error {
	return c.stream.send(frame{kind: kindEvent, name: name, body: body})
}

// converse answers requests in turn.
func (c *connection) converse(ctx context.Context, cancel context.CancelFunc, endpoint Endpoint) {
	in := &intake{connection: c, queue: make(chan frame, requestBacklog), through: make(chan struct{})}
	defer in.end() // after the cancel that closes the socket
	defer cancel()
	for {
		f, ok := in.next(ctx)
		if !ok {
			return
		}
		in.begin(ctx, cancel)
		err := c.reply(ctx, f, endpoint)
		in.settle()
		if err != nil {
			c.report("answer a request", err)
			return
		}
	}
}

// quick is how long a request may take before somebody looks whether the peer
// is still there.
const quick = 5 * time.Millisecond

// intake reads requests. While they are quick, the goroutine that answers them
// also reads them. Once one is not, a second goroutine reads for the rest of
// the connection, so that a peer that goes away ends the request under way.
type intake struct {
	*connection
	slow    *time.Timer   // of the request under way
	ahead   bool          // the second goroutine reads
	queue   chan frame    // from it
	through chan struct{} // closed when it is through
}

func (in *intake) next(ctx context.Context) (frame, bool) {
	if in.ahead {
		f, ok := <-in.queue
		return f, ok
	}
	f, err := in.request()
	if err != nil {
		in.report("read a request", in.refuse(0, err))
	}
	return f, err == nil && ctx.Err() == nil
}

func (in *intake) begin(ctx context.Context, cancel context.CancelFunc) {
	if !in.ahead {
		in.slow = time.AfterFunc(quick, func() { in.readAhead(ctx, cancel) })
	}
}

// settle is called when the request is answered.
func (in *intake) settle() {
	if !in.ahead {
		in.ahead = !in.slow.Stop()
		in.slow = nil
	}
}

// end waits for the second goroutine, after a panic as well.
func (in *intake) end() {
	if in.ahead || in.slow != nil && !in.slow.Stop() {
		<-in.through
	}
}

func (in *intake) readAhead(ctx context.Context, cancel context.CancelFunc) {
	defer close(in.through)
	defer close(in.queue)
	defer cancel()
	defer in.recovered()
	for {
		f, err := in.request()
		if err != nil {
			in.report("read a request", in.refuse(0, err))
			return
		}
		select {
		case in.queue <- f:
		case <-ctx.Done():
			return
		}
	}
}

func (c *connection) request() (frame, error) {
	f, err := c.stream.receive(0)
	if err == nil && f.kind != kindRequest {
		err = broken("a client sends requests only")
	}
	return f, err
}

func (c *connection) reply(ctx context.Context, f frame, endpoint Endpoint) error {
	if ctx.Err() != nil {
		return nil // the peer is gone: nobody waits for this
	}
	body, err := endpoint.Request(ctx, f.name, f.body)
	if err != nil {
		told := shown(err)
		if told.Code == CodeInternal {
			c.service.log("answer a request", fmt.Errorf("request %q: %w", f.name, err))
		}
		return c.stream.send(failure(f.id, told))
	}
	if body == nil {
		body = wire.Dictionary{}
	}
	err = c.stream.send(frame{kind: kindReply, id: f.id, name: f.name, body: body})
	if err == nil || errors.Is(err, ErrInterrupted) {
		return err
	}
	c.service.log("answer a request", err) // a reply that cannot be sent: the endpoint's mistake
	return c.stream.send(failure(f.id, shown(err)))
}

// report logs what is more than a peer that hung up.
func (c *connection) report(msg string, err error) {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
		return
	}
	c.service.log(msg, fmt.Errorf("%s socket, user %d, process %d: %w", c.service.Role, c.peer.UID, c.peer.PID, err))
}
