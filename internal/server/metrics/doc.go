// Package metrics is what a monitoring system reads off the server: requests and
// how long they took, the database's connections, the System Log and how far it
// was forwarded, and the process itself (Prometheus, text format).
//
// It knows counts and times. It must never name a person, a Mac or an address,
// and never count at each reading what grows with the org.
package metrics
