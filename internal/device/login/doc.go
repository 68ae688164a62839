// Package login is the login conversation as a pure state machine: from the
// policy, what is known of the account, the time and what the person does, to
// screens and one decision (design §5).
//
// It knows the order of decisions, who may set up a factor, and when a
// conversation ends by itself. It must never do I/O, read a clock or start a
// goroutine: package session carries out its effects.
package login
