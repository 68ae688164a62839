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
			defer w.close(keep)
			if auto {
				return w.story()
			}
			return w.interactive()
		},
	}
	cmd.Flags().StringVar(&bin, "bin", "bin/demo", "folder of the demo's binaries")
	cmd.Flags().StringVar(&profile, "profile", "testdata/profiles/jamf-pro.plist", "the published profile to tailor")
	cmd.Flags().StringVar(&shots, "shots", "", "folder for pictures (SVG) of some screens")
	cmd.Flags().BoolVar(&auto, "auto", false, "play the whole story unattended")
	cmd.Flags().BoolVar(&keep, "keep", false, "leave the folder of the demo behind")
	cmd.AddCommand(passCommand())
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
			c := clocks{device: filepath.Join(args[0], deviceClock), server: filepath.Join(args[0], serverClock)}
			return c.pass(d)
		},
	}
}

// interactive lets a person sit at the login window.
func (w *world) interactive() error {
	if err := w.start(); err != nil {
		return err
	}
	in := bufio.NewReader(os.Stdin)
	for w.ctx.Err() == nil {
		fmt.Print(w.instructions())
		line, err := in.ReadString('\n')
		if err != nil || strings.TrimSpace(line) == "q" {
			return nil
		}
		outcome, err := authhost.Run(w.ctx, w.window(os.Stdin, nil))
		if err != nil {
			return err
		}
		fmt.Printf("\n%s\n", outcome)
	}
	return nil
}

func (w *world) instructions() string {
	return fmt.Sprintf(`
Latchkey is running. Return opens the login window, q ends the demo.

  Account    %s (also by its alias %q or its full name %q)
  Password   %s

To play the help desk, in a second terminal:

  export LATCHKEY_SERVER=%s LATCHKEY_TOKEN_FILE=%s LATCHKEY_CA_FILE=%s
  cd %s
  bin/demo/latchkey-server device list
  bin/demo/latchkey-server pin generate --device %s --user %s --reason "lost phone"
  bin/demo/latchkey status --sockets %s
  bin/demo/demo pass %s 61m          # let an hour go by

At the login window: F1 is Contact admin, Tab moves, Return presses.
> `, user.name, user.alias, user.fullName, w.password, w.serverURL, w.token("helpdesk"), w.path("server", "tls-ca.pem"),
		w.here, machineSerial, user.name, w.path("s"), w.dir)
}
