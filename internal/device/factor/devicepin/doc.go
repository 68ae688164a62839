// Package devicepin is the device recovery PIN as the login conversation uses
// it: the Contact admin screen, and the short one for a PIN whose window is
// open.
//
// It knows what to show to a person on the phone with the help desk, and what
// to tell them about a PIN that was not taken. It decides nothing about a PIN:
// package recovery does.
package devicepin
