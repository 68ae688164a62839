package manual

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// Command is `manual FOLDER`, which writes the pages of the program root into a
// folder that is there. Flags in without are of no use where the pages are read.
func Command(root *cobra.Command, without ...string) *cobra.Command {
	return &cobra.Command{
		Use:    "manual FOLDER",
		Short:  "Write the manual pages",
		Args:   cobra.ExactArgs(1),
		Hidden: true,
		RunE: func(_ *cobra.Command, args []string) error {
			for _, name := range without {
				if f := root.Flags().Lookup(name); f != nil {
					f.Hidden = true
				}
			}
			return write(root, root, args[0])
		},
	}
}

// write writes the page of a command and of those below it.
func write(root, c *cobra.Command, folder string) error {
	for _, below := range c.Commands() {
		if below.IsAvailableCommand() && below.Name() != "help" && below.Name() != "completion" {
			if err := write(root, below, folder); err != nil {
				return err
			}
		}
	}
	page, err := page(root, c)
	if err != nil {
		return err
	}
	name := strings.ReplaceAll(c.CommandPath(), " ", "-") + ".1"
	if err := os.WriteFile(filepath.Join(folder, name), page, 0o644); err != nil {
		return fmt.Errorf("write a manual page: %w", err)
	}
	return nil
}

// page is the text in troff. It bears no date: the same version has the same
// pages whenever they are made.
func page(root, c *cobra.Command) ([]byte, error) {
	c.InitDefaultHelpFlag()
	c.DisableAutoGenTag = true
	header := doc.GenManHeader{
		Title:   strings.ToUpper(strings.ReplaceAll(c.CommandPath(), " ", "-")),
		Section: "1",
		Date:    &time.Time{},
		Source:  "Latchkey " + root.Version,
		Manual:  "Latchkey",
	}
	var out bytes.Buffer
	if err := doc.GenMan(c, &header, &out); err != nil {
		return nil, fmt.Errorf("make the manual page of %s: %w", c.CommandPath(), err)
	}
	return bytes.Replace(out.Bytes(), []byte(`"`+header.Date.Format("Jan 2006")+`"`), []byte(`""`), 1), nil
}
