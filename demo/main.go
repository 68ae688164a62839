package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey-mfa/latchkey/internal/authhost"
	"github.com/latchkey-mfa/latchkey/internal/trial"
	"github.com/latchkey-mfa/latchkey/internal/trial/softkey"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "demo: error: %v\n", err)
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	var bin, profile, shots string
	var auto, keep bool
	cmd := &cobra.Command{
		Use: "demo", Short: "Latchkey's main job on one machine", Args: cobra.NoArgs,
		SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w, err := newWorld(cmd.Context(), bin, profile, shots)
			if err != nil {
				return err
			}
			defer w.Close(keep)
			if auto {
				return w.story()
			}
			return w.interactive(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&bin, "bin", "bin/demo", "folder of the demo's binaries")
	cmd.Flags().StringVar(&profile, "profile", "testdata/profiles/jamf-pro.plist", "the published profile to tailor")
	cmd.Flags().StringVar(&shots, "shots", "", "folder for pictures (SVG) of some screens")
	cmd.Flags().BoolVar(&auto, "auto", false, "play the whole story unattended")
	cmd.Flags().BoolVar(&keep, "keep", false, "leave the folder of the demo behind")
	cmd.AddCommand(passCommand(), keyCommand())
	return cmd
}

// passCommand moves the clocks of a demo that runs in another terminal.
func passCommand() *cobra.Command {
	return &cobra.Command{
		Use: "pass FOLDER DURATION", Short: "Let time pass in a running demo", Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			d, err := time.ParseDuration(args[1])
			if err != nil {
				return fmt.Errorf("duration %q: want something like 61m", args[1])
			}
			c := trial.Clocks{Device: filepath.Join(args[0], trial.DeviceClock), Server: filepath.Join(args[0], trial.ServerClock)}
			return c.Pass(d)
		},
	}
}

// keyCommand is a security key in a demo that runs in another terminal: Return
// is the finger on it.
func keyCommand() *cobra.Command {
	var pin string
	cmd := &cobra.Command{
		Use: "key FOLDER", Short: "Plug a security key of software into a running demo", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := softkey.Plug(filepath.Join(args[0], trial.KeysFolder), "key", softkey.Options{PIN: pin})
			if err != nil {
				return err
			}
			key.SetTouch(softkey.OnDemand)
			fmt.Fprintln(cmd.OutOrStdout(), "The key is plugged in. Return touches it, q pulls it out; what was set up on it is lost then.")
			for in := bufio.NewScanner(cmd.InOrStdin()); in.Scan() && strings.TrimSpace(in.Text()) != "q"; {
				key.Touch()
			}
			return key.Close()
		},
	}
	cmd.Flags().StringVar(&pin, "pin", "", "the key's PIN; none without")
	return cmd
}

// interactive lets a person sit at the login window.
func (w *world) interactive(ctx context.Context) error {
	if err := w.Start(); err != nil {
		return err
	}
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	window, err := w.Window(os.Stdin, nil)
	if err != nil {
		return err
	}
	code, err := w.Invite(helpDeskLogin)
	if err != nil {
		return err
	}
	// Reception's person has a phone at the org, for who wants to connect them.
	if err := trial.Steps(func() error { return w.AddUser(receptionLogin) }, func() error { return w.AddPhone(receptionLogin) }); err != nil {
		return err
	}
	in := bufio.NewReader(os.Stdin)
	for ctx.Err() == nil {
		fmt.Print(w.instructions(here, code))
		line, err := in.ReadString('\n')
		if err != nil || strings.TrimSpace(line) == "q" {
			return nil
		}
		outcome, err := authhost.Run(ctx, window)
		if err != nil {
			return err
		}
		fmt.Printf("\n%s\n", outcome)
	}
	return nil
}

// helpDeskLogin is who plays the help desk in a browser.
const helpDeskLogin = "you@example.com"

// receptionLogin is the account's person in the org.
const receptionLogin = "reception@example.com"

func (w *world) instructions(here, code string) string {
	return fmt.Sprintf(`
Latchkey is running. Return opens the login window, q ends the demo.

  Account    %s (also by its alias %q or its full name %q)
  Password   %s

To play the help desk, in a browser (it will warn of the demo's own certificate; browsers
have passkeys, and the phone's page, only once they trust %[10]s):

  %[5]s/set-up   login %[6]s   set-up code %[7]s

or in a second terminal:

  export LATCHKEY_SERVER=%[8]s LATCHKEY_TOKEN_FILE=%[9]s LATCHKEY_CA_FILE=%[10]s
  cd %s
  bin/demo/latchkey-server device list
  bin/demo/latchkey-server pin generate --device %s --user %s --reason "lost phone"
  bin/demo/latchkey status --sockets %s
  bin/demo/demo pass %s 61m          # let an hour go by
  bin/demo/demo key %[15]s           # plug a security key in

In the org the account's person is %s. To play their phone, when a push is out:

  bin/demo/latchkey-server push list --data %s --sim-clock %s
  bin/demo/latchkey-server push approve ID --number NN --data %[17]s --sim-clock %[18]s

or with the org's own page, on the link of an invitation, opened in that browser; with
--kind webauthn it is for a security key, which then has to be a real one:

  bin/demo/latchkey-server factor invite %[16]s --data %[17]s --sim-clock %[18]s

At the login window: F1 is Contact admin, Tab moves, Return presses.
> `, trial.Reception().Name, trial.Reception().Alias, trial.Reception().FullName, w.Password, w.OrgURL(), helpDeskLogin, strings.TrimSpace(code), w.ServerURL, w.Token(trial.HelpDesk), w.ServerCA(),
		here, trial.MachineSerial, trial.Reception().Name, w.Sockets(), w.Dir, receptionLogin, w.Path("server"), w.Clocks.Server)
}
