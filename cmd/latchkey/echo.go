package main

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// echo turns off and on again whether a terminal shows what is typed. For what
// is no terminal it is nil: nothing is shown there anyway.
func echo(in io.Reader) func(on bool) {
	file, is := in.(*os.File)
	if !is || !term.IsTerminal(int(file.Fd())) {
		return nil
	}
	fd := int(file.Fd())
	return func(on bool) {
		settings, err := unix.IoctlGetTermios(fd, getTermios)
		if err != nil {
			return // the terminal has gone, and with it whoever could look
		}
		settings.Lflag &^= unix.ECHO
		if on {
			settings.Lflag |= unix.ECHO
		}
		_ = unix.IoctlSetTermios(fd, setTermios, settings)
	}
}
