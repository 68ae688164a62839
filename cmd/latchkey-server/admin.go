package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/signin"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

func (p *program) adminCommand() *cobra.Command {
	suspend := p.adminChange("suspend", "Suspend an administrator and end their sessions", "suspended", func(s *signin.Service) statusChange { return s.Suspend })
	unsuspend := p.adminChange("unsuspend", "End a suspension", "no longer suspended", func(s *signin.Service) statusChange { return s.Unsuspend })
	return group("admin", "Administrators of the web console, in the data folder of this machine", p.adminCreate(), p.adminList(), p.adminReset(), suspend, unsuspend)
}

// withAdmins runs do with the data folder open. Whoever may write to it is not
// asked who they are.
func (p *program) withAdmins(cmd *cobra.Command, do func(ctx context.Context, s *signin.Service, tx *sql.Tx) error) error {
	return explained(p.withData(cmd, func(ctx context.Context, d *data, tx *sql.Tx) error {
		s, err := signin.New(signin.Config{DB: d.db, Vault: d.vault, Log: d.log, Now: d.now})
		if err != nil {
			return err
		}
		return do(ctx, s, tx)
	}))
}

// explained adds what to do next.
func explained(err error) error {
	switch {
	case errors.Is(err, signin.ErrValue):
		return usage(err, "latchkey-server admin create --help tells of each flag")
	case errors.Is(err, signin.ErrExists):
		return failed(err, "latchkey-server admin reset LOGIN gives somebody who is one already a new set-up code")
	case errors.Is(err, signin.ErrNotFound):
		return failed(err, "latchkey-server admin list shows the logins")
	case errors.Is(err, signin.ErrFederated):
		return refused(err, "suspend keeps somebody out here, whatever the provider says")
	case errors.Is(err, signin.ErrState):
		return failed(err, "latchkey-server admin list shows who is suspended")
	case errors.Is(err, signin.ErrLastSuperAdmin):
		return refused(err, "make somebody else a super admin first: latchkey-server admin create --role super-admin")
	}
	return err
}

// here is this machine as the one who does something.
func here() signin.By { return signin.By{Actor: systemlog.System()} }

func (p *program) adminCreate() *cobra.Command {
	var n signin.NewAdmin
	var role string
	cmd := p.local(&cobra.Command{Use: "create", Short: "Create an administrator and print their set-up code, once", Args: cobra.NoArgs})
	cmd.Flags().StringVar(&n.Login, "login", "", "what they sign in with, as their e-mail address (required)")
	cmd.Flags().StringVar(&n.Name, "name", "", "what they are called (required)")
	scopeFlag(cmd, &n.Groups)
	cmd.Flags().StringVar(&role, "role", "", "super-admin, org-admin, help-desk-admin, read-only-admin or the key of a custom role (the first one is a super-admin; then required)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if strings.TrimSpace(n.Login) == "" || strings.TrimSpace(n.Name) == "" {
			return usage(errors.New("--login and --name are needed"), "an account belongs to a person: both stand in every event")
		}
		return p.createAdmin(cmd, n, role)
	}
	return cmd
}

func (p *program) createAdmin(cmd *cobra.Command, n signin.NewAdmin, role string) error {
	var a signin.Admin
	var code signin.Secret
	err := p.withAdmins(cmd, func(ctx context.Context, s *signin.Service, tx *sql.Tx) (err error) {
		if n.Role, err = roleFor(ctx, s, tx, role); err == nil {
			a, code, err = s.Create(ctx, tx, n, here())
		}
		return err
	})
	if err != nil {
		return err
	}
	p.printCode(a, code)
	return nil
}

// roleFor is the role that was asked for. The first administrator is a super
// admin: there would be nobody else to make one.
func roleFor(ctx context.Context, s *signin.Service, tx *sql.Tx, role string) (access.Role, error) {
	if role == "" {
		all, err := s.Admins(ctx, tx)
		if err != nil {
			return "", err
		}
		if len(all) == 0 {
			return access.SuperAdmin, nil
		}
	}
	return namedRole(ctx, tx, role)
}

// printCode shows a set-up code; it is not kept.
func (p *program) printCode(a signin.Admin, code signin.Secret) {
	fmt.Fprintf(p.streams.err, "set-up code for %s (%s). It is shown once, and good for %d hours: open https://YOUR-SERVER/set-up and type login and code.\n",
		a.Login, a.Role, int(signin.SetUpCodeLife/time.Hour))
	fmt.Fprintln(p.out, code.Text())
}

func (p *program) adminList() *cobra.Command {
	return p.local(&cobra.Command{Use: "list", Short: "List administrators", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return p.withAdmins(cmd, func(ctx context.Context, s *signin.Service, tx *sql.Tx) error {
			all, err := s.Admins(ctx, tx)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(p.out, 0, 8, 2, ' ', 0)
			fmt.Fprintln(w, "LOGIN\tROLE\tSTATUS\tSECOND FACTORS\tSIGNED IN\tNAME\tGROUPS")
			for _, a := range all {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", a.Login, a.Role, a.Status, factorsOf(a), whenOrNever(a.SignedInAt), a.Name, scopeWords(a.Grant.Groups))
			}
			return w.Flush()
		})
	}})
}

func factorsOf(a signin.Admin) string {
	if a.Federated() {
		return "single sign-on"
	}
	var have []string
	if a.HasTOTP {
		have = append(have, "app")
	}
	if n := len(a.Passkeys); n > 0 {
		have = append(have, fmt.Sprintf("passkeys: %d", n))
	}
	if len(have) == 0 {
		return "none"
	}
	return strings.Join(append(have, fmt.Sprintf("recovery codes: %d", a.RecoveryCodesLeft)), ", ")
}

func whenOrNever(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Format(time.RFC3339)
}

func (p *program) adminReset() *cobra.Command {
	return p.local(&cobra.Command{Use: "reset LOGIN", Short: "Void an administrator's password, factors and sessions, and print a new set-up code", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var a signin.Admin
			var code signin.Secret
			err := p.withAdmins(cmd, func(ctx context.Context, s *signin.Service, tx *sql.Tx) (err error) {
				if a, err = s.AdminByLogin(ctx, tx, args[0]); err == nil {
					code, err = s.NewSetUpCode(ctx, tx, a.ID, here())
				}
				return err
			})
			if err != nil {
				return err
			}
			if a.Status == signin.Suspended {
				fmt.Fprintf(p.streams.err, "%s is suspended, and stays so: latchkey-server admin unsuspend %s\n", a.Login, a.Login)
			}
			p.printCode(a, code)
			return nil
		}})
}

// statusChange moves an administrator, by id, to another status.
type statusChange func(ctx context.Context, tx *sql.Tx, id string, by signin.By) error

// adminChange is a command that changes one administrator's status.
func (p *program) adminChange(use, short, done string, change func(*signin.Service) statusChange) *cobra.Command {
	return p.local(&cobra.Command{Use: use + " LOGIN", Short: short, Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		var a signin.Admin
		err := p.withAdmins(cmd, func(ctx context.Context, s *signin.Service, tx *sql.Tx) (err error) {
			if a, err = s.AdminByLogin(ctx, tx, args[0]); err == nil {
				err = change(s)(ctx, tx, a.ID, here())
			}
			return err
		})
		if err == nil {
			fmt.Fprintf(p.out, "%s: %s\n", a.Login, done)
		}
		return err
	}})
}
