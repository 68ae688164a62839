package main

import "github.com/spf13/pflag"

// Where things are on a Mac (plugin/mechanism/places_darwin.go names the same folders).
const (
	defaultState       = "/Library/Application Support/Latchkey/state"
	defaultFiles       = "/Library/Application Support/Latchkey"
	defaultSockets     = "/var/run/latchkey"
	defaultPreferences = "/Library/Managed Preferences"
	armedReason        = "this version does not edit the login right"
)

func platformFlags(*pflag.FlagSet, *flags) {}
