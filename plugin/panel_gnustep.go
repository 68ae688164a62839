//go:build cgo && gnustep && !terminalpanel

package main

import (
	"github.com/latchkey-mfa/latchkey/plugin/mechanism"
	"github.com/latchkey-mfa/latchkey/plugin/panel"
	"github.com/latchkey-mfa/latchkey/plugin/panel/native"
	"github.com/latchkey-mfa/latchkey/plugin/words"
)

// openPanel draws the Mac's window with GNUstep.
func openPanel(w words.Words) (panel.Panel, error) { return native.Open(w) }

// languages are the person's, the preferred first.
func languages() []string { return mechanism.Locales() }
