package main

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey-mfa/latchkey/internal/qrcode"
	"github.com/latchkey-mfa/latchkey/internal/server/credential"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/factor"
	"github.com/latchkey-mfa/latchkey/internal/server/password"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
	"github.com/latchkey-mfa/latchkey/pkg/totp"
)

func (p *program) factorCommand() *cobra.Command {
	return group("factor", "Factors of org users, in the data folder of this machine", p.factorTOTP(), p.factorPhone(), p.factorInvite(), p.factorList(), p.factorRemove())
}

// machine is this machine as the one who does something.
func machine() factor.By { return factor.By{Actor: systemlog.System()} }

// withFactors runs do in a transaction, for the user with that login.
func (p *program) withFactors(cmd *cobra.Command, login string, do func(ctx context.Context, b *factor.Book, tx *sql.Tx, u directory.User) error) error {
	return factorHint(p.withData(cmd, func(ctx context.Context, d *data, tx *sql.Tx) error {
		u, err := directory.FindUser(ctx, tx, login)
		if errors.Is(err, directory.ErrNotFound) {
			return failed(err, "latchkey-server user list shows the logins; latchkey-server user add adds one")
		}
		if err != nil {
			return err
		}
		return do(ctx, d.factors(), tx, u)
	}))
}

// factorHint adds what to do next.
func factorHint(err error) error {
	var h *hinted
	var unfit *password.UnfitError
	switch {
	case errors.As(err, &h), err == nil:
		return err
	case errors.As(err, &unfit), errors.Is(err, factor.ErrName):
		return usage(err, "correct the value and try again")
	case errors.Is(err, factor.ErrNumber):
		return usage(err, "latchkey-server push approve ID --number NN; ask the person at the Mac, nobody else")
	case errors.Is(err, factor.ErrWrongNumber):
		return refused(err, "begin again at the Mac")
	case errors.Is(err, factor.ErrKind):
		return usage(err, "latchkey-server factor invite LOGIN --kind push")
	case errors.Is(err, credential.ErrNoParty):
		return refused(err, "start the server with --public-url https://and-a-name: browsers have passkeys and security keys for names alone")
	case errors.Is(err, factor.ErrTooMany):
		return refused(err, "latchkey-server factor remove LOGIN ID makes room")
	case errors.Is(err, factor.ErrNotACode), errors.Is(err, factor.ErrRefused):
		return failed(err, "is the phone's clock right? latchkey-server factor enrol-totp begins again")
	case errors.Is(err, factor.ErrNotFound), errors.Is(err, factor.ErrState):
		return failed(err, "latchkey-server factor list LOGIN and latchkey-server push list --all show what there is")
	}
	return err
}

func (p *program) factorTOTP() *cobra.Command {
	var name string
	var unconfirmed bool
	cmd := p.localJSON(&cobra.Command{Use: "enrol-totp LOGIN", Short: "Set up an authenticator app: show its key, and take its first code from standard input", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return p.enrolTOTP(cmd, args[0], name, unconfirmed) }})
	cmd.Flags().StringVar(&name, "name", "Authenticator app", "what the app is called in lists")
	cmd.Flags().BoolVar(&unconfirmed, "unconfirmed", false, "do not ask for a code of the app")
	return cmd
}

func (p *program) enrolTOTP(cmd *cobra.Command, login, name string, unconfirmed bool) error {
	var f factor.Factor
	var k totp.Key
	var user directory.User
	err := p.withFactors(cmd, login, func(ctx context.Context, b *factor.Book, tx *sql.Tx, u directory.User) (err error) {
		user = u
		if f, k, err = b.EnrolTOTP(ctx, tx, u, name); err == nil && unconfirmed {
			err = b.TrustTOTP(ctx, tx, u, f.ID, machine())
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := p.showKey(f, k, user); err != nil || unconfirmed {
		return err
	}
	fmt.Fprintln(p.streams.err, "Type the code that the app shows:")
	typed := p.line()
	err = p.withFactors(cmd, login, func(ctx context.Context, b *factor.Book, tx *sql.Tx, u directory.User) error {
		return b.ConfirmTOTP(ctx, tx, u, f.ID, typed, machine())
	})
	if err == nil && !p.asJSON {
		fmt.Fprintf(p.out, "%s: the app is set up\n", login)
	}
	return err
}

// showKey shows what only the person with the phone may see.
func (p *program) showKey(f factor.Factor, k totp.Key, u directory.User) error {
	uri := factor.URI(k, u)
	if p.asJSON {
		return p.printJSON(struct {
			ID     string `json:"id"`
			URI    string `json:"uri"`
			Secret string `json:"secret"`
		}{f.ID, uri, strings.ReplaceAll(k.Text(), " ", "")})
	}
	fmt.Fprintf(p.out, "%s\nid: %s\nkey: %s\n%s\n", strings.Join(qrcode.Lines(uri, qrcode.QuietSmall, false), "\n"), f.ID, k.Text(), uri)
	return nil
}

// line is the next one of standard input, bounded.
func (p *program) line() string {
	if p.in == nil {
		return ""
	}
	text, _ := bufio.NewReader(io.LimitReader(p.in, 4096)).ReadString('\n')
	return strings.TrimRight(text, "\r\n")
}

func (p *program) factorPhone() *cobra.Command {
	return p.localJSON(&cobra.Command{Use: "enrol-phone LOGIN NAME", Short: "Set up a phone that pushes are sent to; latchkey-server push plays it", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withFactors(cmd, args[0], func(ctx context.Context, b *factor.Book, tx *sql.Tx, u directory.User) error {
				f, err := b.EnrolPhone(ctx, tx, u, args[1], machine())
				if err != nil {
					return err
				}
				if p.asJSON {
					return p.printJSON(factorRows([]factor.Factor{f})[0])
				}
				fmt.Fprintf(p.out, "id: %s\n", f.ID)
				return nil
			})
		}})
}

// factorRow is a factor as JSON.
type factorRow struct {
	ID        string     `json:"id"`
	Kind      string     `json:"kind"`
	Name      string     `json:"name"`
	Confirmed bool       `json:"confirmed"`
	Passkey   bool       `json:"passkey"`
	Suspended *time.Time `json:"suspendedAt,omitempty"`
	CreatedAt time.Time  `json:"createdAt"`
	UsedAt    *time.Time `json:"usedAt,omitempty"`
}

func factorRows(all []factor.Factor) []factorRow {
	rows := []factorRow{}
	for _, f := range all {
		rows = append(rows, factorRow{f.ID, f.Kind, f.Name, f.Confirmed, f.Passkey, there(f.SuspendedAt), f.CreatedAt, there(f.UsedAt)})
	}
	return rows
}

func (p *program) factorList() *cobra.Command {
	return p.localJSON(&cobra.Command{Use: "list LOGIN", Short: "List the factors of a user", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return p.withFactors(cmd, args[0], func(ctx context.Context, b *factor.Book, tx *sql.Tx, u directory.User) error {
			all, err := b.List(ctx, tx, u.ID)
			if err != nil {
				return err
			}
			if p.asJSON {
				return p.printJSON(factorRows(all))
			}
			w := tabwriter.NewWriter(p.out, 0, 8, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tKIND\tNAME\tSET UP\tUSED")
			for _, f := range all {
				since := f.CreatedAt.Format(time.RFC3339)
				if !f.Confirmed {
					since = "not confirmed"
				}
				if !f.SuspendedAt.IsZero() {
					since = "SUSPENDED"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", f.ID, f.Kind, f.Name, since, whenOrNever(f.UsedAt))
			}
			return w.Flush()
		})
	}})
}

func (p *program) factorRemove() *cobra.Command {
	return p.local(&cobra.Command{Use: "remove LOGIN ID", Short: "Remove one factor of a user", Args: cobra.ExactArgs(2), RunE: func(cmd *cobra.Command, args []string) error {
		err := p.withFactors(cmd, args[0], func(ctx context.Context, b *factor.Book, tx *sql.Tx, u directory.User) error {
			return b.Remove(ctx, tx, u, args[1], machine())
		})
		if err == nil {
			fmt.Fprintf(p.out, "%s: removed\n", args[1])
		}
		return err
	}})
}

// userPassword sets one from a file or from standard input, never from the
// command line, which every user of the machine can see.
func (p *program) userPassword() *cobra.Command {
	var file string
	cmd := p.local(&cobra.Command{Use: "password LOGIN", Short: "Set an org user's password, from standard input or a file, in the data folder of this machine", Args: cobra.ExactArgs(1)})
	cmd.Flags().StringVar(&file, "password-file", "", "file whose first line is the password (default: standard input)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		chosen, err := p.chosen(file)
		if err != nil {
			return err
		}
		d, err := p.openData(cmd.Context())
		if err != nil {
			return err
		}
		defer d.db.Close()
		if err := d.factors().SetPassword(cmd.Context(), args[0], chosen, machine()); err != nil {
			return factorHint(err)
		}
		fmt.Fprintf(p.out, "%s: the password is set\n", args[0])
		return nil
	}
	return cmd
}

func (p *program) chosen(file string) (string, error) {
	if file == "" {
		return p.line(), nil
	}
	f, err := os.Open(file)
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	defer f.Close()
	from := &program{streams: streams{in: f}}
	return from.line(), nil
}
