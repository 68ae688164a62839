// Package systemtool runs the few programs of macOS that do what no function
// of it can be asked for: security for the authorization database, codesign,
// launchctl and pkgutil. It knows how to run one without being held up by it or
// taken in: by its full path, with no shell, no environment of the caller's, a
// bound on time and on what it prints, and an end of all that it started. It
// must never be given a word that was not written in this source or taken from
// a list of known ones, and never a secret: arguments are seen by everybody.
package systemtool
