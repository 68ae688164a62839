// Package recoverypin is the device recovery PIN, version 1: a nine-digit code
// that a help desk reads aloud and a Mac checks without a network.
//
// It knows how a PIN and a device code are made from a secret, how what a
// person typed is read, and which PINs are good at a moment. It does no I/O,
// keeps no state and reads no clock: attempts, waits and windows belong to the
// caller, who must count an attempt durably before calling [Verify]. It uses
// the standard library only, so that both sides of the phone call, and other
// implementations, can rely on it.
//
// A [PIN] prints as a placeholder. Digits and Grouped are the only ways to see
// it; do not log what they return.
package recoverypin
