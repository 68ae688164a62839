// Package accesscode is the device access code, the factor that policies call
// Offline_TOTP: a six-digit code from an authenticator app that the Mac checks
// itself, without a network.
//
// It knows the keys of the accounts of this Mac, which steps were used, and
// the lock-out after wrong codes (design §5). It must never take a code twice,
// never compare before the attempt is counted on the disk, and never show a
// key but to the person who is setting it up.
package accesscode
