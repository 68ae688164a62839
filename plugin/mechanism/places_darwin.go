package mechanism

import "github.com/latchkey-mfa/latchkey/internal/device/places"

// DefaultPlaces are fixed: the environment of a host process is no place to
// take the path of a security decision from.
func DefaultPlaces() Places {
	return placesIn(places.Sockets, places.Files)
}

// Locales are left to the daemon, which knows the system's.
func Locales() []string { return nil }
