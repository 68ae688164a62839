package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey-mfa/latchkey/internal/policy"
	"github.com/latchkey-mfa/latchkey/internal/profile"
)

// policyOf is what a file amounts to, if a Mac would take it.
func policyOf(cmd *cobra.Command, name string) (*policy.Policy, error) {
	p, err := openProfile(cmd, name)
	if err != nil {
		return nil, err
	}
	const hint = "`latchkey profile lint` shows all that is wrong with it"
	if len(p.Settings().Entries) == 0 {
		return nil, failed(hint, fmt.Errorf("%s: %w", name, profile.ErrNoSettings))
	}
	found, problems := p.Policy()
	if found == nil {
		for _, problem := range problems {
			if problem.Severity == policy.Error {
				return nil, failed(hint, fmt.Errorf("%s: a Mac would not take it: %s", name, problem))
			}
		}
		return nil, failed(hint, errors.New(name+": a Mac would not take it"))
	}
	return found, nil
}

func profileExplainCommand(now func() time.Time) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain FILE",
		Short: "What users will experience under a profile, with its periods as dates from now",
		Args:  cobra.ExactArgs(1),
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		p, err := policyOf(cmd, args[0])
		if err != nil {
			return err
		}
		e := profile.Explain(p, now())
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), e)
		}
		_, err = e.WriteTo(cmd.OutOrStdout())
		return err
	}
	return cmd
}

func profileDiffCommand(now func() time.Time) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "diff BEFORE AFTER",
		Short: "What changes for users when one profile takes the place of another, then key by key",
		Args:  cobra.ExactArgs(2),
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		a, err := policyOf(cmd, args[0])
		if err != nil {
			return err
		}
		b, err := policyOf(cmd, args[1])
		if err != nil {
			return err
		}
		c := profile.Compare(a, b, now())
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), c)
		}
		_, err = c.WriteTo(cmd.OutOrStdout())
		return err
	}
	return cmd
}

func profileConvertCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "convert FILE",
		Short: "Write a profile in another shape, with all of its settings",
		Args:  cobra.ExactArgs(1),
	}
	to := cmd.Flags().String("to", "", "list, fragment or mobileconfig, or the MDM that takes it (required)")
	out := cmd.Flags().String("out", "", "file to write; - is standard output (required: the secret is in it)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *to == "" || *out == "" {
			return usage("--to list, fragment, mobileconfig or an MDM; --out a file, or - for standard output", "convert needs --to and --out")
		}
		shape, err := profile.ParseShape(*to)
		if err != nil {
			return usage("--to list, fragment, mobileconfig or an MDM", "%w", err)
		}
		return convert(cmd, args[0], shape, *out)
	}
	return cmd
}

func convert(cmd *cobra.Command, name string, shape profile.Shape, out string) error {
	p, err := openProfile(cmd, name)
	if err != nil {
		return err
	}
	made, err := profile.Convert(p, shape)
	if err != nil {
		return failed("nothing was written; the other payloads need a profile of their own first", fmt.Errorf("%s: %w", name, err))
	}
	if out == "-" {
		_, err := cmd.OutOrStdout().Write(made)
		return err
	}
	if err := replaceFile(out, made, 0o600); err != nil {
		return failed("--out names the file to write", fmt.Errorf("write the profile: %w", err))
	}
	fmt.Fprintf(cmd.OutOrStdout(), "wrote %s, %s\n", out, shape.Describe())
	return nil
}
