package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

func factorsCommand(sockets *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "factors",
		Short: "The second factors of this machine's accounts",
		Args:  cobra.NoArgs, // a command that is not there is an error, not a page of help
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(factorsListCommand(sockets), factorsRemoveCommand(sockets))
	return cmd
}

func factorsListCommand(sockets *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list [ACCOUNT]",
		Short: "List factors, of one account (short name or GeneratedUID) or of all",
		Args:  cobra.MaximumNArgs(1),
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		body := wire.Dictionary{}
		if len(args) == 1 {
			body["guid"] = args[0]
		}
		var r wire.FactorsReply
		if err := ask(cmd.Context(), *sockets, wire.MsgFactorsList, body, &r); err != nil {
			return err
		}
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), r)
		}
		w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "ACCOUNT\tKIND\tID\tSINCE")
		for _, a := range r.Accounts {
			for _, f := range a.Factors {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", a.Name, f.Kind, f.ID, f.At.Local().Format(time.DateTime))
			}
			if len(a.Factors) == 0 {
				fmt.Fprintf(w, "%s\tnone\t\t\n", a.Name)
			}
		}
		return w.Flush()
	}
	return cmd
}

func factorsRemoveCommand(sockets *string) *cobra.Command {
	return &cobra.Command{
		Use:   "remove ACCOUNT ID",
		Short: "Remove one factor of one account; the others keep theirs",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			var r wire.FactorsReply
			if err := ask(cmd.Context(), *sockets, wire.MsgFactorsList, wire.Dictionary{"guid": args[0]}, &r); err != nil {
				return err
			}
			if len(r.Accounts) != 1 {
				return failed("`latchkey factors list` shows the accounts", fmt.Errorf("no account %q has met Latchkey on this machine", args[0]))
			}
			body := wire.Dictionary{"guid": r.Accounts[0].GUID, "id": args[1]}
			if err := ask(cmd.Context(), *sockets, wire.MsgFactorsRemove, body, nil); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "removed %s of %s\n", args[1], r.Accounts[0].Name)
			return nil
		},
	}
}
