//go:build !linux && !darwin

package mechanism

// DefaultPlaces are none: no daemon runs on this operating system.
func DefaultPlaces() Places { return Places{} }

// Locales are not known here.
func Locales() []string { return nil }
