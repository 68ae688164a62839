// Package hid finds the security keys that are plugged in and carries messages
// to them in CTAPHID frames (CTAP 2.1 §11.2). It knows reports of 64 bytes,
// channels, keep-alives and cancelling, and where each system keeps such
// devices. It never looks into a message, never waits without a bound, and
// never lets a frame of another channel, out of order or too long, become part
// of an answer.
package hid
