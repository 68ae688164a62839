package ctap

import (
	"fmt"
	"io"
)

// How the values that hold secrets print, whatever prints them.
const (
	shownToken  = "[token of a security key]"
	shownSecret = "[secret shared with a security key]"
)

// Format hides the token from every verb of package fmt.
func (Token) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, shownToken) }

// Format hides the secret from every verb of package fmt.
func (shared) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, shownSecret) }
