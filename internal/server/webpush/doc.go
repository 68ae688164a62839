// Package webpush calls a phone whose page is closed, by the push service of its
// browser (RFC 8030, RFC 8291, VAPID: RFC 8292), where the org allows that.
//
// It knows the server's key for push services, which of these there are, and how
// a message is sealed for a browser. A message says that something waits and
// nothing else; it is never sent to a host that is not on the list, and nobody
// waits for it.
package webpush
