// Package trustedtime says what time it is, and whether that can be believed.
//
// It knows the server's time of the last authenticated check-in, the floor
// below which time never goes, and how the wall clock has moved against the
// continuous clock. It must never believe a wall clock that went back or
// jumped, and waits that it counts run on the continuous clock alone (design
// §7).
package trustedtime
