// Package totp is the time-based one-time password of RFC 6238 as phones
// implement it: HMAC-SHA-1, six digits, steps of thirty seconds.
//
// It knows how a key is made and handed to an authenticator app, what the code
// of a step is, and which step a typed code belongs to, so that the caller can
// refuse a code that was used before (RFC 6238 §5.2). It does no I/O, keeps no
// state and reads no clock: attempts, waits and the last used step belong to
// the caller, who must store the step that [Key.Match] returns durably before
// acting on it. It uses the standard library only.
//
// Other digests are left out on purpose: widely used apps ignore the algorithm
// that a key asks for and answer with SHA-1, and HMAC-SHA-1 is not weakened by
// the collisions of SHA-1.
//
// A [Key] prints as a placeholder. Secret, Text and URI are the only ways to
// see it; do not log what they return.
package totp
