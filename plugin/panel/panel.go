package panel

import (
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// Panel draws one conversation.
type Panel interface {
	// Show replaces the drawn screen. It never blocks.
	Show(wire.Screen)
	// Acts is what the person did. It is closed when the panel can draw no
	// longer.
	Acts() <-chan wire.Act
	// Close removes the panel and gives back what it drew on.
	Close() error
}

// Clean is text without control characters but line ends, and without those that
// turn the direction of writing or hide what follows: names and messages come
// from outside.
func Clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t':
			return ' '
		case r < ' ', r >= 0x7f && r < 0xa0, r == '\ufffd',
			r >= '\u200b' && r <= '\u200f', r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
			return -1
		}
		return r
	}, text)
}

// OneLine is Clean, on one line.
func OneLine(text string) string { return strings.ReplaceAll(Clean(text), "\n", " ") }
