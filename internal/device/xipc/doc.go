// Package xipc carries typed dictionaries between processes of one machine over
// Unix sockets: requests with replies and one-way events, with connections that
// are interrupted or invalid as in XPC.
//
// It knows frames, bounds, deadlines, the version agreement of hello and who
// stands at the other end of a socket. It knows nothing of what a message
// means, and must never take a message from, or give one to, a peer whose user
// id has not been checked. It must not log: what goes wrong on a listener goes
// to Service.Log, and never with a value from a message, which may be a code.
// The plug-in links it, so it imports the standard library, x/sys and wire
// only, and no goroutine of a Client may panic through its host.
package xipc
