package main

const (
	defaultSockets = "/run/latchkey"
	defaultState   = "/var/lib/latchkey/state"
)
