package scim

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Bounds of an expression.
const (
	MaxLength = 2000 // bytes
	MaxDepth  = 10   // of parentheses and nots
	MaxTerms  = 50   // comparisons
)

// SyntaxError is an expression that is none, with the place in it.
type SyntaxError struct {
	At   int // byte, from 0
	What string
}

// Error says what was found where, and how it should look.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf(`at character %d: %s; an expression looks like severity eq "WARN" and published gt "2026-11-24T09:00:00Z"`, e.At+1, e.What)
}

// kinds of tokens.
const (
	tokenEnd   = iota
	tokenWord  // an attribute, an operator, and, or, not, true or false
	tokenText  // in quotes
	tokenOpen  // (
	tokenClose // )
)

type token struct {
	kind int
	at   int
	text string // without the quotes and escapes
}

// lex cuts an expression into tokens; the last is tokenEnd.
func lex(expression string) (out []token, err error) {
	if len(expression) > MaxLength {
		return nil, &SyntaxError{MaxLength, fmt.Sprintf("the expression has %d bytes, at most %d are read", len(expression), MaxLength)}
	}
	if !utf8.ValidString(expression) || strings.ContainsRune(expression, 0) {
		return nil, &SyntaxError{0, "the expression is no text"}
	}
	for at := 0; at < len(expression); {
		switch c := expression[at]; {
		case c == ' ' || c == '\t':
			at++
		case c == '(':
			out, at = append(out, token{tokenOpen, at, "("}), at+1
		case c == ')':
			out, at = append(out, token{tokenClose, at, ")"}), at+1
		case c == '"':
			n := quoted(expression[at:])
			var text string
			if n == 0 || json.Unmarshal([]byte(expression[at:at+n]), &text) != nil {
				return nil, &SyntaxError{at, "a value in double quotes does not end, or has an escape that JSON does not know"}
			}
			out, at = append(out, token{tokenText, at, text}), at+n
		case wordByte(c):
			end := at
			for end < len(expression) && wordByte(expression[end]) {
				end++
			}
			out, at = append(out, token{tokenWord, at, expression[at:end]}), end
		default:
			r, _ := utf8.DecodeRuneInString(expression[at:])
			return nil, &SyntaxError{at, fmt.Sprintf("%q has no meaning here", r)}
		}
	}
	return append(out, token{kind: tokenEnd, at: len(expression)}), nil
}

// quoted is the length of the text in quotes that s begins with; 0: it does not
// end.
func quoted(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-' || c == ':' || c == '$'
}
