package policy

import (
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/plist"
)

// Kind is what a key holds.
type Kind int

// The kinds.
const (
	Text    Kind = iota + 1 // <string>
	URL                     // <string>, https
	Number                  // <real> or <integer>, in the key's unit
	Boolean                 // <true/> or <false/>
	Choice                  // <string>, one of Choices
	Names                   // <array> of <string>: account names or "*"
	Choices                 // <array> of <string>: some of Choices, or "*"
)

// String is the kind as docs/settings.md names it.
func (k Kind) String() string {
	switch k {
	case Text, Choice:
		return "string"
	case URL:
		return "string (https URL)"
	case Number:
		return "real or integer"
	case Boolean:
		return "boolean"
	case Names, Choices:
		return "array of strings"
	}
	return "unknown"
}

// Unit is what a number counts.
type Unit string

// The units.
const (
	Hours   Unit = "hours"
	Minutes Unit = "minutes"
	Days    Unit = "days"
)

// Definition is one row of the table.
type Definition struct {
	Key      string
	Kind     Kind
	Unit     Unit // of a Number
	Required bool
	Secret   bool
	Default  any      // as Effective shows it; nil for a required key
	Min, Max float64  // of a Number, both allowed
	Choices  []string // of Choice and Choices
	Since    string   // the version of Latchkey
	Doc      string   // one sentence
}

// Allowed is what a person may write, in words.
func (d Definition) Allowed() string {
	switch d.Kind {
	case URL:
		return "a <string> with an https URL, such as https://example.okta.com"
	case Number:
		return "a <real> or <integer> from " + number(d.Min) + " to " + number(d.Max) + " " + string(d.Unit)
	case Boolean:
		return "<true/> or <false/>"
	case Choice:
		return "a <string>, one of " + strings.Join(d.Choices, ", ")
	case Names:
		return "an <array> of <string>, each a local account's short name, or * for all"
	case Choices:
		return "an <array> of <string>: * alone, or some of " + strings.Join(d.Choices, ", ")
	}
	if d.Required {
		return "a <string> that is not empty"
	}
	return "a <string>"
}

// Definitions is the table: every key there is, in the order of the docs.
func Definitions() []Definition {
	all := settings()
	out := make([]Definition, len(all))
	for i, s := range all {
		out[i] = s.Definition
	}
	return out
}

// setting is a definition with the field that it fills.
type setting struct {
	Definition
	preset func(*Policy)
	read   func(*Policy, plist.Value) (objection string, ok bool)
	show   func(*Policy) (any, Origin)
}

// reader turns a value into the type of a field, or says in a few words why
// not.
type reader[T any] func(Definition, plist.Value) (v T, objection string, ok bool)

// bind ties a definition to a field of the policy.
func bind[T any](d Definition, preset T, field func(*Policy) *Value[T], read reader[T], show func(T) any) setting {
	if !d.Required {
		d.Default = show(preset)
	}
	return setting{
		Definition: d,
		preset:     func(p *Policy) { *field(p) = Value[T]{preset, Default} },
		read: func(p *Policy, v plist.Value) (string, bool) {
			value, objection, ok := read(d, v)
			if ok {
				*field(p) = Value[T]{value, Forced}
			}
			return objection, ok
		},
		show: func(p *Policy) (any, Origin) { return show(field(p).V), field(p).Origin },
	}
}
