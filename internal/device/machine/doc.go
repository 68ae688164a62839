// Package machine says which machine this is: hardware UUID, serial number,
// model, name and system.
//
// It knows where each operating system keeps these. It must never make one up:
// what cannot be read is an error, since the help desk finds a Mac by them.
package machine
