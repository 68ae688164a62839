// Package checkin is how the device talks to its server: when, over which
// connection, and what happens to a request whose answer was lost (wire-v1,
// "DEVICE API").
//
// It knows the schedule, mutual TLS, discovery and the rules of the sequence
// number, which is stored before it is sent. It knows nothing of accounts,
// events or secrets beyond handing them on; what it needs is declared here and
// implemented by the daemon. It must never send a secret, the device token
// included, to a URL where no Latchkey server has yet answered an authenticated
// check-in, never follow a redirect, and never believe an answer that says more
// than was asked.
package checkin
