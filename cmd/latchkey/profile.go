package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey-mfa/latchkey/internal/profile"
)

// profileCommand is for whoever makes profiles, on any machine; it asks no
// daemon.
func profileCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "profile",
		Short: "The profile for the MDM: make, check, explain, compare, convert; on any machine",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(profileNewCommand(), profileLintCommand(), profileExplainCommand(time.Now), profileDiffCommand(time.Now), profileConvertCommand())
	return cmd
}

// readProfile reads at most what a profile may have.
func readProfile(cmd *cobra.Command, name string) (profile.File, error) {
	f := profile.File{Name: name}
	in := cmd.InOrStdin()
	if name == "-" {
		f.Name = "standard input"
	} else {
		file, err := os.Open(name)
		if err != nil {
			return f, err
		}
		defer file.Close()
		info, err := file.Stat()
		if err != nil {
			return f, err
		}
		if !info.Mode().IsRegular() {
			return f, fmt.Errorf("%s is no plain file", name)
		}
		f.Mode, in = info.Mode().Perm(), file
	}
	var err error
	f.Data, err = io.ReadAll(io.LimitReader(in, profile.MaxSize+1))
	if err == nil && len(f.Data) > profile.MaxSize {
		err = fmt.Errorf("%s: %w", f.Name, profile.ErrTooLarge)
	}
	return f, err
}

const readHint = "name a profile: .mobileconfig, .plist or .xml, signed or not, or - for standard input"

// openProfile reads a profile that must be sound.
func openProfile(cmd *cobra.Command, name string) (*profile.Profile, error) {
	f, err := readProfile(cmd, name)
	if err != nil {
		return nil, failed(readHint, err)
	}
	p, err := profile.Read(f.Data)
	if err != nil {
		return nil, failed("`latchkey profile lint` shows all that is wrong with it", fmt.Errorf("%s: %w", f.Name, err))
	}
	return p, nil
}

func usage(hint string, format string, args ...any) error {
	return &failure{err: fmt.Errorf(format, args...), hint: hint, code: exitUsage}
}

func no(hint string) error {
	return &failure{err: errors.New(hint), hint: hint, code: exitNo}
}
