// Package directory finds the local accounts of this machine: by uid, for who
// logs in, and by short name, for the policy's lists.
//
// It knows where each operating system keeps them. It must never take a name
// that a person typed: macOS accepts aliases and full names there (design §4).
package directory
