//go:build cgo && !(darwin && !terminalpanel)

package main

import "github.com/latchkey-mfa/latchkey/plugin/mechanism"

// languages are the person's, the preferred first.
func languages() []string { return mechanism.Locales() }
