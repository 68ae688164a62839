package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey-mfa/latchkey/internal/device/agent"
)

// enrolCommand is for a person within their session: whom FileVault logs in,
// and who never sees the login window's offer.
func enrolCommand(sockets *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "enrol",
		Short: "Set up a second factor for yourself, within your session",
		Long: "Set up a second factor for yourself, within your session. You are asked for a factor that you have, or for a\n" +
			"recovery PIN, first. A number chooses, a slash and a word act, anything else fills the field.",
		Args: cobra.NoArgs,
	}
	page := cmd.Flags().Bool("page", false, "in the browser instead of this terminal")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		daemon := agent.Daemon{Socket: sessionSocket(*sockets)}
		if *page {
			return enrolOnPage(cmd, daemon)
		}
		return enrolInTerminal(cmd, daemon)
	}
	return cmd
}

func sessionSocket(folder string) string { return filepath.Join(folder, "session.sock") }

func enrolInTerminal(cmd *cobra.Command, daemon agent.Daemon) error {
	lines := agent.NewLines(cmd.OutOrStdout())
	if lines.Echo = echo(cmd.InOrStdin()); lines.Echo != nil {
		defer lines.Echo(true)
	}
	// Whoever reads the terminal ends with the process: a read cannot be cut
	// short.
	go lines.Read(cmd.InOrStdin())
	done, err := daemon.Enrol(cmd.Context(), lines)
	switch {
	case errors.Is(err, agent.ErrGone):
		return failed("answer what is asked; /back closes", errors.New("the input has ended before the end"))
	case err != nil:
		return failed("is latchkeyd running? --sockets names the folder of its sockets", err)
	case done:
		fmt.Fprintln(cmd.OutOrStdout(), "\ndone")
	default:
		fmt.Fprintln(cmd.OutOrStdout(), "\nclosed")
	}
	return nil
}

// served is a page that is being served.
type served struct {
	page  *agent.Page
	group sync.WaitGroup
	err   error
}

// serve serves a page until ctx ends.
func serve(ctx context.Context, daemon agent.Daemon) (*served, error) {
	s := &served{page: &agent.Page{Daemon: daemon}}
	l, err := s.page.Listen(ctx)
	if err != nil {
		return nil, failed("a port of the loopback address is needed", err)
	}
	s.group.Go(func() { s.err = s.page.Serve(ctx, l) })
	return s, nil
}

func (s *served) wait() error { s.group.Wait(); return s.err }

// openPage leads the person's browser to the page, or says how to get there.
func openPage(cmd *cobra.Command, page *agent.Page) error {
	folder, err := os.UserCacheDir()
	if err != nil {
		return failed("HOME or XDG_CACHE_HOME has to be set", err)
	}
	path, err := agent.Door(filepath.Join(folder, "latchkey"), page.Address())
	if err != nil {
		return failed("the page's address is kept in a file that only you can read", err)
	}
	if err := agent.Browse(path); err != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "latchkey: %v\n", err)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "the page is open; if you do not see it, open %s\n", path)
	return nil
}

func enrolOnPage(cmd *cobra.Command, daemon agent.Daemon) error {
	if _, err := daemon.Mine(cmd.Context()); err != nil {
		return failed("is latchkeyd running? --sockets names the folder of its sockets", err)
	}
	s, err := serve(cmd.Context(), daemon)
	if err != nil {
		return err
	}
	s.page.Begin(cmd.Context())
	if err := openPage(cmd, s.page); err != nil {
		return err
	}
	fmt.Fprintln(cmd.OutOrStdout(), "stop with Ctrl-C when you are done")
	return s.wait()
}

// agentCommand runs in every session, from a LaunchAgent or an autostart entry.
func agentCommand(sockets *string) *cobra.Command {
	return &cobra.Command{
		Use:   "agent",
		Short: "In your session: shows how long your recovery PIN still works, and offers to set up a factor",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			daemon := agent.Daemon{Socket: sessionSocket(*sockets)}
			s, err := serve(cmd.Context(), daemon)
			if err != nil {
				return err
			}
			w := agent.Watcher{Mine: daemon.Mine, Out: cmd.OutOrStdout(),
				Offer: func(context.Context, time.Duration) error { return openPage(cmd, s.page) }}
			w.Run(cmd.Context())
			return s.wait()
		},
	}
}
