package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/authhost"
	"github.com/latchkey-mfa/latchkey/internal/authhost/script"
	"github.com/latchkey-mfa/latchkey/internal/devaccounts"
	"github.com/spf13/cobra"
)

// flags are what the command line says about an evaluation.
type flags struct {
	right, host, accounts, computer  string
	insert                           bool
	plugins                          []string
	fileVaultUser, fileVaultPassword string
	script, transcript               string
}

func (f *flags) register(c *cobra.Command) {
	hostname, _ := os.Hostname() // empty: the login window then names no computer
	set := c.Flags()
	set.StringVar(&f.right, "right", "", "property list of the right (default: system.login.console of macOS 14 to 26)")
	set.BoolVar(&f.insert, "insert-latchkey", false, "insert Latchkey's two mechanisms where the product puts them")
	set.StringArrayVar(&f.plugins, "plugin", nil, "plug-in as NAME=FILE, for every plug-in of the list (Latchkey=bin/Latchkey.so)")
	set.StringVar(&f.host, "host", "", "latchkey-host program (default: beside authhost)")
	set.StringVar(&f.accounts, "accounts", "", "development account file; make one with 'authhost account add'")
	set.StringVar(&f.computer, "computer", hostname, "computer name that the login window shows")
	set.StringVar(&f.fileVaultUser, "filevault-user", "", "name that FileVault passes through in the first round")
	set.StringVar(&f.fileVaultPassword, "filevault-password-file", "", "file with its password, - for standard input (default: ask)")
	set.StringVar(&f.script, "script", "", "play this script on an emulated terminal instead of asking a person")
	set.StringVar(&f.transcript, "transcript", "", "print each step, or write it to --transcript=FILE")
	set.Lookup("transcript").NoOptDefVal = "-"
}

// evaluate runs one evaluation.
func (f *flags) evaluate(ctx context.Context, s streams) error {
	options, err := f.options(s)
	if err != nil {
		return err
	}
	finish, err := f.watch(&options, s)
	if err != nil {
		return err
	}
	out, err := authhost.Run(ctx, options)
	err = errors.Join(err, finish())
	if err == nil && f.transcript != "-" { // else it stands at the end of the transcript
		fmt.Fprintln(s.out, out)
	}
	return conclude(out, err)
}

func (f *flags) options(s streams) (authhost.Options, error) {
	o := authhost.Options{Computer: f.computer, HostsSay: s.err}
	var err error
	if o.Right, err = f.readRight(); err != nil {
		return o, err
	}
	if o.Plugins, err = f.readPlugins(); err != nil {
		return o, err
	}
	if o.Host, err = f.findHost(); err != nil {
		return o, err
	}
	if o.Accounts, err = f.readAccounts(o.Right); err != nil {
		return o, err
	}
	if f.script != "" {
		read, err := script.Load(f.script)
		if err != nil {
			return o, usage(err, "see docs/authhost.md for the steps of a script")
		}
		o.Player, o.Width, o.Height = &script.Player{Script: read, Now: time.Now}, read.Width, read.Height
	} else {
		o.Terminal = openTerminal()
	}
	o.FileVault, err = f.readFileVault(s)
	return o, err
}

func (f *flags) readRight() (authhost.Right, error) {
	right := authhost.ConsoleRight()
	if f.right != "" {
		name := strings.TrimSuffix(filepath.Base(f.right), ".plist")
		read, err := authhost.ReadRight(name, f.right)
		if err != nil {
			return right, usage(err, "a right is what 'security authorizationdb read NAME' prints on a Mac")
		}
		right = read
	}
	if !f.insert {
		return right, nil
	}
	with, err := right.WithLatchkey()
	if err != nil {
		return right, usage(err, "leave --insert-latchkey out and put the mechanisms into the list yourself")
	}
	return with, nil
}

func (f *flags) readPlugins() (map[string]string, error) {
	const hint = "give it as --plugin Latchkey=bin/Latchkey.so"
	plugins := map[string]string{}
	for _, text := range f.plugins {
		name, path, found := strings.Cut(text, "=")
		if !found || name == "" || path == "" || strings.ContainsAny(name, ":,") {
			return nil, usage(fmt.Errorf("--plugin %q is not NAME=FILE", text), hint)
		}
		if _, twice := plugins[name]; twice {
			return nil, usage(fmt.Errorf("--plugin %s is given twice", name), hint)
		}
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
			return nil, usage(fmt.Errorf("--plugin %s: %s is no file", name, path), "build it with 'make build'")
		}
		plugins[name] = path
	}
	return plugins, nil
}

func (f *flags) findHost() (string, error) {
	path := f.host
	if path == "" {
		self, err := os.Executable()
		if err != nil {
			return "", fmt.Errorf("find latchkey-host: %w", err)
		}
		path = filepath.Join(filepath.Dir(self), "latchkey-host")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("find latchkey-host: %w", err)
	}
	if _, err := os.Stat(path); err != nil && len(f.plugins) > 0 {
		return "", usage(fmt.Errorf("no host program %s", path), "build it with 'make build', or name it with --host")
	}
	return path, nil
}

func (f *flags) readAccounts(right authhost.Right) (*devaccounts.File, error) {
	const hint = "make one with 'authhost account add --accounts FILE --name NAME --uid UID'"
	needed := slices.ContainsFunc(right.Mechanisms, func(m authhost.Mechanism) bool {
		return m.Plugin == "builtin" && m.ID == "authenticate"
	})
	if f.accounts == "" {
		if needed {
			return nil, usage(errors.New("the list has builtin:authenticate and there is no --accounts FILE"), hint)
		}
		return nil, nil
	}
	file, err := devaccounts.Load(f.accounts)
	if err != nil {
		return nil, usage(err, hint)
	}
	return file, nil
}

func (f *flags) readFileVault(s streams) (*authhost.Credentials, error) {
	if f.fileVaultUser == "" {
		if f.fileVaultPassword != "" {
			return nil, usage(errors.New("--filevault-password-file without --filevault-user"), "say whose password it is")
		}
		return nil, nil
	}
	password, err := readPassword(s, f.fileVaultPassword, "FileVault password of "+f.fileVaultUser)
	if err != nil {
		return nil, err
	}
	return &authhost.Credentials{Name: f.fileVaultUser, Password: password}, nil
}

// watch says where the transcript goes. On the screen of a person it waits
// until the end, because the panel draws there until then.
func (f *flags) watch(o *authhost.Options, s streams) (finish func() error, err error) {
	switch {
	case f.transcript == "":
		return func() error { return nil }, nil
	case f.transcript != "-":
		file, err := os.OpenFile(f.transcript, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return nil, usage(fmt.Errorf("write the transcript: %w", err), "name a file in a folder that exists")
		}
		o.Transcript = file
		return file.Close, nil
	case o.Player != nil:
		o.Transcript = s.out
		return func() error { return nil }, nil
	}
	var kept bytes.Buffer
	o.Transcript = &kept
	return func() error {
		_, err := io.Copy(s.out, &kept)
		return err
	}, nil
}
