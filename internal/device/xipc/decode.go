package xipc

import (
	"encoding/binary"
	"math"
	"time"
	"unicode/utf8"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// decoder takes values from a message and accepts nothing that the encoder
// would not have written. The first error sticks; after it every read is empty.
type decoder struct {
	in     []byte
	values int
	err    error
}

func (d *decoder) refuse(format string, args ...any) {
	if d.err == nil {
		d.err = broken(format, args...)
	}
	d.in = nil
}

func (d *decoder) take(n int) []byte {
	if n > len(d.in) {
		d.refuse("%d bytes wanted, %d left", n, len(d.in))
		return nil
	}
	out := d.in[:n:n]
	d.in = d.in[n:]
	return out
}

func (d *decoder) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uint32() uint32 {
	if b := d.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) uint64() uint64 {
	if b := d.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// count is a length that what is left can still hold, with each entry of at
// least size bytes: nothing is set aside for what a peer only claims.
func (d *decoder) count(size int) int {
	n := d.uint32()
	if uint64(n)*uint64(size) > uint64(len(d.in)) {
		d.refuse("%d entries announced, %d bytes left", n, len(d.in))
		return 0
	}
	return int(n)
}

func (d *decoder) value(depth int) any {
	if d.values++; d.values > MaxValues {
		d.refuse("more than %d values", MaxValues)
		return nil
	}
	switch tag := d.byte(); tag {
	case tagBool:
		return d.bool()
	case tagInt:
		return int64(d.uint64())
	case tagUint:
		return d.uint64()
	case tagDouble:
		return d.double()
	case tagDate:
		return time.Unix(0, int64(d.uint64())).UTC()
	case tagData:
		return append([]byte{}, d.take(d.count(1))...)
	case tagString:
		return d.text(d.count(1))
	case tagUUID:
		var id [16]byte
		copy(id[:], d.take(len(id)))
		return id
	case tagArray:
		return d.array(depth)
	case tagDict:
		return d.dictionary(depth)
	default:
		d.refuse("unknown kind of value %#02x", tag)
		return nil
	}
}

func (d *decoder) bool() bool {
	b := d.byte()
	if b > 1 {
		d.refuse("a truth value of %d", b)
	}
	return b == 1
}

func (d *decoder) double() float64 {
	f := math.Float64frombits(d.uint64())
	if math.IsNaN(f) {
		d.refuse("a double that is not a number")
	}
	return f
}

func (d *decoder) text(n int) string {
	b := d.take(n)
	if !utf8.Valid(b) {
		d.refuse("text that is not UTF-8")
		return ""
	}
	return string(b)
}

func (d *decoder) array(depth int) []any {
	if depth >= MaxDepth {
		d.refuse("deeper than %d levels", MaxDepth)
		return nil
	}
	n := d.count(2)
	out := make([]any, 0, min(n, MaxValues))
	for range n {
		v := d.value(depth + 1)
		if d.err != nil {
			return nil
		}
		out = append(out, v)
	}
	return out
}

// dictionary wants its keys in ascending order, which leaves no room for a
// duplicate.
func (d *decoder) dictionary(depth int) wire.Dictionary {
	if depth >= MaxDepth {
		d.refuse("deeper than %d levels", MaxDepth)
		return nil
	}
	n := d.count(3)
	out := make(wire.Dictionary, min(n, MaxValues))
	last := ""
	for i := range n {
		key := d.text(int(d.byte()))
		if i > 0 && key <= last && d.err == nil {
			d.refuse("keys out of order or twice")
		}
		v := d.value(depth + 1)
		if d.err != nil {
			return nil
		}
		out[key], last = v, key
	}
	return out
}
