package plist

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Bounds of an input. A profile is a few kilobytes, a dozen levels deep.
const (
	MaxSize  = 1 << 20 // bytes
	MaxDepth = 64      // dictionaries and arrays inside each other
	maxNodes = 1 << 17 // values, each counted as often as it is referred to
)

// Kind is the type of a value.
type Kind int

// The kinds of a property list.
const (
	Dict Kind = iota + 1
	Array
	String
	Integer
	Real
	Boolean
	Data
	Date
)

var kindNames = [...]string{"nothing", "dict", "array", "string", "integer", "real", "boolean", "data", "date"}

// String is the kind as XML names it, and "boolean".
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return fmt.Sprintf("kind %d", int(k))
	}
	return kindNames[k]
}

// Position is a place in an XML file: line and column, counted from 1, the
// column in bytes. The zero Position is that of every value in a binary file.
type Position struct{ Line, Column int }

// IsZero reports whether the position is not known.
func (p Position) IsZero() bool { return p == Position{} }

// String is "line 14, column 9", and "" for an unknown position.
func (p Position) String() string {
	if p.IsZero() {
		return ""
	}
	return fmt.Sprintf("line %d, column %d", p.Line, p.Column)
}

// Value is one value of the tree. Which field holds it, its Kind says.
type Value struct {
	Kind    Kind
	At      Position
	Text    string    // String
	Float   float64   // Real; can be NaN or infinite
	Bool    bool      // Boolean
	Bytes   []byte    // Data
	Time    time.Time // Date, in UTC
	Items   []Value   // Array
	Entries []Entry   // Dict, in the order of the file

	negative  bool // Integer
	magnitude uint64
}

// Entry is a key of a dictionary with its value. No key stands twice.
type Entry struct {
	Key   string
	At    Position // of the key
	Value Value
}

// Get finds a key of a Dict.
func (v Value) Get(key string) (Entry, bool) {
	for _, e := range v.Entries {
		if e.Key == key {
			return e, true
		}
	}
	return Entry{}, false
}

// Int64 is the value of an Integer that fits, and false for all else.
func (v Value) Int64() (int64, bool) {
	switch {
	case v.Kind != Integer:
		return 0, false
	case v.negative:
		return int64(-v.magnitude), true
	}
	return int64(v.magnitude), v.magnitude <= math.MaxInt64
}

// Number is the value of an Integer or a Real, and false for all else. An
// integer past 2^53 is rounded.
func (v Value) Number() (float64, bool) {
	switch {
	case v.Kind == Real:
		return v.Float, true
	case v.Kind != Integer:
		return 0, false
	case v.negative:
		return -float64(v.magnitude), true
	}
	return float64(v.magnitude), true
}

// WholeNumber is an Integer, for those who make a tree by themselves.
func WholeNumber(negative bool, magnitude uint64) Value {
	return Value{Kind: Integer, negative: negative && magnitude != 0, magnitude: magnitude}
}

// Decimal is the value of an Integer in all its digits, and "" for all else.
func (v Value) Decimal() string {
	switch {
	case v.Kind != Integer:
		return ""
	case v.negative:
		return "-" + strconv.FormatUint(v.magnitude, 10)
	}
	return strconv.FormatUint(v.magnitude, 10)
}

// Format is the form that a document was read from.
type Format int

// The two forms that are read.
const (
	XML Format = iota + 1
	Binary
)

// String is "xml" or "binary".
func (f Format) String() string {
	switch f {
	case XML:
		return "xml"
	case Binary:
		return "binary"
	}
	return "unknown"
}

// Document is a whole property list.
type Document struct {
	Format Format
	Root   Value
}

// Error says where a file is wrong. At is where the trouble starts and Noticed
// where a reader stumbles, if that is another place; both are zero in a binary
// file.
type Error struct {
	At, Noticed Position
	Problem     string // without values, which may be secrets
	Err         error  // the library's, if it came from there
}

// Error names the place and the problem.
func (e *Error) Error() string {
	s := e.Problem
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if !e.At.IsZero() {
		s = e.At.String() + ": " + s
	}
	if !e.Noticed.IsZero() && e.Noticed != e.At {
		s += " (noticed at " + e.Noticed.String() + ")"
	}
	return s
}

// Unwrap is the library's error.
func (e *Error) Unwrap() error { return e.Err }
