// Package paneltest is a display for tests of the native panel: an X server without
// a screen, and the hands and eyes of a person in front of it.
//
// It knows keys, clicks, titles of windows and pictures. It must never hold an
// expectation of the panel, and touches no display but its own.
package paneltest
