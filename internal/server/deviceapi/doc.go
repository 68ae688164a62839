// Package deviceapi answers the Macs: one check-in is one request and one
// transaction.
//
// It knows how a certificate is bound to a Mac, when a check-in is refused, and
// how one that comes twice gets the same answer. It takes no request without a
// client certificate that carries the marker, of this server or of an authority
// that the org has named, and writes no secret and no token into a log.
package deviceapi
