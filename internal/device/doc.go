// Package device holds what runs on the Mac, one package a noun: see the
// folders. It has no code of its own, and nothing below it imports
// internal/server.
package device
