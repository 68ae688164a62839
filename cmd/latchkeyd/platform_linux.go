package main

import (
	"context"
	"time"

	"github.com/spf13/pflag"

	"github.com/latchkey-mfa/latchkey/internal/device/checkin"
)

func platformFlags(set *pflag.FlagSet, f *flags) {
	set.StringVar(&f.accounts, "accounts", "/var/lib/latchkey/accounts.json", "development account file, which authhost reads as well")
	set.StringVar(&f.machine, "machine", "", "development machine file (JSON: udid, serial, model, name, os, zone) in place of what Linux knows of itself")
}

// secrets are in files below the state folder.
func secrets(context.Context, *flags) (func(context.Context) ([]byte, error), func(func() time.Time) checkin.Identity, error) {
	return nil, nil, nil
}
