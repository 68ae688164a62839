// Package words holds the few texts that the plug-in has of its own: what a panel
// says beside the daemon's screens, and the one screen that is shown when there
// is no daemon.
//
// It knows texts by language. It must never hold a text of a conversation: those
// come from the daemon.
package words
