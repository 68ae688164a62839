package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Every command and flag stands in docs/operations.md, with its environment
// twin and its default.
func TestOperationsGuideIsComplete(t *testing.T) {
	raw, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	guide := string(raw)
	p := &program{streams: streams{out: io.Discard, err: io.Discard}}
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Runnable() && !cmd.HasSubCommands() && !strings.Contains(guide, "`"+strings.TrimPrefix(cmd.CommandPath(), "latchkey-server ")+"`") {
			t.Errorf("the command %q is not in the guide", cmd.CommandPath())
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name == "help" || f.Name == "sim-clock" { // the latter is no flag of what ships
				return
			}
			env := "-"
			if f.Annotations[twin] != nil {
				env = "`" + envName(f.Name) + "`"
			}
			def := "-"
			if f.DefValue != "" {
				def = "`" + f.DefValue + "`"
			}
			if row := fmt.Sprintf("| `--%s` | %s | %s |", f.Name, env, def); !strings.Contains(guide, row) {
				t.Errorf("%s: the guide lacks a row that starts with %s", cmd.CommandPath(), row)
			}
		})
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(p.root())
}

// Scripts decide on exit codes.
func TestExitCodes(t *testing.T) {
	data := t.TempDir()
	for name, c := range map[string]struct {
		args []string
		want int
	}{
		"done":             {[]string{"init", "--data", data + "/d"}, exitDone},
		"failed":           {[]string{"token", "list", "--data", data + "/none"}, exitFailed},
		"no command":       {nil, exitUsage},
		"unknown command":  {[]string{"fly"}, exitUsage},
		"unknown flag":     {[]string{"serve", "--fly"}, exitUsage},
		"missing argument": {[]string{"device", "show"}, exitUsage},
		"bad value":        {[]string{"serve", "--log-format", "xml"}, exitUsage},
	} {
		if got := run(t.Context(), streams{out: io.Discard, err: io.Discard}, c.args); got != c.want {
			t.Errorf("%s: exit %d, want %d", name, got, c.want)
		}
	}
}
