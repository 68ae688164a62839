package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

func statusCommand(sockets *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Armed or not and why, the policy with its sources, accounts, windows, last check-in",
		Args:  cobra.NoArgs,
	}
	asJSON := jsonFlag(cmd)
	attribute := cmd.Flags().Bool("attribute", false, "print one line for an MDM's inventory, whatever the state of this machine; never waits long")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *attribute {
			return printAttribute(cmd, *sockets)
		}
		var s wire.Status
		if err := ask(cmd.Context(), *sockets, wire.MsgStatus, wire.Dictionary{}, &s); err != nil {
			return err
		}
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), s)
		}
		return printStatus(cmd.OutOrStdout(), s)
	}
	return cmd
}

func printStatus(out io.Writer, s wire.Status) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "login right\t%s (%s)\n", s.Armed.State, s.Armed.Reason)
	if s.KillSwitch {
		fmt.Fprintf(w, "kill switch\tPRESENT: everyone is let in without a second factor\n")
	}
	fmt.Fprintf(w, "version\t%s\n", s.Agent)
	fmt.Fprintf(w, "time\t%s (%s)\n", s.Now.UTC().Format(time.RFC3339), s.Clock)
	fmt.Fprintf(w, "store\t%s\n", s.Store)
	printCheckIn(w, s)
	fmt.Fprintf(w, "policy\t%s\n", s.Policy.State)
	for _, p := range s.Policy.Problems {
		fmt.Fprintf(w, "\t! %s\n", p)
	}
	for _, key := range slices.Sorted(maps.Keys(s.Policy.Values)) {
		v := s.Policy.Values[key]
		fmt.Fprintf(w, "  %s\t%v (%s)\n", key, v.Value, v.Origin)
	}
	for _, a := range s.Accounts {
		printAccount(w, s.Now, a)
	}
	return w.Flush()
}

func printCheckIn(w io.Writer, s wire.Status) {
	last := "never"
	if s.CheckIn.Last != nil {
		last = fmt.Sprintf("%s ago", s.Now.Sub(*s.CheckIn.Last).Round(time.Second))
	}
	fmt.Fprintf(w, "last check-in\t%s with %s; %d events wait\n", last, s.CheckIn.Server, s.CheckIn.Queued)
	if s.CheckIn.Problem != "" {
		fmt.Fprintf(w, "\t! %s\n", s.CheckIn.Problem)
	}
}

func printAccount(w io.Writer, now time.Time, a wire.AccountStatus) {
	need := "second factor required"
	if a.Exempt {
		need = "exempt"
	}
	fmt.Fprintf(w, "account %s\t%s\n", a.Name, need)
	var kinds []string
	for _, f := range a.Factors {
		kinds = append(kinds, f.Kind)
	}
	if len(kinds) == 0 {
		kinds = []string{"none"}
	}
	fmt.Fprintf(w, "  factors\t%s\n", strings.Join(kinds, ", "))
	if a.SecureToken != nil {
		fmt.Fprintf(w, "  secure token\t%s\n", unlocks(*a.SecureToken))
	}
	if a.Linked != "" {
		fmt.Fprintf(w, "  organization account\t%s\n", a.Linked)
	}
	if a.OfflineUntil != nil && len(a.Factors) > 0 {
		fmt.Fprintf(w, "  offline factors\tuntil %s, or an online sign-in\n", a.OfflineUntil.UTC().Format(time.RFC3339))
	}
	fmt.Fprintf(w, "  recovery secret\t%s (generation %d)\n", a.Secret.State, a.Secret.Generation)
	if a.RecoverableUntil != nil {
		fmt.Fprintf(w, "  recoverable\tuntil %s, or later with the next check-in\n", a.RecoverableUntil.UTC().Format(time.RFC3339))
	}
	if a.WindowLeftSeconds > 0 {
		fmt.Fprintf(w, "  recovery window\topen for another %s\n", time.Duration(a.WindowLeftSeconds)*time.Second)
	}
	if a.GraceUntil != nil && a.GraceUntil.After(now) {
		fmt.Fprintf(w, "  grace\tuntil %s\n", a.GraceUntil.UTC().Format(time.RFC3339))
	}
}

// unlocks: whoever has no token cannot begin at FileVault's screen, and meets a
// login that somebody else has to open.
func unlocks(token bool) string {
	if token {
		return "yes"
	}
	return "no: the account cannot unlock the disk"
}
