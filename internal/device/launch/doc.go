// Package launch takes over the sockets that the system's own starter of
// daemons holds: launchd on a Mac (the Sockets of the property list), and on
// Linux whatever passes them as systemd does. It knows that such a socket is
// there before the daemon and stays when the daemon is started anew, so that
// whoever calls in between waits a moment and is not told that nobody is there.
// It must never take a socket that it was not given by name.
package launch
