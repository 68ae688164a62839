// Package macos is what the daemon asks of macOS itself: the System keychain,
// the identities in it, hardware facts, and accounts in OpenDirectory.
//
// It knows the C functions behind these, what their answers mean, and which
// parts of the system are guarded by privacy settings. Every call has a limit,
// after which the caller goes on without it. It must never start a program,
// never let a private key leave the keychain, never ask a person for anything,
// and never take something weaker where the keychain says no.
package macos
