// Package trial is a whole Latchkey on one plain machine, as real processes: an
// org server, the network between, a Mac's daemon under a real profile, and a
// login window with a person at it. The demo plays its story with it, the kill
// harness, the attacks and the lock-out stories try to break it.
//
// It knows how the programs are started, how their clocks are moved and what a
// person or a help desk does. It must never reach around them: whatever it
// changes goes through the login window, a socket that the product serves, the
// commands, or the machine (clock, network, power, files).
package trial
