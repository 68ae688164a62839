// Package offlinekey is the factor that policies call Offline_Security_key: a
// security key whose signature the Mac checks itself, without a network.
//
// It knows the public keys of the accounts of this Mac and the counter of each.
// It must never take a signature for another site, without a touch, or weaker
// verified than the key was when it was set up, and never one of a key whose
// counter has gone back: there are two of it then. No secret is kept here: what
// is stored opens nothing.
package offlinekey
