package xipc

import (
	"errors"
	"fmt"
)

// ErrInterrupted says that the other end is not there or went away. Dialling
// again may help.
var ErrInterrupted = errors.New("connection interrupted")

// ErrInvalid says that the connection is over for good: it was closed here, or
// the two ends do not fit each other. Dialling again does not help.
var ErrInvalid = errors.New("connection invalid")

// errProtocol marks what breaks the rules of the wire.
var errProtocol = errors.New("broken message")

func broken(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errProtocol, fmt.Sprintf(format, args...))
}

// The codes that this package sends by itself; the others are the endpoints'.
const (
	CodeInternal = "internal" // the endpoint failed, and its own log says why
	CodeRefused  = "refused"  // this user may not use the service
	CodeBusy     = "busy"     // this user has too many connections
	CodeProtocol = "protocol" // a broken message, a wrong role or no hello
)

// RemoteError is a failure that the other end reported: its answer to one
// request, with a code for programs and a message for people.
type RemoteError struct{ Code, Message string }

// Error is the message with its code.
func (e *RemoteError) Error() string {
	return fmt.Sprintf("the other end answered %q: %s", e.Code, e.Message)
}

// Failure is what an Endpoint returns to be shown to its peer. Any other error
// reaches the peer as CodeInternal, without its text.
type Failure struct{ Code, Message string }

// Error is the message with its code.
func (f Failure) Error() string { return f.Code + ": " + f.Message }

// shown is what of an error a peer may see.
func shown(err error) Failure {
	var f Failure
	if errors.As(err, &f) {
		return f
	}
	var p *Failure
	if errors.As(err, &p) {
		return *p
	}
	// Refused by default: an error that was not made for the peer may hold
	// paths, names or worse.
	return Failure{Code: CodeInternal, Message: "the service failed; its log says why"}
}
