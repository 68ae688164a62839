// Package pkgtest installs, upgrades and removes the package of the Mac in a
// folder that its programs and scripts change their root to: the real payload,
// scripts, daemon, command line and plug-in, between stand-ins of macOS' own
// programs (packaging/darwin/standin). It is tests and nothing else; what it
// shows was never seen on a Mac.
package pkgtest
