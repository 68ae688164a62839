// Package federation is the OpenID provider that administrators sign in at: its
// discovery, the way of a browser there and back (authorization code with PKCE),
// what its ID tokens say, which role a group of it stands for, and how somebody
// is signed out there.
//
// It believes nothing that was not signed for this server and this very sign-in,
// and a person gets no role by default. It must never decide whether somebody
// has a session (that is package signin), and no token, code, verifier or client
// secret ever stands in an error or a log.
package federation
