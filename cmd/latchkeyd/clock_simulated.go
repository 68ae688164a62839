//go:build simclock

package main

import "github.com/spf13/pflag"

func clockFlags(set *pflag.FlagSet, f *flags) {
	set.StringVar(&f.clock.File, "sim-clock", "", "file that moves the clocks; only in builds for demo and tests")
}
