package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey-mfa/latchkey/internal/server/directauth"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

func (p *program) clientCommand() *cobra.Command {
	return group("client", "Clients of direct authentication, in the data folder of this machine", p.clientAdd(), p.clientList(), p.clientRevoke(), p.clientKey())
}

// localJSON is local, with the choice of JSON.
func (p *program) localJSON(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().BoolVar(&p.asJSON, "json", false, "print JSON")
	return p.local(cmd)
}

func (p *program) clientAdd() *cobra.Command {
	var file string
	cmd := p.localJSON(&cobra.Command{Use: "add NAME", Short: "Add a client and show its secret, once", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return p.addClient(cmd, args[0], file)
	}})
	cmd.Flags().StringVar(&file, "secret-file", "", "new file, mode 0600, for the secret (default: it is printed)")
	return cmd
}

func (p *program) addClient(cmd *cobra.Command, name, file string) error {
	var c directauth.Client
	var secret string
	err := p.withData(cmd, func(ctx context.Context, d *data, tx *sql.Tx) (err error) {
		if c, secret, err = directauth.CreateClient(ctx, tx, d.vault, name, d.now()); err != nil {
			return err
		}
		if file != "" {
			if err := writeSecret(file, secret); err != nil {
				return err
			}
		}
		return d.log.Append(ctx, tx, clientEvent(systemlog.ClientCreate, "Client of direct authentication created on the server's machine", c))
	})
	if errors.Is(err, directauth.ErrName) {
		return usage(err, "latchkey-server client add 'Macs'")
	}
	if err != nil {
		return err
	}
	return p.showClient(c, secret, file)
}

func (p *program) showClient(c directauth.Client, secret, file string) error {
	if file != "" {
		secret = ""
	}
	if p.asJSON {
		return p.printJSON(struct {
			ID     string `json:"client_id"`
			Secret string `json:"client_secret,omitempty"`
		}{c.ID, secret})
	}
	fmt.Fprintf(p.out, "client id: %s\n", c.ID)
	if file != "" {
		fmt.Fprintf(p.out, "client secret: in %s\n", file)
		return nil
	}
	fmt.Fprintf(p.out, "client secret: %s\n", secret)
	fmt.Fprintln(p.streams.err, "The secret is shown once: it belongs into the profile of the Macs, as DMFAClientSecret.")
	return nil
}

// writeSecret makes a file that only its owner can read; it replaces none.
func writeSecret(path, secret string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return failed(fmt.Errorf("write the secret: %w", err), "name a file that is not there yet")
	}
	_, err = fmt.Fprintln(f, secret)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("write the secret to %s: %w", path, err), os.Remove(path))
	}
	return nil
}

func clientEvent(kind, message string, c directauth.Client) systemlog.Event {
	return systemlog.Event{Type: kind, Severity: systemlog.Warn, Message: message, Actor: systemlog.System(),
		Targets: []systemlog.Target{{ID: c.ID, Type: "Client", AlternateID: c.Name, DisplayName: c.Name}}}
}

func (p *program) clientList() *cobra.Command {
	return p.localJSON(&cobra.Command{Use: "list", Short: "List clients, without their secrets", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return p.withData(cmd, func(ctx context.Context, _ *data, tx *sql.Tx) error {
			all, err := directauth.Clients(ctx, tx)
			if err != nil {
				return err
			}
			if p.asJSON {
				return p.printJSON(clientRows(all))
			}
			w := tabwriter.NewWriter(p.out, 0, 8, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tNAME\tCREATED\tUSED\tREVOKED")
			for _, c := range all {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", c.ID, c.Name, c.CreatedAt.Format(time.RFC3339), whenOrNever(c.UsedAt), whenOrNever(c.RevokedAt))
			}
			return w.Flush()
		})
	}})
}

// clientRow is a client as JSON.
type clientRow struct {
	ID        string     `json:"client_id"`
	Name      string     `json:"name"`
	CreatedAt time.Time  `json:"createdAt"`
	UsedAt    *time.Time `json:"usedAt,omitempty"`
	RevokedAt *time.Time `json:"revokedAt,omitempty"`
}

func clientRows(all []directauth.Client) []clientRow {
	rows := []clientRow{}
	for _, c := range all {
		rows = append(rows, clientRow{c.ID, c.Name, c.CreatedAt, there(c.UsedAt), there(c.RevokedAt)})
	}
	return rows
}

// there is nil for a time that is none.
func there(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (p *program) clientRevoke() *cobra.Command {
	return p.local(&cobra.Command{Use: "revoke ID", Short: "Revoke a client: its Macs are offline until their profile has another", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			err := p.withData(cmd, func(ctx context.Context, d *data, tx *sql.Tx) error {
				c, err := directauth.RevokeClient(ctx, tx, args[0], d.now())
				if err != nil {
					return err
				}
				return d.log.Append(ctx, tx, clientEvent(systemlog.ClientRevoke, "Client of direct authentication revoked on the server's machine", c))
			})
			if errors.Is(err, directauth.ErrNoClient) {
				return failed(fmt.Errorf("revoke %q: %w", args[0], err), "latchkey-server client list shows the ids")
			}
			if err == nil {
				fmt.Fprintf(p.out, "%s: revoked\n", args[0])
			}
			return err
		}})
}

// clientKey rotates by hand: who does it knows when the server may restart.
func (p *program) clientKey() *cobra.Command {
	return p.local(&cobra.Command{Use: "new-signing-key", Short: "Make a new key for ID tokens, which signs from the next start of the server on", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := p.withData(cmd, func(ctx context.Context, d *data, tx *sql.Tx) error {
				if err := directauth.AddKey(ctx, tx, d.vault, d.now()); err != nil {
					return err
				}
				return d.log.Append(ctx, tx, systemlog.Event{Type: systemlog.SigningKey, Severity: systemlog.Warn, Message: "New signing key of ID tokens", Actor: systemlog.System()})
			})
			if err == nil {
				fmt.Fprintln(p.out, "made; restart the server, which signs with it from then on")
			}
			return err
		}})
}
