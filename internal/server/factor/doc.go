// Package factor is how the org's own users prove who they are: authenticator
// apps, pushes to an enrolled phone, security keys, and a password in front of
// these; the invitations to set one up, the waits after wrong tries, the cap on
// pushes, and the block after "this wasn't me".
//
// No try is free: it is counted, durably, before anything is compared. A code of
// an app, an approved push and the token after a password are good once, for the
// client and the Mac that asked. The package never stores a code, a token or a
// number to match in the clear, never tells whether there is such a user, and
// never lets a password alone be enough.
package factor
