// Command latchkeyd is the device daemon: it reads the managed preferences and
// answers the login window's two mechanisms. This package holds flags and
// wiring, nothing else.
package main
