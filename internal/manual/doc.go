// Package manual makes the manual pages of a command line out of what it says of
// itself: a page for the program and for each of its commands, which never differ
// from its --help. It is for builds of the pages alone (tag manual) and is linked
// into no program that is installed.
package manual
