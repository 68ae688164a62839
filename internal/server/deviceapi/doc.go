// Package deviceapi answers the Macs: one check-in is one request and one
// transaction.
//
// It knows how a certificate is bound to a Mac, when a check-in is refused, and
// how one that comes twice gets the same answer. It takes no request without a
// client certificate of this server that carries the marker, and writes no
// secret and no token into a log.
package deviceapi
