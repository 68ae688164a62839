//go:build !simclock

package main

import (
	"github.com/spf13/pflag"

	"github.com/latchkey-mfa/latchkey/internal/ctap/hid"
	"github.com/latchkey-mfa/latchkey/internal/device/securitykey"
)

func simulationFlags(*pflag.FlagSet, *flags) {}

// keys are those that are plugged in. No flag leads anywhere else: what plays a
// key could be copied.
func keys(*flags) securitykey.Ports { return hid.System() }
