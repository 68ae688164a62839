package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// attributePatience is how long an inventory waits for this machine: those of
// thousands are collected one after another.
const attributePatience = 10 * time.Second

// printAttribute prints the line of an inventory. That the daemon does not answer
// is a line as well: a script that fails leaves last month's value in a console.
func printAttribute(cmd *cobra.Command, sockets string) error {
	ctx, cancel := context.WithTimeout(cmd.Context(), attributePatience)
	defer cancel()
	var s wire.Status
	if err := ask(ctx, sockets, wire.MsgStatus, wire.Dictionary{}, &s); err != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "latchkey: %v\n", err)
		fmt.Fprintln(cmd.OutOrStdout(), "unknown: latchkeyd does not answer")
		return nil
	}
	fmt.Fprintln(cmd.OutOrStdout(), attributeOf(s))
	return nil
}

// attributeOf is "armed; recoverable until 2026-12-24": the first word is the
// state, and what comes after the semicolon is whether the help desk can make a
// PIN for everybody who needs a second factor here.
func attributeOf(s wire.Status) string {
	state := s.Armed.State
	if state != "armed" && s.Armed.Reason != "" {
		state += " (" + s.Armed.Reason + ")"
	}
	if s.KillSwitch {
		state += ", kill-switch present"
	}
	return oneLine(state) + "; " + recoverability(s.Accounts)
}

// recoverability is the word for the account that is worst off.
func recoverability(accounts []wire.AccountStatus) string {
	var until time.Time
	var without []string
	for _, a := range accounts {
		switch {
		case !a.Governed:
		case a.Secret.State != "current" || a.RecoverableUntil == nil:
			without = append(without, a.Name)
		case until.IsZero() || a.RecoverableUntil.Before(until):
			until = *a.RecoverableUntil
		}
	}
	switch {
	case len(without) > 0:
		return oneLine("not recoverable: " + without[0] + more(len(without)-1))
	case until.IsZero():
		return "nobody to recover yet"
	}
	return "recoverable until " + until.UTC().Format(time.DateOnly)
}

func more(others int) string {
	if others == 0 {
		return ""
	}
	return fmt.Sprintf(" and %d more", others)
}

// oneLine is what stays one line within the markup of an inventory.
func oneLine(text string) string {
	return strings.Join(strings.Fields(strings.NewReplacer("<", " ", ">", " ", "&", " and ").Replace(text)), " ")
}
