package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/latchkey-mfa/latchkey/internal/clock"
	"github.com/latchkey-mfa/latchkey/internal/device/directory"
	"github.com/latchkey-mfa/latchkey/internal/device/launch"
	"github.com/latchkey-mfa/latchkey/internal/device/machine"
	"github.com/latchkey-mfa/latchkey/internal/device/places"
	"github.com/latchkey-mfa/latchkey/internal/device/service"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// version is set by the linker.
var version = "0.0.0-dev"

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2
)

// shortestPoll keeps a slip of the hand from keeping the disk busy.
const shortestPoll = 100 * time.Millisecond

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	failed := false
	cmd := newCommand(&failed)
	if err := cmd.ExecuteContext(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "latchkeyd: %v\n", err)
		if failed {
			fmt.Fprintln(os.Stderr, "hint: mend what the error names and start again; `latchkey doctor` checks a daemon that runs")
			os.Exit(exitFailed)
		}
		fmt.Fprintln(os.Stderr, "hint: latchkeyd --help lists every flag")
		os.Exit(exitUsage)
	}
}

// flags are what the command line sets.
type flags struct {
	state, files, sockets, prefs string
	accounts, machine, ca        string
	logFormat, logLevel, logFile string
	poll                         time.Duration
	clock                        clock.Options
	keys                         string // folder of simulated security keys; "" for the real ones
}

func newCommand(failed *bool) *cobra.Command {
	f := &flags{}
	cmd := &cobra.Command{
		Use:           "latchkeyd",
		Short:         "The device daemon of Latchkey, open Desktop MFA for macOS",
		Args:          cobra.NoArgs,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := newLogger(f.logFormat, f.logLevel, f.logFile)
			if err != nil {
				return err
			}
			if f.poll < shortestPoll {
				return fmt.Errorf("--poll %s: want a tenth of a second or longer", f.poll)
			}
			*failed = true
			err = run(cmd.Context(), f, log)
			if cmd.Context().Err() != nil && errors.Is(err, context.Canceled) {
				return nil // it was told to end before it was ready
			}
			return err
		},
	}
	set := cmd.Flags()
	set.StringVar(&f.state, "state", places.State, "folder of the store and the device's identity, mode 0700")
	set.StringVar(&f.files, "files", places.Files, "folder of the gate, contact and kill-switch files, mode 0755")
	set.StringVar(&f.sockets, "sockets", places.Sockets, "folder of the prompt, gate and control sockets")
	set.StringVar(&f.prefs, "managed-preferences", places.Preferences, "folder of the managed profile")
	set.StringVar(&f.ca, "ca", "", "file of further root certificates (PEM) for the server")
	set.DurationVar(&f.poll, "poll", 2*time.Second, "how often to look at the profile")
	set.StringVar(&f.logFormat, "log-format", "json", "json or console")
	set.StringVar(&f.logFile, "log-file", "", "write the log to this file, mode 0640, and not to standard error; it may be renamed at any time, as newsyslog does")
	set.StringVar(&f.logLevel, "log-level", "info", "debug, info, warn or error")
	platformFlags(set, f)
	simulationFlags(set, f)
	manualPages(cmd)
	return cmd
}

func run(ctx context.Context, f *flags, log *zap.Logger) error {
	defer func() { _ = log.Sync() }()
	c, err := clock.Open(f.clock)
	if err != nil {
		return err
	}
	m, err := machine.Read(f.machine)
	if err != nil {
		return err
	}
	accounts, err := directory.Open(f.accounts)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(f.sockets, 0o755); err != nil {
		return fmt.Errorf("make the folder of the sockets: %w", err)
	}
	sockets, err := launch.Sockets(wire.RolePrompt, wire.RoleGate, wire.RoleControl, wire.RoleSession)
	if err != nil {
		return err
	}
	right, err := loginRight(f, m, c)
	if err != nil {
		return err
	}
	sealing, held, err := secrets(ctx, f)
	if err != nil {
		return err
	}
	daemon, err := service.Open(ctx, service.Options{
		SealingKey: sealing, Identity: held,
		State: f.state, Files: f.files, Sockets: f.sockets, CAFile: f.ca, ManagedPreferences: f.prefs, PollEvery: f.poll,
		Clock: c, Machine: m, Directory: accounts, Keys: keys(f), Held: sockets, LoginRight: right, SetupDone: setupDone, Version: version, Log: log,
	})
	if err != nil {
		return err
	}
	return daemon.Run(ctx, func() {
		log.Info("ready", zap.String("version", version), zap.String("sockets", f.sockets))
	})
}
