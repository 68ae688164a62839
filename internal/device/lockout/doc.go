// Package lockout is the wait after wrong codes, the same for every code that
// the Mac checks itself: a minute after the fifth miss in a row, doubling with
// each further one up to an hour (design §5; recovery-pin-v1, "Verification on
// the device" 6).
//
// It knows that one rule. It counts nothing and keeps nothing: whoever takes
// attempts must count them on the disk before comparing.
package lockout
