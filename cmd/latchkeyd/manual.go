//go:build manual

package main

import (
	"github.com/spf13/cobra"

	"github.com/latchkey-mfa/latchkey/internal/manual"
)

// manualPages adds the command that writes the manual pages.
func manualPages(root *cobra.Command) { root.AddCommand(manual.Command(root, "accounts", "machine")) }
