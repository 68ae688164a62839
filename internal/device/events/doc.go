// Package events is the device's queue of what happened, kept until a check-in
// has delivered it.
//
// It knows the names of the events (design §12) and how an event becomes part
// of the same write as the thing it tells of. It must never hold a secret, a
// PIN or a code, and never lose or double an event: the server drops what it
// has seen by id.
package events
