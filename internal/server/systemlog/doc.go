// Package systemlog is the server's append-only record of what was done, in the
// shape of Okta's System Log.
//
// It knows how events form a chain, each one authenticated together with the
// one before by a key that is not in the database, and how that chain is
// checked. It never changes or removes an event, and no event may hold a PIN, a
// secret, a token or a challenge.
package systemlog
