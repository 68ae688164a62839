// Package tlscert is where the certificate comes from that the server's
// listeners show: files, which are read again when they change, or an ACME
// authority (RFC 8555).
//
// What the ACME client keeps is in the database, sealed, so that several servers
// have one account and one certificate. The package must never write a key in
// the clear, ask an authority for a name that was not configured, or stop
// showing the certificate it has because a new one cannot be had.
package tlscert
