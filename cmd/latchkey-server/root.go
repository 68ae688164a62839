package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/latchkey-mfa/latchkey/internal/clock"
)

// streams are where a command writes, and what it reads; without in, nothing.
type streams struct {
	out, err io.Writer
	in       io.Reader
}

// program is what all commands share.
type program struct {
	streams
	openClock func() (clock.Clock, error)
	dataDir   string
	keyFile   string
	database  string
	urlFile   string
	server    string
	tokenFile string
	caFile    string
	asJSON    bool
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, s streams, args []string) int {
	p := &program{streams: s}
	root := p.root()
	root.SetArgs(args)
	root.SetOut(s.out)
	root.SetErr(s.err)
	return p.report(root.ExecuteContext(ctx))
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "latchkey-server",
		Short:         "The org server of Latchkey, and its command line",
		Version:       version,
		SilenceErrors: true, SilenceUsage: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := p.noSecretIn(cmd); err != nil {
				return err
			}
			if err := fromEnvironment(cmd.Flags()); err != nil {
				return err
			}
			return fromConfig(cmd)
		},
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usage(errors.New("no command is given"), "latchkey-server --help lists the commands")
		},
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage(err, cmd.CommandPath()+" --help lists the flags")
	})
	p.openClock = clockFlags(root.PersistentFlags())
	root.PersistentFlags().String(configFlag, "", "TOML file whose keys are flags without their dashes; the command line and the environment go before it")
	twinned(root.PersistentFlags(), configFlag)
	root.AddCommand(p.serveCommand(), p.initCommand(), p.tokenCommand(), p.adminCommand(), p.scepCommand(), p.deviceCommand(), p.pinCommand(),
		p.eventsCommand(), p.userCommand(), p.settingsCommand(), p.clientCommand(), p.factorCommand(), p.pushCommand(), p.backupCommand(), p.restoreCommand())
	manualPages(root)
	return root
}

// local adds the flags of commands that open the data folder themselves.
func (p *program) local(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringVar(&p.dataDir, "data", "/var/lib/latchkey-server", "folder of the database and the master key")
	cmd.Flags().StringVar(&p.keyFile, "master-key", "", "file of the master key (default: master.key in the data folder)")
	cmd.Flags().StringVar(&p.database, "database", "", "SQLite file, or URL of a PostgreSQL database (default: latchkey.db in the data folder); a URL with a password is never a flag")
	cmd.Flags().StringVar(&p.urlFile, "database-file", "", "file, mode 0600, whose one line is what --database would be")
	twinned(cmd.Flags(), "data", "master-key", "database", "database-file")
	return cmd
}

// remote adds the flags of commands that ask the running server.
func (p *program) remote(cmd *cobra.Command) *cobra.Command {
	f := cmd.Flags()
	f.StringVar(&p.server, "server", "https://localhost:8443", "URL of the server")
	f.StringVar(&p.tokenFile, "token-file", "", "file with the API token (or the token itself in the environment: LATCHKEY_TOKEN)")
	f.StringVar(&p.caFile, "ca-file", "", "PEM file of the authority to trust, such as tls-ca.pem of an evaluation server (default: the system's)")
	f.BoolVar(&p.asJSON, "json", false, "print JSON")
	twinned(f, "server", "token-file", "ca-file")
	return cmd
}

// twin marks the flags that the environment can set: those that say where
// things are and how the server runs. What a single command does is never
// taken from there.
const twin = "environment"

func twinned(f *pflag.FlagSet, names ...string) {
	for _, n := range names {
		f.Lookup(n).Annotations = map[string][]string{twin: {envName(n)}}
	}
}

// envName is the environment twin of a flag.
func envName(flag string) string {
	return "LATCHKEY_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// fromEnvironment fills flags that the command line leaves out.
func fromEnvironment(flags *pflag.FlagSet) error {
	var err error
	flags.VisitAll(func(f *pflag.Flag) {
		value, there := os.LookupEnv(envName(f.Name))
		if !there || value == "" || f.Changed || f.Annotations[twin] == nil {
			return
		}
		if bad := flags.Set(f.Name, value); bad != nil {
			err = errors.Join(err, usage(fmt.Errorf("environment %s=%q: %w", envName(f.Name), value, bad), "it stands for the flag --"+f.Name))
		}
	})
	return err
}

// now is the clock as functions take it.
func (p *program) now() (func() time.Time, error) {
	c, err := p.openClock()
	if err != nil {
		return nil, fmt.Errorf("open the clock: %w", err)
	}
	return c.Wall, nil
}

// group is a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: use, Short: short, Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage(fmt.Errorf("%s: unknown command %q", cmd.CommandPath(), args[0]), cmd.CommandPath()+" --help lists the commands")
			}
			return usage(fmt.Errorf("%s: no command is given", cmd.CommandPath()), cmd.CommandPath()+" --help lists the commands")
		}}
	g.AddCommand(commands...)
	return g
}
