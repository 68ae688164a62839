package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/latchkey-mfa/latchkey/internal/device/loginright"
	"github.com/latchkey-mfa/latchkey/internal/device/places"
	"github.com/latchkey-mfa/latchkey/internal/device/rootfile"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

func verifyRightCommand(sockets, files *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Look whether it is armed, and at everything that arming rests on; changes nothing",
		Args:  cobra.NoArgs,
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		checks := rightChecks(cmd.Context(), *files)
		var s wire.Status
		asked := ask(cmd.Context(), *sockets, wire.MsgStatus, wire.Dictionary{}, &s)
		return concludeChecks(cmd.OutOrStdout(), append(checks, daemonChecks(s, asked)...), *asJSON)
	}
	return cmd
}

// rightChecks look at the right and the plug-in from here: they need no daemon.
func rightChecks(ctx context.Context, files string) []wire.Check {
	checks := []wire.Check{checkOf("login right", "armed", "latchkeyd arms within a minute once the lines below are good; `latchkey login-right diff` shows what it would change", standingOf(ctx))}
	own, err := os.Executable()
	bundle := loginright.Installed(own)
	if err == nil {
		_, err = bundle.Look()
	}
	checks = append(checks, checkOf("plug-in's files", bundle.Dir, "install the package again; until then nothing arms", err))
	if err == nil {
		checks = append(checks, checkOf("plug-in's code and signature", "whole, universal, signed by the team of latchkey", "install the signed package; until then nothing arms", bundle.Verify(ctx)))
	}
	byHand := filepath.Join(files, loginright.ByHandName)
	err = nil
	if rootfile.Present(byHand) {
		err = fmt.Errorf("%s is there", byHand)
	}
	return append(checks, checkOf("not disarmed by hand", "no", "`sudo latchkey login-right arm --apply` when the emergency is over", err))
}

// standingOf is nil where the right is armed.
func standingOf(ctx context.Context) error {
	r, err := rightEditor(places.Files).Read(ctx)
	if err != nil {
		return err
	}
	if s := r.Standing(); s != loginright.Armed {
		return errors.New(s.String())
	}
	return nil
}

// daemonChecks are what the daemon has to say of arming.
func daemonChecks(s wire.Status, asked error) []wire.Check {
	if asked != nil {
		return []wire.Check{checkOf("latchkeyd", "", "`sudo launchctl print system/dev.latchkey.servicedaemon` says how it stands; its log is in "+places.Log, asked)}
	}
	profile := checkOf("profile", "in force", "push the profile; `latchkey status` lists what is wrong with it", nil)
	if s.Policy.State != "good" {
		profile.OK, profile.Detail = false, "the managed profile is "+s.Policy.State
	}
	said := wire.Check{Name: "latchkeyd", OK: s.Armed.State == loginright.Armed.String(), Detail: s.Armed.State + ": " + s.Armed.Reason, Hint: "the reason says what it waits for"}
	return []wire.Check{profile, said}
}

func checkOf(name, good, hint string, err error) wire.Check {
	if err != nil {
		return wire.Check{Name: name, Detail: err.Error(), Hint: hint}
	}
	return wire.Check{Name: name, OK: true, Detail: good}
}
