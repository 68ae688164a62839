package directory

import "errors"

// ErrUnknown: there is no such account.
var ErrUnknown = errors.New("no such account")
