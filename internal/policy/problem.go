package policy

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/latchkey-mfa/latchkey/internal/plist"
)

// Severity says what a problem does to a profile.
type Severity int

// The severities.
const (
	Warning Severity = iota + 1 // the key is passed over or may not mean what was meant
	Error                       // the profile as a whole is not taken
)

// String is "warning" or "error".
func (s Severity) String() string {
	switch s {
	case Warning:
		return "warning"
	case Error:
		return "error"
	}
	return "unknown"
}

// MarshalText is String, for JSON.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Problem is one bad key. Line and Column count from 1 and are 0 where the
// place is not known, as in a binary file or for a key that is missing.
type Problem struct {
	Key      string   `json:"key"`
	Value    string   `json:"value"` // as it stood there, shortened; never a secret
	Allowed  string   `json:"allowed"`
	Hint     string   `json:"hint,omitempty"`
	Line     int      `json:"line,omitempty"`
	Column   int      `json:"column,omitempty"`
	Severity Severity `json:"severity"`
}

// String is the problem in one line: "line 19: DeviceRecoveryPINDuration is
// 9000; allowed: 1 to 7200 minutes".
func (p Problem) String() string {
	var b strings.Builder
	if p.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", p.Line)
	}
	b.WriteString(p.Key)
	if p.Value != "" {
		b.WriteString(" is " + p.Value)
	}
	b.WriteString("; allowed: " + p.Allowed)
	if p.Hint != "" {
		b.WriteString(" (" + p.Hint + ")")
	}
	return b.String()
}

// Problems are all of a profile, in the order of the file.
type Problems []Problem

// Failed reports whether one of them is an error, so that there is no policy.
func (ps Problems) Failed() bool {
	for _, p := range ps {
		if p.Severity == Error {
			return true
		}
	}
	return false
}

// problemAt starts a problem of a key that stands in the file.
func problemAt(e plist.Entry, severity Severity) Problem {
	return Problem{Key: shortened(e.Key), Value: shown(e.Value), Line: e.At.Line, Column: e.At.Column, Severity: severity}
}

// shown is a value as a person wrote it, bounded.
func shown(v plist.Value) string {
	switch v.Kind {
	case plist.String:
		return strconv.Quote(shortened(v.Text))
	case plist.Integer, plist.Real:
		n, _ := v.Number()
		return number(n)
	case plist.Boolean:
		return strconv.FormatBool(v.Bool)
	case plist.Array:
		return list(v)
	case plist.Dict:
		return fmt.Sprintf("a dictionary of %d", len(v.Entries))
	}
	return "a " + v.Kind.String()
}

func list(v plist.Value) string {
	const most = 8
	parts := make([]string, 0, most)
	for i, item := range v.Items {
		if i == most {
			parts = append(parts, fmt.Sprintf("and %d more", len(v.Items)-most))
			break
		}
		if item.Kind == plist.Array {
			parts = append(parts, "an array")
			continue
		}
		parts = append(parts, shown(item))
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// number has all its digits, unless that would be many.
func number(n float64) string {
	if math.Abs(n) < 1e15 {
		return strconv.FormatFloat(n, 'f', -1, 64)
	}
	return strconv.FormatFloat(n, 'g', -1, 64)
}

// shortened cuts at a character, so that what is left is valid text.
func shortened(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
