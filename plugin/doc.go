//go:build cgo

// The plug-in for the authorization hosts of macOS, Latchkey.bundle, and for
// latchkey-host on other machines.
//
// The C files hold its life cycle: they alone talk to the host, give exactly
// one result for each invocation, and answer in place of a Go side that hangs
// or panics. The Go files answer the one question that C asks. The plug-in must
// never read or write the password, and never write who logs in: username, uid,
// gid and home. It has no log, no state and no goroutine that can panic.
package main
