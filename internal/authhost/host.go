package authhost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// securityAgent is the uid and gid of _securityagent, which runs unprivileged
// mechanisms at the login window.
const securityAgent = 92

// teardown bounds how long the engine waits for a host at the very end. While
// a mechanism runs there is no time-out, as in authd.
const teardown = 5 * time.Second

// event is what a host said, or why it will say nothing more.
type event struct {
	from    *host
	message message
	end     error // io.EOF or worse; the message is empty then
}

// host is one latchkey-host process.
type host struct {
	privileged bool
	command    *exec.Cmd
	requests   *os.File
	plugins    map[string]loaded // by path
	dead       bool
	exited     chan struct{} // closed when the process is gone
}

type loaded struct {
	id   uint32
	fail string // why the plug-in cannot be used
}

// hostSetting is how host processes are started.
type hostSetting struct {
	path     string
	terminal *os.File // nil: none
	emulated bool     // the terminal is ours alone: hosts get their own session
	env      []string
	said     io.Writer // what hosts print where there is no terminal; nil for nowhere
}

// startHost starts a process and has its messages sent to events until done.
func startHost(s hostSetting, privileged bool, events chan<- event, done <-chan struct{}) (*host, error) {
	theirIn, requests, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe for %s: %w", s.path, err)
	}
	defer theirIn.Close()
	replies, theirOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make a pipe for %s: %w", s.path, err), requests.Close())
	}
	defer theirOut.Close()
	h := &host{privileged: privileged, requests: requests, plugins: map[string]loaded{}, exited: make(chan struct{})}
	h.command = s.command(privileged, theirIn, theirOut)
	if err := h.command.Start(); err != nil {
		return nil, errors.Join(startError(s.path, privileged, err), requests.Close(), replies.Close())
	}
	go h.listen(replies, events, done)
	return h, nil
}

func startError(path string, privileged bool, err error) error {
	if errors.Is(err, os.ErrPermission) && !privileged && os.Geteuid() == 0 {
		return fmt.Errorf("start %s as uid %d: %w (that user must be able to reach and run it)", path, securityAgent, err)
	}
	return fmt.Errorf("start %s: %w", path, err)
}

func (s hostSetting) command(privileged bool, in, out *os.File) *exec.Cmd {
	c := exec.Command(s.path)
	c.Env = s.env
	if privileged {
		c.Env = withoutDisplay(s.env)
	}
	c.ExtraFiles = []*os.File{in, out} // 3 and 4 in the child
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: s.emulated}
	if s.terminal != nil {
		c.Stdin, c.Stdout, c.Stderr = s.terminal, s.terminal, s.terminal
		// A terminal controls one session: that of the host that draws.
		c.SysProcAttr.Setctty = s.emulated && !privileged
	} else if s.said != nil {
		c.Stderr = s.said
		c.WaitDelay = teardown // what the host has started may outlive it, and hold its streams
	}
	if !privileged && os.Geteuid() == 0 {
		c.SysProcAttr.Credential = &syscall.Credential{Uid: securityAgent, Gid: securityAgent}
	}
	return c
}

// withoutDisplay: authorizationhost, as root, has no window server.
func withoutDisplay(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(entry string) bool { return strings.HasPrefix(entry, "DISPLAY=") })
}

// listen passes on what the host says, then that it ended and how.
func (h *host) listen(replies *os.File, events chan<- event, done <-chan struct{}) {
	defer replies.Close()
	var end error
	for end == nil {
		var m message
		if m, end = readMessage(replies); end == nil {
			send(events, event{from: h, message: m}, done)
		}
	}
	if !errors.Is(end, io.EOF) {
		// What does not follow the protocol is not listened to any longer.
		_ = h.command.Process.Kill()
	}
	exit := h.command.Wait()
	close(h.exited)
	if errors.Is(end, io.EOF) && exit != nil {
		end = exit
	}
	send(events, event{from: h, end: end}, done)
}

func send(events chan<- event, e event, done <-chan struct{}) {
	select {
	case events <- e:
	case <-done:
	}
}

// ask sends a request. A failure means that the host is gone; its end arrives
// as an event.
func (h *host) ask(kind op, payload writer) error {
	frame, err := payload.frame(kind)
	if err != nil {
		return err
	}
	if _, err := h.requests.Write(frame); err != nil {
		return errHostGone
	}
	return nil
}

var errHostGone = errors.New("the host process is gone")

// stop asks the process to quit and kills it when it does not.
func (h *host) stop(ctx context.Context) {
	_ = h.ask(opQuit, nil)
	_ = h.requests.Close()
	select {
	case <-h.exited:
	case <-ctx.Done():
		_ = h.command.Process.Kill()
		<-h.exited
	}
}
