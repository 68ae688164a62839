package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/latchkey-mfa/latchkey/internal/device/places"
)

// version is set by the linker.
var version = "0.0.0-dev"

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2
	exitNo     = 3
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// failure is an error with what to do next.
type failure struct {
	err  error
	hint string
	code int
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func failed(hint string, err error) error { return &failure{err: err, hint: hint, code: exitFailed} }

// run is main without the process around it, for tests.
func run(args []string, in io.Reader, out, errs io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cmd := newCommand()
	cmd.SetArgs(args)
	cmd.SetIn(in)
	cmd.SetOut(out)
	cmd.SetErr(errs)
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	f := &failure{err: err, hint: "latchkey --help lists the commands", code: exitUsage}
	errors.As(err, &f)
	if f.code != exitNo {
		fmt.Fprintf(errs, "latchkey: error: %v\n", f)
	}
	fmt.Fprintf(errs, "latchkey: hint: %s\n", f.hint)
	return f.code
}

func newCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:           "latchkey",
		Short:         "Latchkey, open Desktop MFA for macOS, on this machine",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	sockets := cmd.PersistentFlags().String("sockets", places.Sockets, "folder of the daemon's sockets")
	cmd.AddCommand(statusCommand(sockets), factorsCommand(sockets), doctorCommand(sockets), checkInCommand(sockets), certificateCommand(),
		enrolCommand(sockets), agentCommand(sockets), profileCommand(), loginRightCommand(sockets), diagnosticsCommand(sockets), uninstallCommand())
	manualPages(cmd)
	return cmd
}
