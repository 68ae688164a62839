//go:build !simclock

package main

import "github.com/spf13/pflag"

func clockFlags(*pflag.FlagSet, *flags) {}
