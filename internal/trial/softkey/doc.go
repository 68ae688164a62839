// Package softkey is a security key made of software, for the demo and for
// tests of faults: it stands in a folder as a socket, speaks CTAPHID and CTAP
// 2.1, and has a PIN, a fingerprint, a button and a counter that a script moves.
// It knows how a good key behaves, and how a broken, slow or copied one does. It
// shares no code with the client that it is played against, and never protects
// anything: its secrets are in memory, for whoever has its Go value.
package softkey
