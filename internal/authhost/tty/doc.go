// Package tty is an emulated terminal: a pseudo-terminal whose far end is read
// by an emulator, so that a script sees what a person sees and types what a
// person types.
//
// It knows cells, colours, keys and how to draw a picture of the screen. It
// must never know what the programs on it are for.
package tty
