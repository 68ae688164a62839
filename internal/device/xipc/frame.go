package xipc

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// kind says what a frame is.
type kind uint8

const (
	kindRequest kind = 1
	kindReply   kind = 2
	kindFailure kind = 3 // its name is the code; id 0 is about the connection
	kindEvent   kind = 4 // its id is 0
)

// frame is one message: u32 length of what follows, u8 kind, u32 id, u8 length
// of the name, the name, a dictionary. Numbers are big endian.
type frame struct {
	kind kind
	id   uint32
	name string
	body wire.Dictionary
}

// lengthSize is the size of the length before a frame.
const lengthSize = 4

func (f frame) encode() ([]byte, error) {
	e := encoder{out: make([]byte, lengthSize, 256)}
	e.out = append(e.out, byte(f.kind))
	e.out = binary.BigEndian.AppendUint32(e.out, f.id)
	e.key(f.name)
	e.value("", f.body, 0)
	if e.err == nil && len(e.out)-lengthSize > MaxFrame {
		e.refuse("%d bytes, at most %d", len(e.out)-lengthSize, MaxFrame)
	}
	if e.err != nil {
		return nil, fmt.Errorf("encode %q: %w", f.name, e.err)
	}
	binary.BigEndian.PutUint32(e.out, uint32(len(e.out)-lengthSize))
	return e.out, nil
}

// decodeFrame reads what follows the length.
func decodeFrame(payload []byte) (frame, error) {
	d := decoder{in: payload}
	f := frame{kind: kind(d.byte()), id: d.uint32()}
	f.name = d.text(int(d.byte()))
	if d.err == nil && (f.kind < kindRequest || f.kind > kindEvent) {
		d.refuse("unknown kind of message %d", f.kind)
	}
	body, ok := d.value(0).(wire.Dictionary)
	if d.err == nil && !ok {
		d.refuse("a message without a dictionary")
	}
	if d.err == nil && len(d.in) != 0 {
		d.refuse("%d bytes after the end", len(d.in))
	}
	f.body = body
	return f, d.err
}

// stream is a connection that speaks in frames.
type stream struct {
	conn  *net.UnixConn
	in    *bufio.Reader
	limit time.Duration // for the rest of a started frame, and for each write

	writing sync.Mutex
}

func newStream(conn *net.UnixConn, limit time.Duration) *stream {
	return &stream{conn: conn, in: bufio.NewReader(conn), limit: limit}
}

// receive waits for the next frame, at most patience for its first byte (zero:
// for ever) and at most the limit for the rest.
func (s *stream) receive(patience time.Duration) (frame, error) {
	if err := s.readWithin(patience); err != nil {
		return frame{}, err
	}
	if _, err := s.in.Peek(1); err != nil {
		return frame{}, err
	}
	if err := s.readWithin(s.limit); err != nil {
		return frame{}, err
	}
	return readFrame(s.in)
}

// readFrame reads a whole frame. No length makes it take more than MaxFrame.
func readFrame(in io.Reader) (frame, error) {
	var head [lengthSize]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return frame{}, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > MaxFrame {
		return frame{}, broken("a message of %d bytes, at most %d", n, MaxFrame)
	}
	payload := make([]byte, n)
	if _, err := io.ReadFull(in, payload); err != nil {
		return frame{}, err
	}
	return decodeFrame(payload)
}

func (s *stream) readWithin(d time.Duration) error {
	var until time.Time
	if d > 0 {
		until = time.Now().Add(d)
	}
	return s.conn.SetReadDeadline(until)
}

// send writes a frame. A peer that does not take it within the limit is cut:
// what was half-written cannot be taken back. Where the peer has gone, its last
// words may still be unread, so the reader is left to find the end.
func (s *stream) send(f frame) error {
	raw, err := f.encode()
	if err != nil {
		return err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.conn.SetWriteDeadline(time.Now().Add(s.limit)); err != nil {
		return fmt.Errorf("%w: send %q: %w", ErrInterrupted, f.name, err)
	}
	if _, err := s.conn.Write(raw); err != nil {
		if !gone(err) {
			_ = s.conn.Close()
		}
		return fmt.Errorf("%w: send %q: %w", ErrInterrupted, f.name, err)
	}
	return nil
}

// gone says that a write failed because an end is closed: the other, or our
// own by the reader, which then knows why.
func gone(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, net.ErrClosed)
}
