// Package native draws a conversation as a window above the login window: with
// AppKit on a Mac, and with GNUstep, which has the same classes, on Linux.
//
// It knows what is shown of a screen and where, how it is typed into, and what
// VoiceOver says of it. All that touches a window is Objective-C and happens on
// the main thread, which never waits for Go. It must never decide anything,
// keep what was typed after its screen has gone, or let a failure leave a window
// that cannot be used.
package native
