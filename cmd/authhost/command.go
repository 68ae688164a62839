package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/latchkey-mfa/latchkey/internal/authhost"
	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitLogin    = 0
	exitNoLogin  = 1 // denied, canceled, undefined; of other commands: failed
	exitUsage    = 2
	exitMismatch = 3 // the script did not come true
	exitFault    = 4 // the evaluation could not be made, or a plug-in broke its contract
)

// hinted is an error with what to do next.
type hinted struct {
	error
	hint string
	code int
}

func (h hinted) Unwrap() error { return h.error }

func usage(err error, hint string) error { return hinted{err, hint, exitUsage} }

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// run is the whole program but for the process around it.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	s := streams{in, out, errOut}
	root := rootCommand(s)
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitLogin
	}
	code, hint := exitUsage, "run 'authhost --help'" // cobra's own errors are about usage
	var h hinted
	if errors.As(err, &h) {
		code, hint = h.code, h.hint
	}
	if !errors.Is(h.error, errSilent) {
		fmt.Fprintf(errOut, "authhost: %v\n", err)
		if hint != "" {
			fmt.Fprintf(errOut, "hint: %s\n", hint)
		}
	}
	return code
}

// errSilent: all that is to be said stands on the screen.
var errSilent = errors.New("")

func rootCommand(s streams) *cobra.Command {
	f := &flags{}
	root := &cobra.Command{
		Use:   "authhost",
		Short: "Evaluate a macOS login right in the terminal, with the real plug-ins",
		Long: `authhost goes through the mechanism list of a right as macOS does, has plug-ins
run by latchkey-host processes, and stands in for the mechanisms that ask for
name and password.

Exit codes: 0 login; 1 denied, canceled or undefined; 2 usage; 3 the script did
not come true; 4 the evaluation could not be made, or a plug-in broke its
contract.`,
		Args: cobra.NoArgs, SilenceErrors: true, SilenceUsage: true,
		RunE: func(c *cobra.Command, _ []string) error { return f.evaluate(c.Context(), s) },
	}
	f.register(root)
	root.AddCommand(accountCommand(s))
	root.CompletionOptions.DisableDefaultCmd = true
	return root
}

// conclude turns the end of an evaluation into the end of the program.
func conclude(out authhost.Outcome, err error) error {
	var play *authhost.PlayError
	switch {
	case errors.As(err, &play):
		return hinted{err, "the screen above is what a person saw; correct the script or the program", exitMismatch}
	case errors.Is(err, context.Canceled):
		return hinted{errors.New("ended by a signal"), "", exitNoLogin}
	case errors.Is(err, authhost.ErrNoTerminal):
		return usage(err, "run authhost in a terminal, or play a script with --script")
	case err != nil:
		return hinted{err, "build the host with 'make build', or name it with --host", exitFault}
	case len(out.Faults) > 0:
		return hinted{fmt.Errorf("%s; %d breaches of a contract: %q", out, len(out.Faults), out.Faults), "see the transcript (--transcript)", exitFault}
	}
	if out.Result != authhost.Allow {
		return hinted{errSilent, "", exitNoLogin}
	}
	return nil
}

// openTerminal is the terminal of the person who started the program, or nil.
func openTerminal() *os.File {
	terminal, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil
	}
	return terminal
}
