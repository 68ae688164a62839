package scim

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind is what an attribute's values are.
type Kind int

// The kinds.
const (
	Text   Kind = iota // compared as it stands, after Attribute.Fold
	Moment             // a time: microseconds since the Unix epoch
	Flag               // true or false
)

// Attribute is one that may be asked for.
type Attribute struct {
	// Column is where it stands, in SQL that SQLite and PostgreSQL both take. It
	// is the program's own text and never a caller's.
	Column string
	Kind   Kind
	// Fold is how a value is written in the column; nil: as it is.
	Fold func(string) string
	// Only are the operators that it takes; none: all of its kind.
	Only []Operator
	// Within is the SQL around a comparison with one of several values, with %s
	// for it; "" where there is one value.
	Within string
}

// takes are the operators of an attribute.
func (a Attribute) takes() []Operator {
	switch {
	case len(a.Only) > 0:
		return a.Only
	case a.Kind == Moment:
		return []Operator{Equal, NotEqual, Greater, GreaterOrEqual, Less, LessOrEqual, Present}
	case a.Kind == Flag:
		return []Operator{Equal, NotEqual, Present}
	}
	return []Operator{Equal, NotEqual, Contains, StartsWith, EndsWith, Present}
}

// RefusedError is a comparison that cannot be made.
type RefusedError struct{ What string }

// Error says which, and what is allowed.
func (e *RefusedError) Error() string { return e.What }

func refused(format string, args ...any) error { return &RefusedError{fmt.Sprintf(format, args...)} }

// maxValue is the longest value, in bytes.
const maxValue = 400

// Where is the expression as a condition, with its values as arguments, the
// first of which is $first. Attributes are known by their names in any case.
// The error is a *RefusedError.
func Where(e Expression, known map[string]Attribute, first int) (condition string, args []any, err error) {
	w := &writer{known: known, next: first}
	condition, err = w.write(e)
	return condition, w.args, err
}

type writer struct {
	known map[string]Attribute
	next  int
	args  []any
}

func (w *writer) write(e Expression) (string, error) {
	if e.Not {
		inner, err := w.write(e.Parts[0])
		return "NOT " + inner, err
	}
	if e.Join == "" {
		return w.comparison(e.Comparison)
	}
	parts := make([]string, 0, len(e.Parts))
	for _, p := range e.Parts {
		text, err := w.write(p)
		if err != nil {
			return "", err
		}
		parts = append(parts, text)
	}
	return "(" + strings.Join(parts, " "+strings.ToUpper(e.Join)+" ") + ")", nil
}

func (w *writer) find(name string) (Attribute, error) {
	for key, a := range w.known {
		if strings.EqualFold(key, name) {
			return a, nil
		}
	}
	return Attribute{}, refused("%q cannot be asked for here: want one of %s", name, strings.Join(slices.Sorted(maps.Keys(w.known)), ", "))
}

func (w *writer) comparison(c Comparison) (string, error) {
	a, err := w.find(c.Attribute)
	if err != nil {
		return "", err
	}
	if !slices.Contains(a.takes(), c.Operator) {
		return "", refused("%s does not take %s: want one of %v", c.Attribute, c.Operator, a.takes())
	}
	// One of several values is not equal to v when none is.
	negate := a.Within != "" && c.Operator == NotEqual
	if negate {
		c.Operator = Equal
	}
	out, err := w.compare(a, c)
	if a.Within != "" {
		out = fmt.Sprintf(a.Within, out)
	}
	if negate {
		out = "NOT " + out
	}
	return out, err
}

func (w *writer) compare(a Attribute, c Comparison) (string, error) {
	if c.Operator == Present {
		if a.Kind == Text {
			return "(" + a.Column + " <> '')", nil
		}
		return "(" + a.Column + " IS NOT NULL)", nil
	}
	value, err := a.value(c)
	if err != nil {
		return "", err
	}
	kind := map[Kind]string{Text: "TEXT", Moment: "BIGINT", Flag: "BOOLEAN"}[a.Kind]
	// PostgreSQL is told what the argument is; SQLite is not asked.
	arg := "CAST($" + strconv.Itoa(w.next) + " AS " + kind + ")"
	w.args, w.next = append(w.args, value), w.next+1
	switch c.Operator {
	case Contains:
		return fmt.Sprintf("(replace(%s, %s, '') <> %[1]s)", a.Column, arg), nil
	case StartsWith:
		return fmt.Sprintf("(substr(%s, 1, length(%s)) = %[2]s)", a.Column, arg), nil
	case EndsWith:
		return fmt.Sprintf("(length(%s) >= length(%s) AND substr(%[1]s, length(%[1]s) - length(%[2]s) + 1) = %[2]s)", a.Column, arg), nil
	}
	sign := map[Operator]string{Equal: "=", NotEqual: "<>", Greater: ">", GreaterOrEqual: ">=", Less: "<", LessOrEqual: "<="}[c.Operator]
	return fmt.Sprintf("(%s %s %s)", a.Column, sign, arg), nil
}

// value is what the comparison's value is in the database.
func (a Attribute) value(c Comparison) (any, error) {
	switch {
	case a.Kind == Flag && c.Quoted, a.Kind != Flag && !c.Quoted:
		return nil, refused("%s %s %s: want %s", c.Attribute, c.Operator, Expression{Comparison: c}.shown(), map[bool]string{true: "true or false without quotes", false: "a value in double quotes"}[a.Kind == Flag])
	case a.Kind == Flag:
		return c.Value == "true", nil
	case a.Kind == Moment:
		t, err := time.Parse(time.RFC3339Nano, c.Value)
		if err != nil {
			return nil, refused("%s: %q is no RFC 3339 time, such as 2026-11-24T09:00:00Z", c.Attribute, cut(c.Value))
		}
		return t.UnixMicro(), nil
	case c.Value == "" || len(c.Value) > maxValue || strings.ContainsRune(c.Value, 0):
		return nil, refused("%s: want 1 to %d bytes of text; %s pr asks whether there is one", c.Attribute, maxValue, c.Attribute)
	}
	if a.Fold != nil {
		return a.Fold(c.Value), nil
	}
	return c.Value, nil
}

func (e Expression) shown() string {
	if e.Quoted {
		return quote(cut(e.Value))
	}
	return e.Value
}

func cut(s string) string {
	if len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "") + "…"
	}
	return s
}

func quote(s string) string {
	raw, err := json.Marshal(s)
	if err != nil { // a string always has a form
		return `""`
	}
	return string(raw)
}
