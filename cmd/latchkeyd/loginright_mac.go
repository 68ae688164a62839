//go:build darwin || macplaces

package main

import (
	"os"
	"path/filepath"

	"github.com/latchkey-mfa/latchkey/internal/clock"
	"github.com/latchkey-mfa/latchkey/internal/device/loginright"
	"github.com/latchkey-mfa/latchkey/internal/device/machine"
	"github.com/latchkey-mfa/latchkey/internal/device/service"
)

// setupDone is there when Setup Assistant is through.
const setupDone = "/private/var/db/.AppleSetupDone"

// loginRight edits the login right of this Mac.
func loginRight(f *flags, m machine.Machine, c clock.Clock) (func(loginright.Proofs) service.LoginRight, error) {
	own, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return func(proofs loginright.Proofs) service.LoginRight {
		return loginright.OnThisMac(own, filepath.Join(f.files, loginright.LockName), m.OS, proofs, c.Continuous)
	}, nil
}
