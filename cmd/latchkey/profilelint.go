package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/latchkey-mfa/latchkey/internal/policy"
	"github.com/latchkey-mfa/latchkey/internal/profile"
)

// lintOptions are the flags of profile lint.
type lintOptions struct {
	format             string
	fix, write, strict bool
}

func profileLintCommand() *cobra.Command {
	o := &lintOptions{}
	cmd := &cobra.Command{
		Use:   "lint FILE...",
		Short: "Say what is wrong with profiles, where, and what to do; - reads standard input",
		Long: "Say what is wrong with profiles, where, and what to do; - reads standard input. Exit codes: 0 no errors, 1 a file\n" +
			"cannot be read, 2 wrong usage, 3 there are errors (with --strict: or warnings).",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return lint(cmd, o, args) },
	}
	set := cmd.Flags()
	set.StringVar(&o.format, "format", "text", "text, json, or github for annotations of GitHub Actions")
	set.BoolVar(&o.fix, "fix", false, "show, as a difference, how what has one safe answer is mended")
	set.BoolVar(&o.write, "write", false, "with --fix: write it to the file")
	set.BoolVar(&o.strict, "strict", false, "exit with 3 for warnings as well")
	return cmd
}

// lintOutput is what lint says of all files, for --format json.
type lintOutput struct {
	Files    int               `json:"files"`
	Errors   int               `json:"errors"`
	Warnings int               `json:"warnings"`
	Findings []profile.Finding `json:"findings"`
	Signed   []signedFile      `json:"signed,omitempty"`
}

type signedFile struct {
	File string `json:"file"`
	*profile.Signature
}

func lint(cmd *cobra.Command, o *lintOptions, names []string) error {
	if o.format != "text" && o.format != "json" && o.format != "github" {
		return usage("--format is text, json or github", "no format %q", o.format)
	}
	if o.write && !o.fix {
		return usage("--write goes with --fix", "--write without --fix")
	}
	all := lintOutput{Files: len(names), Findings: []profile.Finding{}}
	var linter profile.Linter
	for _, name := range names {
		f, err := readProfile(cmd, name)
		if err != nil {
			return failed(readHint, err)
		}
		if o.fix {
			if f, err = mend(cmd, o, name, f); err != nil {
				return err
			}
		}
		report, err := linter.Lint(f)
		if err != nil {
			return failed(readHint, fmt.Errorf("%s: %w", name, err))
		}
		all.add(report)
	}
	if err := all.print(cmd.OutOrStdout(), o.format); err != nil {
		return err
	}
	if all.Errors > 0 || o.strict && all.Warnings > 0 {
		return no("mend the errors; --fix does what has one safe answer, and docs/profile.md tells of each rule")
	}
	return nil
}

func (all *lintOutput) add(r profile.Report) {
	all.Findings = append(all.Findings, r.Findings...)
	for _, f := range r.Findings {
		if f.Severity == policy.Error {
			all.Errors++
		} else {
			all.Warnings++
		}
	}
	if r.Signature != nil {
		all.Signed = append(all.Signed, signedFile{r.Name, r.Signature})
	}
}

func (all *lintOutput) print(out io.Writer, format string) error {
	if format == "json" {
		return printJSON(out, all)
	}
	for _, f := range all.Findings {
		line := f.String()
		if format == "github" {
			line = f.GitHub()
		}
		fmt.Fprintln(out, line)
	}
	if format == "github" {
		return nil
	}
	for _, s := range all.Signed {
		fmt.Fprintf(out, "%s: signed by %s; whether to trust that is not looked at here\n", s.File, s.Signer)
	}
	fmt.Fprintln(out, all.sum())
	return nil
}

func (all *lintOutput) sum() string {
	return counted(all.Files, "file") + ", " + counted(all.Errors, "error") + ", " + counted(all.Warnings, "warning")
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// mend shows what --fix does to a file, and does it with --write. What it
// returns is the file as it is then to be looked through.
func mend(cmd *cobra.Command, o *lintOptions, name string, f profile.File) (profile.File, error) {
	fixed, err := profile.Fix(f)
	if err != nil {
		return f, failed(readHint, fmt.Errorf("%s: %w", name, err))
	}
	difference := profile.Diff(f.Name, f.Data, fixed.Data)
	out := cmd.OutOrStdout()
	if o.format != "text" {
		out = cmd.ErrOrStderr()
	}
	if _, err := out.Write(difference); err != nil {
		return f, err
	}
	if !o.write || len(difference) == 0 {
		return f, nil
	}
	if name == "-" {
		return f, usage("name a file", "--write cannot write to standard input")
	}
	if err := replaceFile(name, fixed.Data, f.Mode); err != nil {
		return f, failed("the file is as it was", fmt.Errorf("write the mended file: %w", err))
	}
	f.Data = fixed.Data
	return f, nil
}

// replaceFile writes a file in one step: whoever reads it sees the old or the
// new one.
func replaceFile(name string, data []byte, mode os.FileMode) error {
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target
	}
	temporary, err := os.CreateTemp(filepath.Dir(name), ".latchkey-profile-*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) // is gone when all went well
	if _, err := temporary.Write(data); err != nil {
		temporary.Close()
		return err
	}
	if err := temporary.Chmod(mode); err != nil {
		temporary.Close()
		return err
	}
	if err := temporary.Sync(); err != nil {
		temporary.Close()
		return err
	}
	if err := temporary.Close(); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), name)
}
