//go:build !manual

package main

import "github.com/spf13/cobra"

// manualPages adds nothing: what is installed writes no manual pages.
func manualPages(*cobra.Command) {}
