// Package identity is the Device Access certificate: which of several is taken,
// and, on machines that are not Macs, how it is obtained over SCEP and kept. On a
// Mac the MDM installs it in the System keychain, where its key stays.
//
// It knows the SCEP exchange of RFC 8894, the marker extension, and how to tell
// why a certificate cannot be used. It must never send the challenge to a
// certificate authority that neither the administrator's fingerprint nor TLS
// vouches for, never encrypt it with DES, never keep a certificate that does not
// fit its key, and never leave half of an identity behind.
package identity
