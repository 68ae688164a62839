//go:build !(darwin || macplaces)

package main

import (
	"github.com/latchkey-mfa/latchkey/internal/clock"
	"github.com/latchkey-mfa/latchkey/internal/device/loginright"
	"github.com/latchkey-mfa/latchkey/internal/device/machine"
	"github.com/latchkey-mfa/latchkey/internal/device/service"
)

// setupDone is no file: there is no Setup Assistant.
const setupDone = ""

// loginRight is none: this machine has no authorization database.
func loginRight(*flags, machine.Machine, clock.Clock) (func(loginright.Proofs) service.LoginRight, error) {
	return nil, nil
}
