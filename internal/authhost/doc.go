// Package authhost evaluates an authorization right on a machine that is no
// Mac: it goes through the right's mechanism list by authd's rules, has the
// plug-ins run by latchkey-host processes, and stands in for the built-in
// mechanisms that matter to a second factor.
//
// It knows the order, the restarts and the values that mechanisms pass on. It
// must never print, log or put into an error a value of a hint or of the
// context, and never let a login through that the list did not.
package authhost
