//go:build cgo && !terminalpanel

package main

import (
	"github.com/latchkey-mfa/latchkey/plugin/panel"
	"github.com/latchkey-mfa/latchkey/plugin/panel/native"
	"github.com/latchkey-mfa/latchkey/plugin/words"
)

// openPanel draws a window above the login window.
func openPanel(w words.Words) (panel.Panel, error) { return native.Open(w) }

// languages are those of the login window, the preferred first.
func languages() []string { return native.Languages() }
