package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey-mfa/latchkey/internal/clock"
	"github.com/latchkey-mfa/latchkey/internal/device/diagnostics"
	"github.com/latchkey-mfa/latchkey/internal/device/loginright"
	"github.com/latchkey-mfa/latchkey/internal/device/places"
	"github.com/latchkey-mfa/latchkey/internal/plist"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

func diagnosticsCommand(sockets *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "diagnostics",
		Short: "Make one file for whoever helps: status, what doctor finds, the login right, the log",
		Long: "Make one file (tar.gz, mode 0600) for whoever helps: status, what doctor finds, the login window's list, who owns\n" +
			"what, and the end of the log. It works without latchkeyd. Secrets are in none of these, and what looks like one is\n" +
			"taken out; names of accounts and of the Mac, its serial number and the addresses of your servers are in it.",
		Args: cobra.NoArgs,
	}
	set := cmd.Flags()
	out := set.String("out", "", "the file, which must not be there yet (default: latchkey-diagnostics-TIME.tar.gz in this folder)")
	logs := set.String("log", places.Log, "folder of the daemon's log")
	files := set.String("files", places.Files, "folder of the gate, contact and kill-switch files")
	prefs := set.String("managed-preferences", places.Preferences, "folder of the managed profile")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := clock.Open(clock.Options{})
		if err != nil {
			return failed("the clock of this machine cannot be read", err)
		}
		now := c.Wall()
		path := *out
		if path == "" {
			path = "latchkey-diagnostics-" + now.UTC().Format("20060102T150405Z") + ".tar.gz"
		}
		b := diagnostics.Bundle{Parts: diagnosed(*sockets, *files, now), Secrets: profileSecrets(*prefs), Now: now}
		b.Parts = append(b.Parts, diagnostics.Logs(*logs)...)
		r, err := b.Write(cmd.Context(), path)
		if errors.Is(err, os.ErrExist) {
			return failed("name another file with --out", fmt.Errorf("%s is there already", path))
		}
		if err != nil {
			return failed("name a file in a folder that you may write to with --out", err)
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s: %d parts\n", path, r.Parts)
		for _, m := range r.Missing {
			fmt.Fprintf(cmd.ErrOrStderr(), "latchkey: without %s\n", m)
		}
		if r.Taken > 0 {
			fmt.Fprintf(cmd.ErrOrStderr(), "latchkey: what looked like a secret was taken out at %d places\n", r.Taken)
		}
		return nil
	}
	return cmd
}

// diagnosed are the parts beside the log.
func diagnosed(sockets, files string, now time.Time) []diagnostics.Part {
	asked := func(name string, into any) func(context.Context) ([]byte, error) {
		return func(ctx context.Context) ([]byte, error) {
			if err := ask(ctx, sockets, name, wire.Dictionary{}, into); err != nil {
				return nil, err
			}
			return json.MarshalIndent(into, "", "  ")
		}
	}
	return []diagnostics.Part{
		{Name: "about.txt", Read: func(context.Context) ([]byte, error) {
			return fmt.Appendf(nil, "latchkey %s, %s/%s, %s\n", version, runtime.GOOS, runtime.GOARCH, now.UTC().Format(time.RFC3339)), nil
		}},
		{Name: "status.json", Read: asked(wire.MsgStatus, &wire.Status{})},
		{Name: "doctor.json", Read: func(ctx context.Context) ([]byte, error) {
			return json.MarshalIndent(wire.DoctorReply{Checks: examine(ctx, sockets, files)}, "", "  ")
		}},
		{Name: "login-right.plist", Read: func(ctx context.Context) ([]byte, error) {
			return loginright.Authd{}.Read(ctx, loginright.Console)
		}},
		{Name: "files.txt", Read: func(context.Context) ([]byte, error) {
			return diagnostics.Listing(files, filepath.Join(files, "state"), sockets, places.Programs, places.Log,
				filepath.Join(places.Plugins, loginright.BundleName), filepath.Join(places.Plugins, loginright.BundleName, "Contents", "MacOS"))
		}},
		{Name: "gate.json", Read: func(context.Context) ([]byte, error) { return diagnostics.Tail(filepath.Join(files, "gate.json")) }},
	}
}

// profileSecrets are the values of the profile that must be nowhere in the
// bundle: those that are read are looked for by themselves.
func profileSecrets(prefs string) []string {
	f, err := os.Open(filepath.Join(prefs, "com.okta.deviceaccess.servicedaemon.plist")) // #nosec G304 -- the managed profile
	if err != nil {
		return nil // then no daemon has read it either
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, plist.MaxSize+1))
	if err != nil {
		return nil
	}
	document, err := plist.Parse(raw)
	if err != nil {
		return nil
	}
	secret, _ := document.Root.Get("DMFAClientSecret")
	return []string{secret.Value.Text}
}
