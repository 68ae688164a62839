package recoverypin

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
)

// What a person typed can be wrong in two ways that cost no attempt.
var (
	// ErrNotACode: not the right number of digits, or something that is no digit.
	ErrNotACode = errors.New("not the right number of digits")
	// ErrMistyped: the check digit does not fit; one digit is wrong or two
	// neighbours are swapped.
	ErrMistyped = errors.New("a digit is wrong or two are swapped")
)

// maxTyped bounds what is read of an input: nine digits with generous spacing.
const maxTyped = 64

// PIN is nine digits, the last a check digit. The zero PIN is not valid.
type PIN struct{ digits [9]byte }

// ParsePIN reads what a person typed. Spaces and hyphens are dropped. The
// error is ErrNotACode or ErrMistyped.
func ParsePIN(typed string) (PIN, error) {
	var p PIN
	if err := parseDigits(p.digits[:], typed); err != nil {
		return PIN{}, err
	}
	return p, nil
}

// String hides the PIN from logs and errors.
func (PIN) String() string { return "[recovery PIN]" }

// GoString hides the PIN from %#v.
func (PIN) GoString() string { return "[recovery PIN]" }

// Digits is the PIN as nine ASCII digits.
func (p PIN) Digits() string { return string(p.digits[:]) }

// Grouped is the PIN in threes, as it is read aloud: "539 902 792".
func (p PIN) Grouped() string {
	d := p.Digits()
	return d[:3] + " " + d[3:6] + " " + d[6:]
}

// Equal compares in constant time.
func (p PIN) Equal(q PIN) bool {
	return subtle.ConstantTimeCompare(p.digits[:], q.digits[:]) == 1
}

// DeviceCode is eight digits, the last a check digit, that a Mac shows and the
// help desk types. The zero DeviceCode stands for none.
type DeviceCode struct{ digits [8]byte }

// NewDeviceCode draws a device code from random, which should be
// crypto/rand.Reader.
func NewDeviceCode(random io.Reader) (DeviceCode, error) {
	var c DeviceCode
	for i := 0; i < 7; {
		var b [1]byte
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return DeviceCode{}, fmt.Errorf("draw a device code: %w", err)
		}
		// 250 is the largest multiple of ten in a byte: what is above would
		// favour the small digits.
		if b[0] >= 250 {
			continue
		}
		c.digits[i] = '0' + b[0]%10
		i++
	}
	c.digits[7] = '0' + damm(c.digits[:7])
	return c, nil
}

// ParseDeviceCode reads what the help desk typed. Spaces and hyphens are
// dropped. The error is ErrNotACode or ErrMistyped.
func ParseDeviceCode(typed string) (DeviceCode, error) {
	var c DeviceCode
	if err := parseDigits(c.digits[:], typed); err != nil {
		return DeviceCode{}, err
	}
	return c, nil
}

// IsZero reports whether there is no code.
func (c DeviceCode) IsZero() bool { return c == DeviceCode{} }

// Digits is the code as eight ASCII digits.
func (c DeviceCode) Digits() string { return string(c.digits[:]) }

// Grouped is the code in two groups of four: "6393 4920".
func (c DeviceCode) Grouped() string { return c.Digits()[:4] + " " + c.Digits()[4:] }

func parseDigits(into []byte, typed string) error {
	if len(typed) > maxTyped {
		return ErrNotACode
	}
	n := 0
	for i := range len(typed) {
		switch c := typed[i]; {
		case c == ' ' || c == '-':
		case c < '0' || c > '9' || n == len(into):
			return ErrNotACode
		default:
			into[n] = c
			n++
		}
	}
	if n != len(into) {
		return ErrNotACode
	}
	if damm(into) != 0 {
		return ErrMistyped
	}
	return nil
}
