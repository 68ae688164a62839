// Package recovery is the device's side of the device recovery PIN: secrets,
// attempts, waits, windows and device codes of each account
// (recovery-pin-v1.md).
//
// It knows which PIN is good now and for how long it stays good. It must never
// compare before the attempt is counted on the disk, answer before what the
// answer rests on is on the disk, or let a PIN or a secret into an event, an
// error or a log.
package recovery
