package plist

import (
	"bytes"
	"encoding/binary"
	"math"
	"unicode/utf16"
)

// The layout of a binary property list, as Apple's CFBinaryPList.c writes it:
// an eight-byte header, objects, a table of their offsets, a 32-byte trailer.
const (
	headerSize  = 8
	trailerSize = 32
)

// walk is the strict pass over a binary property list. It follows every
// reference from the top with a budget, because an object may be referred to
// any number of times: 40 arrays of ten references each say 10^40 values.
type walk struct {
	data    []byte
	offsets []uint64
	refSize int
	nodes   int
	bytes   int // in strings and data, each counted as often as it is referred to
}

func surveyBinary(data []byte) (Value, error) {
	w, top, err := newWalk(data)
	if err != nil {
		return Value{}, err
	}
	return w.value(top, 0)
}

func newWalk(data []byte) (*walk, uint64, error) {
	if len(data) < headerSize+1+trailerSize || !bytes.HasPrefix(data, []byte("bplist00")) {
		return nil, 0, problem("this is no binary property list of version 00, or it is cut short")
	}
	end := uint64(len(data) - trailerSize)
	trailer := data[end:]
	offsetSize, refSize := int(trailer[6]), int(trailer[7])
	count, top, table := be(trailer[8:16]), be(trailer[16:24]), be(trailer[24:32])
	if !powerOfTwo(offsetSize) || !powerOfTwo(refSize) {
		return nil, 0, problem("the trailer names integers of a size that is not 1, 2, 4 or 8 bytes")
	}
	// Ordered so that nothing can overflow: count is at most the file's size.
	if table < headerSize || table >= end || count == 0 || count > end || table+count*uint64(offsetSize) != end || top >= count {
		return nil, 0, problem("the trailer does not fit the file")
	}
	w := &walk{data: data[:table], refSize: refSize, offsets: make([]uint64, count)}
	for i := range w.offsets {
		w.offsets[i] = be(data[table+uint64(i*offsetSize):][:offsetSize])
	}
	return w, top, nil
}

func powerOfTwo(size int) bool { return size == 1 || size == 2 || size == 4 || size == 8 }

// be reads up to eight bytes, the most significant first.
func be(b []byte) (n uint64) {
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return n
}

func (w *walk) value(ref uint64, depth int) (Value, error) {
	if depth > MaxDepth {
		return Value{}, problem("values are nested deeper than %d levels, or inside themselves", MaxDepth)
	}
	if w.nodes++; w.nodes > maxNodes {
		return Value{}, problem("the file says more than %d values", maxNodes)
	}
	body, err := w.object(ref)
	if err != nil {
		return Value{}, err
	}
	switch body[0] >> 4 {
	case 0xa:
		return w.array(body, depth)
	case 0xd:
		return w.dict(body, depth)
	}
	return w.leaf(body)
}

// object is the bytes from the start of an object to the table of offsets.
func (w *walk) object(ref uint64) ([]byte, error) {
	if ref >= uint64(len(w.offsets)) {
		return nil, problem("a reference leads to no object")
	}
	offset := w.offsets[ref]
	if offset < headerSize || offset >= uint64(len(w.data)) {
		return nil, problem("an object lies outside the file's objects")
	}
	return w.data[offset:], nil
}

func (w *walk) array(body []byte, depth int) (Value, error) {
	refs, err := w.refs(body, 1)
	if err != nil {
		return Value{}, err
	}
	v := Value{Kind: Array}
	for _, ref := range refs {
		item, err := w.value(ref, depth+1)
		if err != nil {
			return Value{}, err
		}
		v.Items = append(v.Items, item)
	}
	return v, nil
}

func (w *walk) dict(body []byte, depth int) (Value, error) {
	refs, err := w.refs(body, 2)
	if err != nil {
		return Value{}, err
	}
	v := Value{Kind: Dict}
	keys, values := refs[:len(refs)/2], refs[len(refs)/2:]
	seen := map[string]bool{}
	for i := range keys {
		key, err := w.key(keys[i])
		if err != nil {
			return Value{}, err
		}
		if seen[key] {
			return Value{}, problem("key %s stands twice in one dictionary", quoted(key))
		}
		seen[key] = true
		inner, err := w.value(values[i], depth+1)
		if err != nil {
			return Value{}, err
		}
		v.Entries = append(v.Entries, Entry{Key: key, Value: inner})
	}
	return v, nil
}

// key decodes a key, which must be a string.
func (w *walk) key(ref uint64) (string, error) {
	v, err := w.value(ref, MaxDepth)
	if err != nil {
		return "", err
	}
	if v.Kind != String {
		return "", problem("a key of a dictionary is no string")
	}
	body, err := w.object(ref)
	if err != nil {
		return "", err
	}
	unit := 1
	if body[0]>>4 == 6 {
		unit = 2
	}
	text, err := w.content(body, unit)
	if err != nil || unit == 1 {
		return string(text), err
	}
	units := make([]uint16, len(text)/2)
	for i := range units {
		units[i] = binary.BigEndian.Uint16(text[2*i:])
	}
	return string(utf16.Decode(units)), nil
}

// refs are the references of a collection, per of them for each element.
func (w *walk) refs(body []byte, per int) ([]uint64, error) {
	raw, err := w.content(body, per*w.refSize)
	if err != nil {
		return nil, err
	}
	refs := make([]uint64, len(raw)/w.refSize)
	for i := range refs {
		refs[i] = be(raw[i*w.refSize:][:w.refSize])
	}
	return refs, nil
}

// content is what stands behind an object's marker and count, unit bytes for
// each of the count.
func (w *walk) content(body []byte, unit int) ([]byte, error) {
	count, rest := uint64(body[0]&0x0f), body[1:]
	if count == 0x0f {
		// The count is an integer object of its own.
		if len(rest) == 0 || rest[0]>>4 != 1 || rest[0]&0x0f > 3 {
			return nil, problem("the length of an object cannot be read")
		}
		size := 1 << (rest[0] & 0x0f)
		if len(rest) < 1+size {
			return nil, problem("an object is cut short")
		}
		count, rest = be(rest[1:1+size]), rest[1+size:]
	}
	// Divided, not multiplied: a hostile count would overflow.
	if count > uint64(len(rest)/unit) {
		return nil, problem("an object is longer than the file")
	}
	content := rest[:int(count)*unit]
	if w.bytes += len(content); w.bytes > 8*MaxSize {
		return nil, problem("the file says more than %d bytes of values", 8*MaxSize)
	}
	return content, nil
}

func (w *walk) leaf(body []byte) (Value, error) {
	size := 1 << (body[0] & 0x0f)
	switch body[0] >> 4 {
	case 0x0:
		if body[0] == 0x08 || body[0] == 0x09 {
			return Value{Kind: Boolean}, nil
		}
	case 0x1:
		return fixed(Integer, body, size, wholeNumber(body, size))
	case 0x2:
		return fixed(Real, body, size, size == 4 || size == 8)
	case 0x3:
		return fixed(Date, body, size, body[0] == 0x33 && plausibleDate(body))
	case 0x4:
		_, err := w.content(body, 1)
		return Value{Kind: Data}, err
	case 0x5:
		text, err := w.content(body, 1)
		if err == nil && bytes.ContainsFunc(text, func(r rune) bool { return r >= 0x80 }) {
			err = problem("a string that is marked as ASCII is none")
		}
		return Value{Kind: String}, err
	case 0x6:
		_, err := w.content(body, 2)
		return Value{Kind: String}, err
	}
	return Value{}, problem("an object is of a type that no setting has (marker 0x%02x)", body[0])
}

func fixed(k Kind, body []byte, size int, good bool) (Value, error) {
	if !good || len(body) < 1+size {
		return Value{}, problem("a %s is malformed or cut short", k)
	}
	return Value{Kind: k}, nil
}

// wholeNumber: one to eight bytes, or sixteen whose value fits in 64 bits, which
// is how CoreFoundation writes what is past 2^63.
func wholeNumber(body []byte, size int) bool {
	if size <= 8 {
		return true
	}
	return size == 16 && len(body) > 16 && be(body[1:9]) == 0
}

// plausibleDate: a date is seconds since 2001 as a double; one that is not
// within ten thousand years has no time.Time.
func plausibleDate(body []byte) bool {
	const tenThousandYears = 3.2e11
	return len(body) > 8 && math.Abs(math.Float64frombits(be(body[1:9]))) < tenThousandYears
}
