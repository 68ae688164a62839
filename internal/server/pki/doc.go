// Package pki is the certificate authority of the Macs: it answers SCEP and
// issues the Device Access certificate with its marker extension.
//
// It knows challenges, what a request must be to get a certificate, and which
// certificates it issued. It takes only requests for a new certificate with a
// challenge and renewals signed by a certificate of its own, and never sends or
// takes a message encrypted with DES. A second, smaller authority makes TLS
// certificates for evaluation.
package pki
