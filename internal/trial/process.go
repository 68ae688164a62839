package trial

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Process is a program that was started and said that it is ready.
type Process struct {
	name string
	cmd  *exec.Cmd
	log  *watched
	done chan struct{}
}

// watched keeps a program's output and tells when a word has come.
type watched struct {
	mu    sync.Mutex
	text  bytes.Buffer
	word  string
	found chan struct{}
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(p)
	if w.word != "" && strings.Contains(w.text.String(), w.word) {
		w.word = ""
		close(w.found)
	}
	return len(p), nil
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// readyWithin bounds a start, on a machine that is busy with something else.
const readyWithin = 30 * time.Second

// StartProcess starts a program, with a further environment, and waits for the
// word that says it is ready.
func StartProcess(ctx context.Context, env []string, ready, path string, args ...string) (*Process, error) {
	p := &Process{name: path[strings.LastIndex(path, "/")+1:], done: make(chan struct{}),
		log: &watched{word: ready, found: make(chan struct{})}}
	p.cmd = exec.CommandContext(ctx, path, args...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	found := p.log.found
	go func() { _ = p.cmd.Wait(); close(p.done) }()
	select {
	case <-found:
		return p, nil
	case <-p.done:
		return nil, fmt.Errorf("%s ended before it was ready:\n%s", p.name, p.log)
	case <-time.After(readyWithin):
		p.Kill()
		return nil, fmt.Errorf("%s was not ready within %s:\n%s", p.name, readyWithin, p.log)
	}
}

// Stop asks the program to end, and returns when it has.
func (p *Process) Stop() { p.signal(syscall.SIGTERM) }

// Kill does not ask.
func (p *Process) Kill() { p.signal(syscall.SIGKILL) }

func (p *Process) signal(s syscall.Signal) {
	_ = p.cmd.Process.Signal(s)
	select {
	case <-p.done:
	case <-time.After(readyWithin):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// Command runs a program to its end and returns its standard output.
func Command(ctx context.Context, env []string, path string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, path, args...)
	// A program that was built with the race detector sleeps for a second before
	// it ends, in case there is more to report. What runs to its end has reported.
	cmd.Env = append(append(os.Environ(), "GORACE=atexit_sleep_ms=0"), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w: %s", path[strings.LastIndex(path, "/")+1:], strings.Join(args, " "), err, strings.TrimSpace(errs.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

// Log is what the program has written so far.
func (p *Process) Log() string { return p.log.String() }

// PID is the number of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }
