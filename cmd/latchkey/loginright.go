package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/latchkey-mfa/latchkey/internal/clock"
	"github.com/latchkey-mfa/latchkey/internal/device/loginright"
	"github.com/latchkey-mfa/latchkey/internal/device/places"
	"github.com/latchkey-mfa/latchkey/internal/device/rootfile"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// What to do next, for the commands of the login right.
const (
	hintApply  = "nothing was changed: say it again with --apply"
	hintRoot   = "say it again with sudo"
	hintBroken = "docs/break-glass.md has what else lets people in: the kill-switch, and macOS Recovery"
)

// byHandText is for who finds the file.
const byHandText = "`latchkey login-right disarm` was said on this Mac. While this file is here, latchkeyd keeps the login window disarmed.\n`sudo latchkey login-right arm --apply` ends that.\n"

func loginRightCommand(sockets *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "login-right",
		Short: "The login window's list of mechanisms: show it, look at it, put Latchkey into it or take it out",
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if places.Plugins == "" {
				return failed("run it on a Mac", errors.New("this machine has no authorization database"))
			}
			return nil
		},
	}
	files := cmd.PersistentFlags().String("files", places.Files, "folder of the gate, contact and kill-switch files")
	cmd.AddCommand(showRightCommand(), diffRightCommand(), verifyRightCommand(sockets, files), armCommand(sockets, files), disarmCommand(files))
	return cmd
}

// rightEditor is the editor of this Mac's login right.
func rightEditor(files string) loginright.Editor {
	return loginright.Editor{Database: loginright.Authd{}, Lock: loginright.FileLock(filepath.Join(files, loginright.LockName), loginright.PatienceOfPeople)}
}

func readRight(ctx context.Context) (loginright.Right, error) {
	r, err := rightEditor(places.Files).Read(ctx)
	if err != nil {
		return r, failed(hintBroken, err)
	}
	return r, nil
}

// shownRight is the right for `--json`.
type shownRight struct {
	State      string   `json:"state"` // "armed", "disarmed" or "partial"
	Mechanisms []string `json:"mechanisms"`
}

func showRightCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "show", Short: "Print the list that the login window goes through", Args: cobra.NoArgs}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		r, err := readRight(cmd.Context())
		if err != nil {
			return err
		}
		out := cmd.OutOrStdout()
		if *asJSON {
			return printJSON(out, shownRight{r.Standing().String(), r.Mechanisms()})
		}
		fmt.Fprintf(out, "%s: %s\n", loginright.Console, r.Standing())
		for i, m := range r.Mechanisms() {
			fmt.Fprintf(out, "%3d  %s\n", i, m)
		}
		return nil
	}
	return cmd
}

func diffRightCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "diff", Short: "Print what arming, or disarming, would change of the list", Args: cobra.NoArgs}
	disarm := cmd.Flags().Bool("disarm", false, "what disarming would change")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		before, err := readRight(cmd.Context())
		if err != nil {
			return err
		}
		change := loginright.Right.Arm
		if *disarm {
			change = loginright.Right.Disarm
		}
		after, err := change(before)
		if err != nil {
			return failed(hintBroken, err)
		}
		printChange(cmd.OutOrStdout(), before, after)
		return nil
	}
	return cmd
}

func printChange(out io.Writer, before, after loginright.Right) {
	if slices.Equal(before.Mechanisms(), after.Mechanisms()) {
		fmt.Fprintf(out, "%s: %s, nothing to change\n", loginright.Console, before.Standing())
		return
	}
	fmt.Fprintf(out, "%s: %s, then %s\n%s", loginright.Console, before.Standing(), after.Standing(), loginright.Diff(before, after))
}

func applyFlag(cmd *cobra.Command) *bool {
	return cmd.Flags().Bool("apply", false, "do it; without this only what would be done is shown")
}

func disarmCommand(files *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "disarm",
		Short: "Take Latchkey out of the list, and keep it out: people log in with the password alone",
		Long: "Take Latchkey out of the list, and keep it out until `latchkey login-right arm --apply`: people log in with the password alone.\n" +
			"It works without latchkeyd. The list is read again afterwards, and only then is it done.",
		Args: cobra.NoArgs,
	}
	apply := applyFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx, out := cmd.Context(), cmd.OutOrStdout()
		before, err := readRight(ctx)
		if err != nil {
			return err
		}
		after, err := before.Disarm()
		if err != nil {
			return failed(hintBroken, err)
		}
		printChange(out, before, after)
		if !*apply {
			return &failure{err: errors.New("not applied"), hint: hintApply, code: exitNo}
		}
		if err := byRoot(); err != nil {
			return err
		}
		// First, so that latchkeyd does not arm it again right away.
		left := rootfile.Leave(filepath.Join(*files, loginright.ByHandName), byHandText)
		if _, err := rightEditor(*files).Disarm(ctx); err != nil {
			return failed(hintBroken, errors.Join(err, left))
		}
		if left != nil {
			return failed("latchkeyd arms it again within a minute: stop it, or mend what the error names", left)
		}
		fmt.Fprintln(out, "disarmed, and read again: the login window asks for the password alone")
		return nil
	}
	return cmd
}

func byRoot() error {
	if os.Geteuid() != 0 {
		return failed(hintRoot, errors.New("only root changes the login right"))
	}
	return nil
}

func armCommand(sockets, files *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "arm",
		Short: "Put Latchkey into the list, once everything that it rests on was looked at",
		Long: "Put Latchkey into the list. latchkeyd does it by itself; this ends what `disarm` began, and is the way where\n" +
			"LatchkeyManageLoginRight is false. A valid profile has to be in force, and the plug-in is looked at and rehearsed first.",
		Args: cobra.NoArgs,
	}
	apply := applyFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx, out := cmd.Context(), cmd.OutOrStdout()
		if !*apply {
			return wouldArm(ctx, out)
		}
		if err := byRoot(); err != nil {
			return err
		}
		var s wire.Status
		if err := ask(ctx, *sockets, wire.MsgStatus, wire.Dictionary{}, &s); err != nil {
			return err
		}
		keeper, err := rightKeeper(*files)
		if err != nil {
			return failed("run the installed program, not a copy of it", err)
		}
		byHand := filepath.Join(*files, loginright.ByHandName)
		was := rootfile.Present(byHand)
		if err := rootfile.TakeBack(byHand); err != nil {
			return failed("remove the file and try again", err)
		}
		state := keeper.Round(ctx, factsOf(s))
		fmt.Fprintf(out, "%s: %s (%s)\n", loginright.Console, state.Word, state.Reason)
		if state.Standing == loginright.Armed {
			return nil
		}
		if was { // what was decided by hand stays, since nothing came of its end
			return errors.Join(armFailed(state), rootfile.Leave(byHand, byHandText))
		}
		return armFailed(state)
	}
	return cmd
}

func armFailed(s loginright.State) error {
	return failed("`latchkey login-right verify` looks at everything that arming rests on", fmt.Errorf("not armed: %s", s.Reason))
}

func wouldArm(ctx context.Context, out io.Writer) error {
	before, err := readRight(ctx)
	if err != nil {
		return err
	}
	after, err := before.Arm()
	if err != nil {
		return failed(hintBroken, err)
	}
	printChange(out, before, after)
	return &failure{err: errors.New("not applied"), hint: hintApply, code: exitNo}
}

// factsOf are those that a person may decide by, who says it now: the profile
// has to be in force, and all else is theirs.
func factsOf(s wire.Status) func(loginright.Standing) loginright.Facts {
	return func(standing loginright.Standing) loginright.Facts {
		return loginright.Facts{Managed: true, InForce: s.Policy.State == "good", Lost: s.Store != "good", Standing: standing}
	}
}

// rightKeeper is this Mac's keeper for one round, which remembers nothing: the
// plug-in is rehearsed anew.
func rightKeeper(files string) (*loginright.Keeper, error) {
	own, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program, by whose signature the plug-in's is held: %w", err)
	}
	c, err := clock.Open(clock.Options{})
	if err != nil {
		return nil, err
	}
	return loginright.OnThisMac(own, filepath.Join(files, loginright.LockName), "", noProofs{}, c.Continuous), nil
}

type noProofs struct{}

func (noProofs) Proven() string     { return "" }
func (noProofs) Prove(string) error { return nil }
