package authhost

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// op is the kind of a frame between the engine and a host process.
type op uint8

// What the engine asks of a host.
const (
	opLoad op = iota + 1
	opCreate
	opInvoke
	opDeactivate
	opDestroy
	opQuit
)

// What a host says to the engine.
const (
	opLoaded op = iota + 17
	opCreated
	opInvoked
	opResult
	opInterrupt
	opDeactivated
	opDestroyed
	opFault
)

// Bounds of a frame.
const (
	maxFrame  = 1 << 20 // bytes
	maxValues = 1024    // entries of a map
)

var errFrame = errors.New("a frame that does not follow the protocol")

// message is a frame of a host, as far as its kind has the parts.
type message struct {
	op             op
	id             uint32 // of the plug-in for opLoaded, of the mechanism for all others
	code           uint32 // an OSStatus, or an AuthorizationResult
	hints, context values
	text           string
}

// writer builds the payload of a frame.
type writer []byte

func (w *writer) number(n uint32) { *w = binary.BigEndian.AppendUint32(*w, n) }

func (w *writer) bytes(b []byte) {
	w.number(uint32(len(b)))
	*w = append(*w, b...)
}

func (w *writer) values(v values) {
	w.number(uint32(len(v)))
	for _, key := range slices.Sorted(maps.Keys(v)) {
		w.bytes([]byte(key))
		w.number(v[key].flags)
		w.bytes(v[key].data)
	}
}

// frame is the payload with its head.
func (w writer) frame(kind op) ([]byte, error) {
	if len(w)+1 > maxFrame {
		return nil, fmt.Errorf("a frame of %d bytes, at most %d", len(w)+1, maxFrame)
	}
	out := binary.BigEndian.AppendUint32(nil, uint32(len(w)+1))
	return append(append(out, byte(kind)), w...), nil
}

// parser takes the payload of a frame apart; the first failure sticks.
type parser struct {
	rest []byte
	bad  bool
}

func (p *parser) number() uint32 {
	if len(p.rest) < 4 {
		p.bad, p.rest = true, nil
		return 0
	}
	n := binary.BigEndian.Uint32(p.rest)
	p.rest = p.rest[4:]
	return n
}

func (p *parser) bytes() []byte {
	n := p.number()
	if uint64(n) > uint64(len(p.rest)) {
		p.bad, p.rest = true, nil
		return nil
	}
	out := p.rest[:n:n]
	p.rest = p.rest[n:]
	return out
}

func (p *parser) values() values {
	n := p.number()
	if n > maxValues {
		p.bad = true
		return nil
	}
	out := make(values, n)
	for range n {
		key := string(p.bytes())
		flags := p.number()
		data := p.bytes()
		if p.bad {
			return nil
		}
		if _, twice := out[key]; twice {
			p.bad = true
			return nil
		}
		out[key] = value{flags, slices.Clone(data)}
	}
	return out
}

// readMessage reads one frame of a host. io.EOF means that it ended between
// two frames.
func readMessage(r io.Reader) (message, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return message{}, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size < 1 || size > maxFrame {
		return message{}, fmt.Errorf("%w: %d bytes, allowed are 1 to %d", errFrame, size, maxFrame)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r, body); err != nil {
		return message{}, fmt.Errorf("%w: cut short", errFrame)
	}
	return parseMessage(op(body[0]), body[1:])
}

func parseMessage(kind op, body []byte) (message, error) {
	p := &parser{rest: body}
	m := message{op: kind, id: p.number()}
	switch kind {
	case opLoaded:
		m.code, m.text = p.number(), string(p.bytes())
	case opCreated, opInvoked, opDestroyed:
		m.code = p.number()
	case opResult:
		m.code, m.hints, m.context = p.number(), p.values(), p.values()
	case opInterrupt, opDeactivated:
	case opFault:
		m.text = string(p.bytes())
	default:
		return message{}, fmt.Errorf("%w: unknown kind %d", errFrame, kind)
	}
	if p.bad || len(p.rest) != 0 {
		return message{}, fmt.Errorf("%w: kind %d does not have its parts", errFrame, kind)
	}
	return m, nil
}
