package desk

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// Bounds of what an administrator types, in characters.
const (
	maxReason = 500
	maxTicket = 100
	maxName   = 200
)

// InvalidError is a value that cannot be taken as it was given.
type InvalidError struct {
	Field   string // as the API names it
	Problem string // what is wrong, and what would be right
}

// Error names the field and what is wrong with it.
func (e *InvalidError) Error() string { return e.Field + ": " + e.Problem }

func invalid(field, format string, args ...any) error {
	return &InvalidError{Field: field, Problem: fmt.Sprintf(format, args...)}
}

// text checks a value that people typed and returns it without blanks around.
func text(field, value string, most int, needed bool) (string, error) {
	value = strings.TrimSpace(value)
	switch {
	case needed && value == "":
		return "", invalid(field, "missing")
	case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
		return "", invalid(field, "only printable characters are allowed")
	case utf8.RuneCountInString(value) > most:
		return "", invalid(field, "at most %d characters", most)
	}
	return value, nil
}

// CheckPIN is a request for a PIN without blanks around its values. A missing
// reason is left to the rules of issue, which record the attempt. The error is
// an *InvalidError.
func CheckPIN(in wire.PINRequest) (out wire.PINRequest, err error) {
	if out.Reason, err = text("reason", in.Reason, maxReason, false); err != nil {
		return wire.PINRequest{}, err
	}
	if out.Ticket, err = text("ticket", in.Ticket, maxTicket, false); err != nil {
		return wire.PINRequest{}, err
	}
	if out.DeviceCode, err = text("deviceCode", in.DeviceCode, maxTicket, false); err != nil {
		return wire.PINRequest{}, err
	}
	return out, nil
}
