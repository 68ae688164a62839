package main

const (
	defaultSockets = "/var/run/latchkey"
	defaultState   = "/Library/Application Support/Latchkey/state"
)
