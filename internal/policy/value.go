package policy

import (
	"encoding/json"
	"fmt"
	"io"
)

// Origin says where a value comes from. The zero Origin is that of a Policy
// that nobody made with FromDocument.
type Origin int

// The origins.
const (
	Default Origin = iota + 1 // the profile says nothing
	Forced                    // the profile says so
)

// String is the origin as check-in reports it: "default" or "forced".
func (o Origin) String() string {
	switch o {
	case Default:
		return "default"
	case Forced:
		return "forced"
	}
	return "unset"
}

// Value is a setting in force.
type Value[T any] struct {
	V      T
	Origin Origin
}

// Secret is a text that prints as a placeholder.
type Secret string

const hidden = "[hidden]"

// String hides the secret from logs and errors.
func (Secret) String() string { return hidden }

// Format hides the secret from every verb, %d and %#v included.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// MarshalJSON hides the secret from JSON, and so from zap's reflection.
func (Secret) MarshalJSON() ([]byte, error) { return json.Marshal(hidden) }

// Reveal is the secret itself, for the request that needs it.
func (s Secret) Reveal() string { return string(s) }
