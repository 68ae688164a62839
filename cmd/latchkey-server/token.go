package main

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

func (p *program) tokenCommand() *cobra.Command {
	return group("token", "API tokens, in the data folder of this machine", p.tokenCreate(), p.tokenList(), p.tokenRevoke())
}

// withData runs do with the data folder open.
func (p *program) withData(cmd *cobra.Command, do func(ctx context.Context, d *data, tx *sql.Tx) error) error {
	d, err := p.openData(cmd.Context())
	if err != nil {
		return err
	}
	defer d.db.Close()
	return d.db.Update(cmd.Context(), func(tx *sql.Tx) error { return do(cmd.Context(), d, tx) })
}

func (p *program) tokenCreate() *cobra.Command {
	var name, login, role string
	var groups, scopes []string
	var life time.Duration
	cmd := p.local(&cobra.Command{Use: "create", Short: "Create a token and print it, once", Args: cobra.NoArgs})
	cmd.Flags().StringVar(&name, "name", "", "what the token is for (required)")
	cmd.Flags().StringVar(&login, "login", "", "org login of the administrator that it belongs to (required)")
	cmd.Flags().StringVar(&role, "role", "", "super-admin, org-admin, help-desk-admin, read-only-admin or the key of a custom role (required)")
	scopeFlag(cmd, &groups)
	cmd.Flags().StringArrayVar(&scopes, "scope", nil, "scope that narrows the role, such as okta.devices.read; may be repeated (without: all that the role may)")
	cmd.Flags().DurationVar(&life, "expires-in", access.UsualLife, "how long it is good, up to 8784h (366 days); 0 is for ever")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c := access.Caller{Name: strings.TrimSpace(name), Login: strings.TrimSpace(login), Role: access.Role(role), Grant: access.Grant{Groups: groups}}
		if c.Name == "" || c.Login == "" {
			return usage(errors.New("--name and --login are needed"), "a token belongs to a person: the login stands in every event, and cannot get a PIN for its own account")
		}
		if life < 0 || life > access.MaxLife {
			return usage(fmt.Errorf("--expires-in %s: want at most %s, or 0 for a token that is good for ever", life, access.MaxLife), "2160h is 90 days")
		}
		var err error
		if c.Scopes, err = access.ReadScopes(scopes); err != nil {
			return usage(fmt.Errorf("--scope: %w", err), "docs/api.md says what each is for")
		}
		return p.createToken(cmd, c, life)
	}
	return cmd
}

func (p *program) createToken(cmd *cobra.Command, c access.Caller, life time.Duration) error {
	var text, id string
	err := p.withData(cmd, func(ctx context.Context, d *data, tx *sql.Tx) (err error) {
		var expires time.Time
		if life > 0 {
			expires = d.now().Add(life)
		}
		if c.Role, err = namedRole(ctx, tx, string(c.Role)); err != nil {
			return err
		}
		if text, id, err = access.Create(ctx, tx, c, d.now(), expires); err != nil {
			return err
		}
		return d.log.Append(ctx, tx, systemlog.Event{Type: systemlog.TokenCreate, Severity: systemlog.Warn, Message: "API token created on the server's machine",
			Actor: systemlog.System(), Targets: []systemlog.Target{{ID: id, Type: "Token", AlternateID: c.Login, DisplayName: c.Name}},
			Detail: map[string]string{"role": string(c.Role), "scopes": scopeNames(c.Scopes), "groups": strings.Join(c.Groups, ", ")}})
	})
	if errors.Is(err, access.ErrValue) {
		return usage(err, "latchkey-server token create --help tells of each flag")
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(p.streams.err, "token %s for %s (%s). It is shown once: store it in a file that only you can read.\n", id, c.Login, c.Role)
	fmt.Fprintln(p.out, text)
	return nil
}

func (p *program) tokenList() *cobra.Command {
	return p.local(&cobra.Command{Use: "list", Short: "List tokens", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return p.withData(cmd, func(ctx context.Context, d *data, tx *sql.Tx) error {
			tokens, err := access.List(ctx, tx)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(p.out, 0, 8, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tROLE\tLOGIN\tNAME\tSTATE\tLAST USED\tGROUPS\tSCOPES")
			for _, t := range tokens {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", t.TokenID, t.Role, t.Login, t.Name, tokenState(t, d.now()), whenOrNever(t.UsedAt), scopeWords(t.Groups),
					cmp.Or(scopeNames(t.Scopes), "all of the role"))
			}
			return w.Flush()
		})
	}})
}

// scopeFlag limits whoever is made to groups of users.
func scopeFlag(cmd *cobra.Command, groups *[]string) {
	cmd.Flags().StringArrayVar(groups, "group", nil, "name of a group of users that it is scoped to; may be repeated (without: the whole org)")
}

func scopeWords(groups []string) string { return cmp.Or(strings.Join(groups, ", "), "the whole org") }

func scopeNames(scopes []access.Permission) string {
	out := make([]string, 0, len(scopes))
	for _, p := range scopes {
		out = append(out, string(p))
	}
	return strings.Join(out, " ")
}

// namedRole is a role that there is.
func namedRole(ctx context.Context, tx *sql.Tx, name string) (access.Role, error) {
	r, err := access.NamedRole(ctx, tx, name)
	if errors.Is(err, access.ErrValue) {
		return "", usage(fmt.Errorf("--role: %w", err), "help-desk-admin may generate PINs and reset factors")
	}
	return r, err
}

func tokenState(t access.Token, now time.Time) string {
	switch {
	case !t.RevokedAt.IsZero():
		return "revoked " + t.RevokedAt.Format(time.RFC3339)
	case t.ExpiresAt.IsZero():
		return "good for ever"
	case now.After(t.ExpiresAt):
		return "expired " + t.ExpiresAt.Format(time.RFC3339)
	}
	return "good until " + t.ExpiresAt.Format(time.RFC3339)
}

func (p *program) tokenRevoke() *cobra.Command {
	return p.local(&cobra.Command{Use: "revoke ID", Short: "Revoke a token", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		err := p.withData(cmd, func(ctx context.Context, d *data, tx *sql.Tx) error {
			if err := access.Revoke(ctx, tx, args[0], d.now()); err != nil {
				return err
			}
			return d.log.Append(ctx, tx, systemlog.Event{Type: systemlog.TokenRevoke, Message: "API token revoked on the server's machine", Actor: systemlog.System(),
				Targets: []systemlog.Target{{ID: args[0], Type: "Token"}}})
		})
		if errors.Is(err, access.ErrUnknown) {
			return failed(fmt.Errorf("revoke %q: %w", args[0], err), "latchkey-server token list shows the ids")
		}
		return err
	}})
}
