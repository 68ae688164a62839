// Package loginright keeps Latchkey's two mechanisms in the right of the login
// window, system.login.console, or out of it (design §10). It knows where they
// stand in a list of any macOS and beside any other product, how authd is asked
// for the list and told of a new one, and what has to hold before a Mac may be
// armed: a mechanism that the login window cannot load lets nobody in.
//
// It never writes a list that it has not just read, never one that is shorter
// than what others put into it, and never an empty one, with which macOS would
// let everybody in. What it cannot be sure of ends in "not armed".
package loginright
