package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey-mfa/latchkey/internal/device/xipc"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// ask sends one request to the daemon and reads the reply into v; v may be nil.
func ask(ctx context.Context, sockets, name string, body wire.Dictionary, v any) error {
	path := filepath.Join(sockets, "control.sock")
	client, err := xipc.Dial(ctx, path, xipc.ClientOptions{Role: wire.RoleControl, ServerUIDs: xipc.DefaultServerUIDs(), Timeout: time.Minute})
	if err != nil {
		return failed("is latchkeyd running, and are you root? --sockets names the folder of its sockets", fmt.Errorf("reach the daemon: %w", err))
	}
	defer client.Close()
	reply, err := client.Request(ctx, name, body)
	var refused *xipc.RemoteError
	switch {
	case errors.As(err, &refused):
		return failed("`latchkey factors list` and `latchkey status` show what there is", errors.New(refused.Message))
	case err != nil:
		return failed("the daemon's log says more", fmt.Errorf("ask the daemon: %w", err))
	case v == nil:
		return nil
	}
	return wire.FromDictionary(reply, v)
}

func jsonFlag(cmd *cobra.Command) *bool {
	return cmd.Flags().Bool("json", false, "print JSON")
}

func printJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// concludeChecks prints what was looked at, and fails with exitNo where
// something was not good.
func concludeChecks(out io.Writer, checks []wire.Check, asJSON bool) error {
	bad := 0
	for i, c := range checks {
		if c.OK {
			checks[i].Hint = ""
			c.Hint = ""
		} else {
			bad++
		}
		if !asJSON {
			printCheck(out, c)
		}
	}
	if asJSON {
		if err := printJSON(out, wire.DoctorReply{Checks: checks}); err != nil {
			return err
		}
	}
	if bad == 0 {
		return nil
	}
	return &failure{err: fmt.Errorf("%d of %d checks failed", bad, len(checks)), hint: fmt.Sprintf("%d of %d checks need attention", bad, len(checks)), code: exitNo}
}

func printCheck(out io.Writer, c wire.Check) {
	mark := "ok  "
	if !c.OK {
		mark = "FAIL"
	}
	fmt.Fprintf(out, "%s  %s: %s\n", mark, c.Name, c.Detail)
	if c.Hint != "" {
		fmt.Fprintf(out, "      %s\n", c.Hint)
	}
}

func checkInCommand(sockets *string) *cobra.Command {
	return &cobra.Command{
		Use:   "check-in",
		Short: "Check in with the server now",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := ask(cmd.Context(), *sockets, wire.MsgCheckInNow, wire.Dictionary{}, nil); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), "checked in")
			return nil
		},
	}
}
