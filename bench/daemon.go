package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// daemon is a latchkeyd that has said that it is ready.
type daemon struct {
	cmd   *exec.Cmd
	ready time.Duration // from exec to its word
}

// start runs the real daemon on the machine's store.
func (m *mac) start(ctx context.Context) (*daemon, error) {
	cmd := exec.CommandContext(ctx, m.program("latchkeyd"), "--state", m.path("state"), "--files", m.path("files"), "--sockets", m.path("s"),
		"--managed-preferences", m.path("prefs"), "--accounts", m.path("accounts.json"), "--machine", m.path("machine.json"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("start latchkeyd: %w", err)
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start latchkeyd: %w", err)
	}
	var said strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.Contains(lines.Text(), `"ready"`) {
			d := &daemon{cmd: cmd, ready: time.Since(began)}
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return d, nil
		}
		fmt.Fprintln(&said, lines.Text())
	}
	return nil, fmt.Errorf("latchkeyd ended before it was ready: %w\n%s", cmd.Wait(), &said)
}

func (d *daemon) stop() error {
	return errors.Join(d.cmd.Process.Signal(syscall.SIGTERM), d.cmd.Wait())
}

// memory is a figure of the kernel's in bytes: "VmRSS" or "RssAnon" of status,
// "Pss" of smaps_rollup.
func (d *daemon) memory(file, name string) (int64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", d.cmd.Process.Pid, file))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(raw)) {
		if field, value, ok := strings.Cut(line, ":"); ok && field == name {
			kilobytes, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, fmt.Errorf("%s has no %s", file, name)
}

const (
	starts = 15
	// idle is how long the daemon is left alone before its memory is read: past
	// a look at the profile, which it takes every two seconds.
	idle = 5 * time.Second
)

func daemonRows(ctx context.Context, m *mac) ([]row, error) {
	var ready []time.Duration
	for range starts {
		d, err := m.start(ctx)
		if err != nil {
			return nil, err
		}
		ready = append(ready, d.ready)
		if err := d.stop(); err != nil {
			return nil, err
		}
	}
	d, err := m.start(ctx)
	if err != nil {
		return nil, err
	}
	time.Sleep(idle)
	resident, err1 := d.memory("status", "VmRSS")
	anonymous, err2 := d.memory("status", "RssAnon")
	pss, err3 := d.memory("smaps_rollup", "Pss")
	if err := errors.Join(err1, err2, err3, d.stop()); err != nil {
		return nil, fmt.Errorf("measure the daemon: %w", err)
	}
	info, err := os.Stat(m.program("latchkeyd"))
	if err != nil {
		return nil, err
	}
	const mostMemory, longest = 16 << 20, 30 * time.Millisecond
	return []row{
		{what: fmt.Sprintf("daemon: ready after exec, store of %d users", users), figures: fmt.Sprintf("%s (slowest of %d: %s)", millis(median(ready)), starts, millis(quantile(ready, 1))),
			target: millis(longest), within: median(ready) <= longest},
		{what: "daemon: resident memory, idle", figures: fmt.Sprintf("%s (proportional %s, its own %s)", megabytes(resident), megabytes(pss), megabytes(anonymous)),
			target: megabytes(mostMemory), within: resident <= mostMemory},
		{what: "daemon: size of the program", figures: megabytes(info.Size())},
	}, nil
}
