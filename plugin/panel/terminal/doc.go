// Package terminal draws a conversation in a terminal, for machines that are
// not Macs: every kind of screen, by keyboard only, with or without colours.
//
// It knows cells, keys and where the focus is. It must never decide what a
// screen means, keep what was typed longer than its field, or let text from
// outside steer the terminal.
package terminal
