package identity

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

const maxChallenge = 1024

// Challenge is the password of an enrolment. It prints as a placeholder.
type Challenge string

// Format hides the challenge from every verb.
func (Challenge) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[challenge]") }

// String hides the challenge from logs and errors.
func (Challenge) String() string { return "[challenge]" }

// ReadChallenge reads a challenge from the first line of a file that only its
// owner can read.
func ReadChallenge(path string) (Challenge, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", fmt.Errorf("read the challenge from %s: %w", path, err)
	}
	file := os.NewFile(uintptr(fd), path)
	defer file.Close()
	if err := private(file); err != nil {
		return "", fmt.Errorf("read the challenge from %s: %w", path, err)
	}
	raw, err := io.ReadAll(io.LimitReader(file, maxChallenge+2))
	if err != nil {
		return "", fmt.Errorf("read the challenge from %s: %w", path, err)
	}
	line, _, _ := bytes.Cut(raw, []byte("\n"))
	return challenge(line)
}

// PromptChallenge asks for a challenge on a terminal, without showing it.
func PromptChallenge(in *os.File, out io.Writer) (Challenge, error) {
	if !term.IsTerminal(int(in.Fd())) {
		return "", errors.New("ask for the challenge: the input is no terminal; put the challenge into a file")
	}
	_, _ = io.WriteString(out, "SCEP challenge: ")
	line, err := term.ReadPassword(int(in.Fd()))
	_, _ = io.WriteString(out, "\n")
	if err != nil {
		return "", fmt.Errorf("ask for the challenge: %w", err)
	}
	return challenge(line)
}

func challenge(line []byte) (Challenge, error) {
	text := strings.TrimSpace(string(line))
	switch {
	case text == "":
		return "", errors.New("the challenge is empty")
	case len(text) > maxChallenge:
		return "", fmt.Errorf("the challenge is longer than %d bytes", maxChallenge)
	}
	return Challenge(text), nil
}
