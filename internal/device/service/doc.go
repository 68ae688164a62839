// Package service is the daemon put together: the policy in force, the three
// sockets, the files that the plug-in falls back on, and what a check-in
// carries.
//
// It knows which part answers which message and in what order the parts start.
// It decides nothing about a login: package login does, and package session
// carries it out.
package service
