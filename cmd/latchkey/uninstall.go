package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/latchkey-mfa/latchkey/internal/device/loginright"
	"github.com/latchkey-mfa/latchkey/internal/device/places"
	"github.com/latchkey-mfa/latchkey/internal/device/removal"
)

func uninstallCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "Disarm the login right, read it again, and then take Latchkey off this Mac",
		Long: "Disarm the login right, read it again, and only then end the daemon and the agents, and remove the plug-in, the programs\n" +
			"and the receipt. Where the disarming cannot be shown, nothing is removed. It works without latchkeyd. The daemon's state\n" +
			"and its log stay for a later install, unless --purge is given.",
		Args: cobra.NoArgs,
	}
	purge := cmd.Flags().Bool("purge", false, "remove the daemon's state (factors and recovery secrets), its item of the System keychain, and its log as well")
	dry := cmd.Flags().Bool("dry-run", false, "say what would be done, and do nothing")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if places.Plugins == "" {
			return failed("run it on a Mac", errors.New("no package was installed on this machine"))
		}
		if os.Geteuid() != 0 {
			return failed("say it again with sudo", errors.New("only root takes Latchkey off a Mac"))
		}
		r := removalHere(*purge, cmd.OutOrStdout())
		if *dry {
			return removalFailed(r.Plan(cmd.Context()))
		}
		if err := r.Run(cmd.Context()); err != nil {
			return removalFailed(err)
		}
		fmt.Fprintln(cmd.OutOrStdout(), "Latchkey is off this Mac: people log in with the password alone")
		return nil
	}
	return cmd
}

// removalHere is the removal of this Mac's.
func removalHere(purge bool, out io.Writer) removal.Removal {
	return removal.Removal{
		Right: loginright.Editor{Database: loginright.Authd{}, Lock: unlocked},
		Lock:  lockHere,
		Tell:  farewell,
		Jobs:  removal.Mac{}, Records: removal.Mac{}, Owners: []uint32{0}, Purge: purge,
		Say: func(format string, words ...any) { fmt.Fprintf(out, format+"\n", words...) },
	}
}

// lockHere keeps latchkeyd from arming while it is being removed. Where the folder
// of the lock is gone, so is a daemon that would.
func lockHere(ctx context.Context) (func(), error) {
	unlock, err := loginright.FileLock(filepath.Join(places.Files, loginright.LockName), loginright.PatienceOfPeople)(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return unlocked(ctx)
	}
	return unlock, err
}

func unlocked(context.Context) (func(), error) { return func() {}, nil }

// removalFailed says what to do next.
func removalFailed(err error) error {
	var unsafe *removal.UnsafeError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, removal.ErrArmed):
		return failed("mend what the error names and say it again; docs/break-glass.md has what else lets people in", err)
	case errors.Is(err, removal.ErrRunning):
		return failed("say it again after a restart of the Mac", err)
	case errors.As(err, &unsafe):
		return failed("find out who made it, move it away, and say it again", err)
	}
	return failed("say it again: what is gone is passed over", err)
}
