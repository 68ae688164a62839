package main

const (
	defaultSockets = "/run/latchkey"
	defaultState   = "/var/lib/latchkey/state"
)

// certificateElsewhere is why this machine gets no certificate by a command:
// for none.
const certificateElsewhere = ""
