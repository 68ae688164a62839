//go:build simclock

package main

import (
	"github.com/spf13/pflag"

	"github.com/latchkey-mfa/latchkey/internal/ctap/hid"
	"github.com/latchkey-mfa/latchkey/internal/device/securitykey"
)

func simulationFlags(set *pflag.FlagSet, f *flags) {
	set.StringVar(&f.clock.File, "sim-clock", "", "file that moves the clocks; only in builds for demo and tests")
	set.StringVar(&f.keys, "sim-keys", "", "folder of the sockets that play security keys, instead of the real ones; only in builds for demo and tests")
}

func keys(f *flags) securitykey.Ports {
	if f.keys != "" {
		return hid.Folder(f.keys)
	}
	return hid.System()
}
