package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/factor"
)

// pushCommand plays the phones of the org's users. Whoever may write to the data
// folder is not asked who they are; what they answer is in the system log.
func (p *program) pushCommand() *cobra.Command {
	return group("push", "Pushes to org users, in the data folder of this machine", p.pushList(), p.pushApprove(), p.pushDeny(), p.pushUnblock())
}

// pushRow is a push as JSON. It has no number that is the right one.
type pushRow struct {
	ID        string    `json:"id"`
	Login     string    `json:"login"`
	State     string    `json:"state"`
	DeviceID  string    `json:"deviceId"`
	Serial    string    `json:"serialNumber"`
	Device    string    `json:"device"`
	ClientID  string    `json:"client_id"`
	Numbers   []string  `json:"numbers"`
	AskedAt   time.Time `json:"askedAt"`
	ExpiresAt time.Time `json:"expiresAt"`
}

func (p *program) pushList() *cobra.Command {
	var all bool
	cmd := p.localJSON(&cobra.Command{Use: "list", Short: "List pushes that wait for an answer", Args: cobra.NoArgs})
	cmd.Flags().BoolVar(&all, "all", false, "also those of the last day that do not wait any more")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return p.withData(cmd, func(ctx context.Context, d *data, tx *sql.Tx) error {
			found, err := d.factors().Pushes(ctx, tx, all)
			if err != nil {
				return err
			}
			return p.showPushes(found)
		})
	}
	return cmd
}

func (p *program) showPushes(found []factor.Push) error {
	rows := []pushRow{}
	for _, f := range found {
		// What a Mac says of itself must not forge a row, nor reach the terminal.
		name, _ := printable(f.Device.Label()).(string)
		serial, _ := printable(f.Device.Serial).(string)
		rows = append(rows, pushRow{f.ID, f.User.Login, string(f.State), f.Device.ID, serial, name, f.ClientID, f.Numbers, f.AskedAt, f.ExpiresAt})
	}
	if p.asJSON {
		return p.printJSON(rows)
	}
	w := tabwriter.NewWriter(p.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tUSER\tMAC\tSERIAL\tASKED\tEXPIRES\tSTATE\tNUMBERS")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.ID, r.Login, r.Device, r.Serial, r.AskedAt.Format(time.RFC3339), r.ExpiresAt.Format(time.RFC3339), r.State, strings.Join(r.Numbers, " "))
	}
	return w.Flush()
}

// withBook runs do with the data folder open, outside of a transaction.
func (p *program) withBook(cmd *cobra.Command, do func(ctx context.Context, b *factor.Book) error) error {
	d, err := p.openData(cmd.Context())
	if err != nil {
		return err
	}
	defer d.db.Close()
	return factorHint(do(cmd.Context(), d.factors()))
}

func (p *program) pushApprove() *cobra.Command {
	var number string
	cmd := p.local(&cobra.Command{Use: "approve ID", Short: "Approve a push, with the number that the Mac shows", Args: cobra.ExactArgs(1)})
	cmd.Flags().StringVar(&number, "number", "", "the two digits that the Mac shows; a wrong number refuses the push")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		err := p.withBook(cmd, func(ctx context.Context, b *factor.Book) error { return b.Approve(ctx, args[0], number, machine()) })
		if err == nil {
			fmt.Fprintf(p.out, "%s: approved\n", args[0])
		}
		return err
	}
	return cmd
}

func (p *program) pushDeny() *cobra.Command {
	var notMe bool
	cmd := p.local(&cobra.Command{Use: "deny ID", Short: "Refuse a push", Args: cobra.ExactArgs(1)})
	cmd.Flags().BoolVar(&notMe, "not-me", false, "this wasn't me: block pushes to the user until push unblock")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		err := p.withBook(cmd, func(ctx context.Context, b *factor.Book) error { return b.Deny(ctx, args[0], notMe, machine()) })
		if err == nil {
			fmt.Fprintf(p.out, "%s: refused\n", args[0])
		}
		return err
	}
	return cmd
}

func (p *program) pushUnblock() *cobra.Command {
	return p.local(&cobra.Command{Use: "unblock LOGIN", Short: "Let pushes to a user go again, after this wasn't me or too many of them", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		err := p.withFactors(cmd, args[0], func(ctx context.Context, b *factor.Book, tx *sql.Tx, u directory.User) error {
			return b.Unblock(ctx, tx, u, machine())
		})
		if err == nil {
			fmt.Fprintf(p.out, "%s: pushes are sent again\n", args[0])
		}
		return err
	}})
}
