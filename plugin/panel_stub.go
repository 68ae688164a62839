//go:build cgo && !terminalpanel && !darwin && !gnustep

package main

import (
	"errors"

	"github.com/latchkey-mfa/latchkey/plugin/mechanism"
	"github.com/latchkey-mfa/latchkey/plugin/panel"
	"github.com/latchkey-mfa/latchkey/plugin/words"
)

// openPanel fails: this build has nothing to draw with, so the prompt passes
// the person on and the gate decides.
func openPanel(words.Words) (panel.Panel, error) {
	return nil, errors.New("this build has no panel")
}

// languages are the person's, the preferred first.
func languages() []string { return mechanism.Locales() }
