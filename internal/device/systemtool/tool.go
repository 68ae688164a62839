package systemtool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// MaxOutput is how many bytes of a tool's output are read. One that prints more
// is not understood, and counts as failed.
const MaxOutput = 1 << 20

// maxSaid is how much of what a failed tool printed stands in the error.
const maxSaid = 200

// Tool is a program of the system.
type Tool struct {
	Path    string        // absolute; no folder is searched
	Timeout time.Duration // for one run; it is killed after that, with all that it started
}

// FailedError is a tool that ended with another code than 0.
type FailedError struct {
	Tool string // its file's name, and what it was asked for
	Code int    // -1: it was ended by a signal
	Said string // the beginning of what it printed for people, on one line
}

// Error names the tool, the code and what the tool said.
func (e *FailedError) Error() string {
	s := fmt.Sprintf("%s ended with %d", e.Tool, e.Code)
	if e.Said != "" {
		s += ": " + e.Said
	}
	return s
}

// ErrHung: the tool did not end in its time.
var ErrHung = errors.New("it did not end in time")

// ErrTooMuch: the tool printed more than MaxOutput.
var ErrTooMuch = errors.New("it printed more than can be read")

// environment is all that a tool gets: what it finds by name is the system's.
func environment() []string {
	return []string{"PATH=/usr/bin:/bin:/usr/sbin:/sbin", "LANG=C", "HOME=/var/root"}
}

// Run runs the tool with the words and the input, and returns what it printed on
// standard output and on standard error. Errors: *FailedError, ErrHung,
// ErrTooMuch, the error of ctx, and what the system says where it cannot be
// started at all.
func (t Tool) Run(ctx context.Context, input []byte, words ...string) (out, said []byte, err error) {
	name := filepath.Base(t.Path)
	if len(words) > 0 {
		name += " " + words[0]
	}
	if !filepath.IsAbs(t.Path) {
		return nil, nil, fmt.Errorf("%s: its path %q is not absolute", name, t.Path)
	}
	within, cancel := context.WithTimeout(ctx, t.Timeout)
	defer cancel()
	stdout, stderr := bounded{limit: MaxOutput}, bounded{limit: MaxOutput}
	cmd := exec.CommandContext(within, t.Path, words...) // #nosec G204 -- an absolute path, and words of this source
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &stdout, &stderr
	cmd.Env, cmd.Dir = environment(), "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second // for what it started and left holding its output
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return nil, nil, fmt.Errorf("%s: %w", name, ctx.Err())
	case within.Err() != nil:
		return nil, nil, fmt.Errorf("%s: %w: %s", name, ErrHung, t.Timeout)
	case stdout.over || stderr.over:
		return nil, nil, fmt.Errorf("%s: %w", name, ErrTooMuch)
	case errors.As(err, &exit):
		return stdout.kept.Bytes(), stderr.kept.Bytes(), &FailedError{Tool: name, Code: exit.ExitCode(), Said: line(stderr.kept.Bytes())}
	case err != nil:
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	return stdout.kept.Bytes(), stderr.kept.Bytes(), nil
}

// bounded keeps the beginning of what is written to it. The buffer is not
// embedded: its ReadFrom would go past the bound.
type bounded struct {
	kept  bytes.Buffer
	limit int
	over  bool
}

// Write takes everything, and keeps what fits: a tool is not stopped by it.
func (b *bounded) Write(p []byte) (int, error) {
	room := b.limit - b.kept.Len()
	if len(p) > room {
		b.over = true
		b.kept.Write(p[:room])
		return len(p), nil
	}
	return b.kept.Write(p)
}

// line is the beginning of a text on one line, without what a terminal would
// obey.
func line(text []byte) string {
	s := strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case r < ' ' || r == 0x7f || r == '\uFFFD':
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(text), ""))
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > maxSaid {
		s = strings.ToValidUTF8(s[:maxSaid], "") + "…"
	}
	return s
}
