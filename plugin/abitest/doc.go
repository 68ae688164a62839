// Package abitest holds the tests that load the real plug-in through its C
// interface: under a driver that breaks the host's side of the contract in
// every way a host could, and under latchkey-host. The daemon is an xipc service
// in the test's process. It has no code of its own beside tests, and must never
// be imported.
package abitest
