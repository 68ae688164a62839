//go:build darwin || macplaces

package places

// Where things are on a Mac. launchd owns the sockets, so that their folder is
// one that stays: /var/run is empty after a start.
const (
	Files       = "/Library/Application Support/Latchkey" // gate, contact and kill-switch files
	State       = Files + "/state"                        // store and identity, mode 0700
	Sockets     = Files + "/run"                          // prompt, gate, control and session socket
	Programs    = Files + "/bin"                          // latchkeyd and latchkey
	Preferences = "/Library/Managed Preferences"          // the managed profile
	Log         = "/var/log/latchkey"                     // what latchkeyd says
	Plugins     = "/Library/Security/SecurityAgentPlugins"
)
