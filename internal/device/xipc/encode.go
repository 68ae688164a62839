package xipc

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// Bounds of one message.
const (
	MaxFrame  = 64 << 10 // bytes after the length
	MaxValues = 4096     // values of a message, at all depths
	MaxDepth  = 16       // dictionaries and arrays inside each other
	MaxKey    = 255      // bytes of a key or of a message's name
)

// The kinds of value, one byte before each.
const (
	tagBool   = 'b'
	tagInt    = 'i'
	tagUint   = 'u'
	tagDouble = 'f'
	tagDate   = 't'
	tagData   = 'd'
	tagString = 's'
	tagUUID   = 'U'
	tagArray  = 'a'
	tagDict   = 'm'
)

// encoder writes values in the one form that the decoder takes: keys sorted,
// numbers big endian. The first error sticks.
type encoder struct {
	out    []byte
	values int
	err    error
}

func (e *encoder) refuse(format string, args ...any) {
	if e.err == nil {
		e.err = fmt.Errorf(format, args...)
	}
}

func (e *encoder) value(at string, v any, depth int) {
	if e.values++; e.values > MaxValues {
		e.refuse("field %q: more than %d values in the message", at, MaxValues)
		return
	}
	switch v := v.(type) {
	case bool:
		e.out = append(e.out, tagBool, 0)
		if v {
			e.out[len(e.out)-1] = 1
		}
	case int64:
		e.number(tagInt, uint64(v))
	case uint64:
		e.number(tagUint, v)
	case float64:
		e.double(at, v)
	case time.Time:
		e.date(at, v)
	case []byte:
		e.bytes(tagData, v)
	case string:
		e.text(at, v)
	case [16]byte:
		e.out = append(append(e.out, tagUUID), v[:]...)
	case []any:
		e.array(at, v, depth)
	case wire.Dictionary:
		e.dictionary(at, v, depth)
	default:
		e.refuse("field %q: a %T cannot be sent", at, v)
	}
}

func (e *encoder) number(tag byte, v uint64) {
	e.out = binary.BigEndian.AppendUint64(append(e.out, tag), v)
}

// double refuses NaN: it equals nothing, not even itself, and no field wants it.
func (e *encoder) double(at string, v float64) {
	if math.IsNaN(v) {
		e.refuse("field %q: not a number", at)
	}
	e.number(tagDouble, math.Float64bits(v))
}

// date is in nanoseconds since 1970, as in XPC: years 1678 to 2262.
func (e *encoder) date(at string, v time.Time) {
	ns := v.UnixNano()
	if !time.Unix(0, ns).Equal(v) {
		e.refuse("field %q: a date outside the years 1678 to 2262", at)
	}
	e.number(tagDate, uint64(ns))
}

func (e *encoder) bytes(tag byte, v []byte) {
	e.length(tag, len(v))
	e.out = append(e.out, v...)
}

func (e *encoder) text(at, v string) {
	if !utf8.ValidString(v) {
		e.refuse("field %q: not UTF-8", at)
	}
	e.length(tagString, len(v))
	e.out = append(e.out, v...)
}

func (e *encoder) length(tag byte, n int) {
	if n > MaxFrame {
		e.refuse("a value of %d bytes, at most %d", n, MaxFrame)
		return
	}
	e.out = binary.BigEndian.AppendUint32(append(e.out, tag), uint32(n))
}

func (e *encoder) array(at string, v []any, depth int) {
	if depth >= MaxDepth {
		e.refuse("field %q: deeper than %d levels", at, MaxDepth)
		return
	}
	e.length(tagArray, len(v))
	for _, item := range v {
		if e.err != nil {
			return
		}
		e.value(at, item, depth+1)
	}
}

func (e *encoder) dictionary(at string, v wire.Dictionary, depth int) {
	if depth >= MaxDepth {
		e.refuse("field %q: deeper than %d levels", at, MaxDepth)
		return
	}
	keys := make([]string, 0, len(v))
	for key := range v {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	e.length(tagDict, len(v))
	for _, key := range keys {
		if e.err != nil {
			return
		}
		e.key(key)
		e.value(key, v[key], depth+1)
	}
}

func (e *encoder) key(key string) {
	if len(key) > MaxKey || !utf8.ValidString(key) {
		e.refuse("key %q: not UTF-8 of at most %d bytes", key, MaxKey)
		return
	}
	e.out = append(append(e.out, byte(len(key))), key...)
}
