package mechanism

// DefaultPlaces are fixed: the environment of a host process is no place to
// take the path of a security decision from.
func DefaultPlaces() Places {
	return placesIn("/var/run/latchkey", "/Library/Application Support/Latchkey")
}

// Locales are left to the daemon, which knows the system's.
func Locales() []string { return nil }
