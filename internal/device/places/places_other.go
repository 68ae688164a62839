//go:build !(darwin || macplaces)

package places

// Where things are on a machine that is no Mac, for development. Plugins is
// nowhere: there is no login window that loads one.
const (
	Files       = "/var/lib/latchkey"
	State       = Files + "/state"
	Sockets     = "/run/latchkey"
	Programs    = "/usr/local/libexec/latchkey"
	Preferences = Files + "/managed-preferences"
	Log         = "/var/log/latchkey"
	Plugins     = ""
)
