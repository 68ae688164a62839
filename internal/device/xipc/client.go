package xipc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// defaultTimeout bounds an operation whose context has no deadline, the rest
// of a started frame and each write.
const defaultTimeout = 5 * time.Second

// eventBacklog is how many events wait for a reader before the client gives up.
const eventBacklog = 64

// ClientOptions say who is calling and whom it expects.
type ClientOptions struct {
	Role       string   // wire.RolePrompt, wire.RoleGate or wire.RoleControl
	Locales    []string // preferred first
	ServerUIDs []uint32 // who may own the other end; nil: DefaultServerUIDs
	// Timeout bounds Dial and each Request whose context has no deadline.
	// Zero is five seconds.
	Timeout time.Duration
}

func (o ClientOptions) timeout() time.Duration {
	if o.Timeout <= 0 {
		return defaultTimeout
	}
	return o.Timeout
}

// Message is an event from the other end.
type Message struct {
	Name string
	Body wire.Dictionary
}

// Client is one connection to a service. Its methods may be used from several
// goroutines at once.
type Client struct {
	stream  *stream
	timeout time.Duration
	events  chan Message
	ended   chan struct{} // closed when the reader is through

	mu      sync.Mutex
	last    uint32
	waiting map[uint32]chan frame
	over    error // why the connection is over
}

// Dial connects to the service at path, checks who owns the other end and says
// hello. Errors wrap ErrInterrupted where trying again may help, and ErrInvalid
// where it does not.
func Dial(ctx context.Context, path string, o ClientOptions) (*Client, error) {
	ctx, cancel := withLimit(ctx, o.timeout())
	defer cancel()
	conn, err := connect(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("%w: connect to %s: %w", ErrInterrupted, path, err)
	}
	if err := o.checkServer(conn); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("%w: connect to %s: %w", ErrInvalid, path, err)
	}
	c := newClient(conn, o.timeout())
	if err := c.hello(ctx, o); err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("say hello at %s: %w", path, err)
	}
	return c, nil
}

func withLimit(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if _, there := ctx.Deadline(); there {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, limit)
}

// connectPause is how long a client waits when the server's queue is full,
// which Linux reports at once instead of waiting as macOS does.
const connectPause = 50 * time.Millisecond

func connect(ctx context.Context, path string) (*net.UnixConn, error) {
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
		if err == nil {
			return muted(conn.(*net.UnixConn))
		}
		if !errors.Is(err, syscall.EAGAIN) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("the service does not accept: %w", context.Cause(ctx))
		case <-time.After(connectPause):
		}
	}
}

func muted(conn *net.UnixConn) (*net.UnixConn, error) {
	raw, err := conn.SyscallConn()
	if err == nil {
		var failed error
		err = errors.Join(raw.Control(func(fd uintptr) { failed = quiet(int(fd)) }), failed)
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("turn SIGPIPE off: %w", err)
	}
	return conn, nil
}

func newClient(conn *net.UnixConn, timeout time.Duration) *Client {
	c := &Client{stream: newStream(conn, timeout), timeout: timeout, events: make(chan Message, eventBacklog),
		ended: make(chan struct{}), waiting: map[uint32]chan frame{}}
	go c.read()
	return c
}

func (c *Client) hello(ctx context.Context, o ClientOptions) error {
	body, err := c.Request(ctx, wire.MsgHello, Hello{V: wire.Version, Role: o.Role, Locales: o.Locales}.dictionary())
	return greeted(body, err)
}

// greeted says what the answer to hello means for the connection.
func greeted(body wire.Dictionary, err error) error {
	var refused *RemoteError
	if errors.As(err, &refused) && refused.Code != CodeBusy {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if err == nil {
		if err = agreed(body); err != nil {
			err = fmt.Errorf("%w: %w", ErrInvalid, err)
		}
	}
	return err
}

// Request sends a request and waits for its reply. It returns a *RemoteError
// when the other end refuses, and an error that wraps ErrInterrupted or
// ErrInvalid when the connection is over. Where the context ends first, the
// connection stays and a late reply is dropped.
func (c *Client) Request(ctx context.Context, name string, body wire.Dictionary) (wire.Dictionary, error) {
	ctx, cancel := withLimit(ctx, c.timeout)
	defer cancel()
	id, answer, err := c.expect()
	if err != nil {
		return nil, fmt.Errorf("request %q: %w", name, err)
	}
	defer c.forget(id)
	if err := c.stream.send(frame{kind: kindRequest, id: id, name: name, body: body}); err != nil && !gone(err) {
		return nil, fmt.Errorf("request %q: %w", name, err)
	} // where the other end is gone, the reader is about to say why
	select {
	case f := <-answer:
		return result(f)
	case <-ctx.Done():
		return nil, fmt.Errorf("request %q: %w", name, context.Cause(ctx))
	case <-c.ended:
	}
	select { // the reply may have been the last thing to arrive
	case f := <-answer:
		return result(f)
	default:
		return nil, fmt.Errorf("request %q: %w", name, c.reason())
	}
}

func result(f frame) (wire.Dictionary, error) {
	if f.kind == kindFailure {
		return nil, remote(f)
	}
	return f.body, nil
}

func remote(f frame) *RemoteError {
	message, _ := f.body["message"].(string)
	return &RemoteError{Code: f.name, Message: message}
}

func (c *Client) expect() (uint32, chan frame, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over != nil {
		return 0, nil, c.over
	}
	c.last++
	for c.last == 0 || c.waiting[c.last] != nil { // 0 is the connection's own
		c.last++
	}
	answer := make(chan frame, 1)
	c.waiting[c.last] = answer
	return c.last, answer, nil
}

func (c *Client) forget(id uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, id)
}

func (c *Client) reason() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.over
}

// Events are the messages that the other end sends by itself. The channel is
// closed when the connection is over. A caller that expects events must read
// them: with 64 unread ones the connection is cut.
func (c *Client) Events() <-chan Message { return c.events }

// Close ends the connection. Requests under way return ErrInvalid.
func (c *Client) Close() error {
	c.end(fmt.Errorf("%w: closed", ErrInvalid))
	<-c.ended
	return nil
}

// end closes the connection and keeps the first reason for it.
func (c *Client) end(why error) {
	c.mu.Lock()
	if c.over == nil {
		c.over = why
	}
	c.mu.Unlock()
	_ = c.stream.conn.Close()
}

// read takes what arrives until the connection is over. A panic here would
// take the host of the plug-in down, so it only ends the connection.
func (c *Client) read() {
	defer close(c.ended)
	defer close(c.events)
	defer func() {
		if caught := recover(); caught != nil {
			c.end(fmt.Errorf("%w: the reader failed", ErrInvalid))
		}
	}()
	for {
		f, err := c.stream.receive(0)
		if err == nil {
			err = c.dispatch(f)
		}
		if err != nil {
			c.end(ending(err))
			return
		}
	}
}

// ending says what an error from the stream means for the connection.
func ending(err error) error {
	var told *RemoteError
	switch {
	case errors.As(err, &told) && told.Code != CodeBusy, errors.Is(err, errProtocol):
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	default:
		return fmt.Errorf("%w: %w", ErrInterrupted, err)
	}
}

func (c *Client) dispatch(f frame) error {
	switch f.kind {
	case kindEvent:
		return c.deliver(Message{Name: f.name, Body: f.body})
	case kindReply, kindFailure:
		return c.answer(f)
	default:
		// Refused by default: a service never asks its clients.
		return broken("a request from the service")
	}
}

func (c *Client) deliver(m Message) error {
	select {
	case c.events <- m:
		return nil
	default:
		return fmt.Errorf("%d events unread", eventBacklog)
	}
}

// answer hands a reply to its request. One that nobody waits for any more is
// late, and dropped.
func (c *Client) answer(f frame) error {
	if f.id == 0 && f.kind == kindFailure {
		return remote(f)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if waiting := c.waiting[f.id]; waiting != nil {
		delete(c.waiting, f.id)
		waiting <- f
	}
	return nil
}
