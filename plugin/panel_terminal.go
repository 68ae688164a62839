//go:build cgo && terminalpanel

package main

import (
	"os"

	"github.com/latchkey-mfa/latchkey/plugin/mechanism"
	"github.com/latchkey-mfa/latchkey/plugin/panel"
	"github.com/latchkey-mfa/latchkey/plugin/panel/terminal"
	"github.com/latchkey-mfa/latchkey/plugin/words"
)

// openPanel draws on the terminal that the engine gave to the host as its
// standard streams, else on the one that the host was started from.
func openPanel(words.Words) (panel.Panel, error) {
	given, err := terminal.Open(os.Stdin, os.Stdout)
	if err == nil {
		return given, nil
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	p, err := terminal.Open(tty, tty)
	if err != nil {
		_ = tty.Close()
		return nil, err
	}
	return ttyPanel{Panel: p, tty: tty}, nil
}

// ttyPanel closes the terminal that it opened.
type ttyPanel struct {
	panel.Panel
	tty *os.File
}

func (p ttyPanel) Close() error {
	err := p.Panel.Close()
	if closed := p.tty.Close(); err == nil {
		err = closed
	}
	return err
}

// languages are the person's, the preferred first.
func languages() []string { return mechanism.Locales() }
