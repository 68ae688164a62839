// Command standin plays the programs of macOS that a package and its scripts
// call, in a folder that tests change their root to: security with the
// authorization database behind it, codesign, launchctl with launchd, pkgutil,
// installer, ps, and a login window. It knows what each does to a file, a list or
// a process, and tells each call to a record. It is for tests alone and never
// laid down by a package; what it plays was never compared with a Mac.
//
// All that it keeps is in /standin: record, rights/, signatures.json, receipts/,
// jobs/, sessions, accounts.json, packages/, and faults/, a file in which switches
// a fault on.
package main
