package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// maxPassword bounds what is read of a password, in bytes.
const maxPassword = 256

// readPassword reads the first line of the file, of standard input for "-",
// or asks on the terminal when there is no file. It never comes from the
// command line, which others on the machine can read.
func readPassword(s streams, path, prompt string) ([]byte, error) {
	var from io.Reader
	switch path {
	case "":
		return askPassword(prompt)
	case "-":
		from = s.in
	default:
		file, err := os.Open(path)
		if err != nil {
			return nil, usage(fmt.Errorf("read the password: %w", err), "name a file with the password in its first line")
		}
		defer file.Close()
		from = file
	}
	data, err := io.ReadAll(io.LimitReader(from, maxPassword+2))
	if err != nil {
		return nil, fmt.Errorf("read the password: %w", err)
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) == 0 || len(line) > maxPassword {
		return nil, usage(fmt.Errorf("the password has %d bytes, allowed are 1 to %d", len(line), maxPassword), "put it into the first line of the file")
	}
	return line, nil
}

func askPassword(prompt string) ([]byte, error) {
	terminal := openTerminal()
	if terminal == nil {
		return nil, usage(errors.New("there is no terminal to ask for the password"), "give it in a file, or on standard input with -")
	}
	defer terminal.Close()
	fmt.Fprintf(terminal, "%s: ", prompt)
	typed, err := term.ReadPassword(int(terminal.Fd()))
	fmt.Fprintln(terminal)
	if err != nil {
		return nil, fmt.Errorf("ask for the password: %w", err)
	}
	return typed, nil
}

// newPassword is readPassword for a password that is being set: when asked
// for, it is typed twice.
func newPassword(s streams, path, prompt string) ([]byte, error) {
	typed, err := readPassword(s, path, prompt)
	if err != nil || path != "" {
		return typed, err
	}
	again, err := askPassword("The same again")
	if err == nil && !bytes.Equal(typed, again) {
		err = hinted{errors.New("the two passwords differ"), "try again", exitNoLogin}
	}
	return typed, err
}
