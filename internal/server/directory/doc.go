// Package directory knows the org's users, its Macs, the accounts on them, the
// commands that wait for a Mac, and the org's settings.
//
// It finds a Mac by serial number, computer name, user name or e-mail, whatever
// their case. It decides nothing about recovery and never sees a secret.
package directory
