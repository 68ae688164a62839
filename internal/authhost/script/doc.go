// Package script reads a script for the login window and plays it: what the
// screen must show, and which keys are pressed then.
//
// It knows the grammar and how a screen is compared. It must never run a
// program, and never print the value of a variable: it may be a secret.
package script
