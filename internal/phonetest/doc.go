// Package phonetest plays a person's phone, or a security key, against the
// authenticator's page of an org server, over HTTP and as the page's script does.
//
// It signs with a key of its own, as an authenticator does. It is for tests,
// stories and the demo; it must never be part of what is installed, and knows
// nothing of the server but what a browser is told.
package phonetest
