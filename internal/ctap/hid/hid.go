package hid

import (
	"context"
	"strings"
	"unicode"

	"github.com/latchkey-mfa/latchkey/internal/ctap"
)

// Port is a security key that is plugged in.
type Port struct {
	Name    string // of its lister, the same as long as the key stays plugged in
	Product string // what the key calls itself: printable, at most 64 characters, and no proof of anything
}

// Lister finds security keys. A list that is empty is no error.
type Lister interface {
	// Ports are the keys that are plugged in now, by name.
	Ports(ctx context.Context) ([]Port, error)
	// Open opens a channel to one of them. One that was pulled out since is
	// ctap.ErrKeyGone, one without CTAP2 ctap.ErrNotFIDO2.
	Open(ctx context.Context, p Port) (ctap.Channel, error)
}

// label makes a name of a device's own fit for a screen and a log line.
func label(name string) string {
	const most = 64
	name = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	if runes := []rune(name); len(runes) > most {
		name = string(runes[:most])
	}
	return strings.TrimSpace(name)
}
