// Package signin is how an administrator with a local account proves who they
// are: a password and a second factor (a passkey, an authenticator app or a
// one-time recovery code), the set-up of these with a one-time code, the
// sessions that come of it, and the waits after wrong tries; and which account
// and session somebody has whom the org's OpenID provider names (package
// federation).
//
// There is no session without a second factor, and no try is free: it is
// counted, durably, before anything is compared. The package must never store a
// password, a code or a session token in the clear, never say which of login,
// password or code was wrong, and never decide what an administrator may do:
// that is package access.
package signin
