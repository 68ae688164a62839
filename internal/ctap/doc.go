// Package ctap talks CTAP 2.1 to a security key over a channel that it is
// given, and checks what a key signed. It knows the commands for making a
// credential, for an assertion and for unlocking with a PIN or a fingerprint,
// and takes every answer for one of a stranger's: bounded, strictly encoded,
// and refused whole when a part of it makes no sense. It never opens a device,
// never sets, changes or keeps a PIN, never makes a credential that the key can
// list by itself, and never prints a PIN, a token or a shared secret.
package ctap
