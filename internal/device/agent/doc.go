// Package agent is Latchkey within a person's session: the conversation in which
// they set up a factor, in a terminal or on a page of this computer's own, and
// the word that a recovery PIN runs out.
//
// It knows what the daemon tells the person who asks, and draws it. It must never
// run as root, decide anything, take an answer from another computer or another
// user's browser, or keep what was typed.
package agent
