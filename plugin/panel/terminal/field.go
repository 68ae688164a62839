package terminal

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// input is what has been typed into a field. Spaces and hyphens of a code are
// never part of it: they are drawn between the groups.
type input struct {
	field wire.Field
	typed []rune
	caret int
}

func newInput(f wire.Field) input {
	i := input{field: f}
	i.insert(f.Value)
	return i
}

// digits reports whether the field takes digits only.
func (i *input) digits() bool {
	return i.field.Digits > 0 && (i.field.Kind == wire.FieldCode || i.field.Kind == wire.FieldPIN)
}

// insert types the text at the caret, as far as it fits.
func (i *input) insert(text string) {
	for _, r := range text {
		if i.takes(r) {
			i.typed = append(i.typed[:i.caret], append([]rune{r}, i.typed[i.caret:]...)...)
			i.caret++
		}
	}
}

func (i *input) takes(r rune) bool {
	if i.digits() {
		return r >= '0' && r <= '9' && len(i.typed) < i.field.Digits
	}
	if i.field.Kind == wire.FieldCode && (r == ' ' || r == '-') {
		return false
	}
	return unicode.IsPrint(r) && len(i.value())+utf8.RuneLen(r) <= wire.MaxValue
}

func (i *input) value() string { return string(i.typed) }

// missing is how many digits are still wanted.
func (i *input) missing() int {
	if !i.digits() {
		return 0
	}
	return i.field.Digits - len(i.typed)
}

// edit takes a key that moves or deletes, and reports whether it was one.
func (i *input) edit(key string) bool {
	switch key {
	case "backspace", "ctrl+h":
		if i.caret > 0 {
			i.typed = append(i.typed[:i.caret-1], i.typed[i.caret:]...)
			i.caret--
		}
	case "delete":
		if i.caret < len(i.typed) {
			i.typed = append(i.typed[:i.caret], i.typed[i.caret+1:]...)
		}
	case "ctrl+u":
		i.typed, i.caret = nil, 0
	case "left":
		i.caret = max(0, i.caret-1)
	case "right":
		i.caret = min(len(i.typed), i.caret+1)
	case "home", "ctrl+a":
		i.caret = 0
	case "end", "ctrl+e":
		i.caret = len(i.typed)
	default:
		return false
	}
	return true
}

// groups is how many digits stand together: 3-3-3 for a PIN, 3-3 for a code,
// as they are read aloud; else fours.
func groups(digits int) int {
	if digits%3 == 0 {
		return 3
	}
	return 4
}

// drawn is the field as it is shown, and the column of the caret in it.
func (i *input) drawn() (text string, caret int) {
	switch {
	case i.field.Hidden():
		return strings.Repeat("•", len(i.typed)), i.caret
	case !i.digits():
		return i.value(), len([]rune(string(i.typed[:i.caret])))
	}
	size := groups(i.field.Digits)
	var b strings.Builder
	for at := range i.field.Digits {
		if at > 0 && at%size == 0 {
			b.WriteByte(' ')
		}
		if at < len(i.typed) {
			b.WriteRune(i.typed[at])
		} else {
			b.WriteByte('_')
		}
	}
	return b.String(), min(i.caret+i.caret/size, b.Len()-1)
}
