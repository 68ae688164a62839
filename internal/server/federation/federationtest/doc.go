// Package federationtest is a real OpenID provider for tests: oidc-provider from
// npm, which .ci/prepare brings, as a process of its own on a loopback port.
// It knows whom it is told of, and signs in whoever says that they are one. It
// must never be part of a program.
package federationtest
