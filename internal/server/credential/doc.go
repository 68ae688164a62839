// Package credential is the WebAuthn part of what the org's users have: the
// passkey of a phone, and security keys. It makes what a browser or a security
// key is asked for, and checks what was answered.
//
// It knows the server's name (the relying party), the origins that may answer,
// and when a counter went back. It keeps nothing, never looks at attestation, and
// never says that somebody is who they say without a signature over a challenge
// that the caller has looked up.
package credential
