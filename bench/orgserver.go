package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// orgServer is a latchkey-server that has said that it is ready.
type orgServer struct {
	cmd             *exec.Cmd
	public, devices string // URLs
	said            string // file with what it says
	err             *os.File
}

// startServer runs the real server on a data folder and a database.
func startServer(ctx context.Context, program, dir, where string) (*orgServer, error) {
	said := filepath.Join(dir, "server.log")
	log, err := os.Create(said)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, "serve", "--data", dir, "--database", where, "--listen", "127.0.0.1:0", "--device-listen", "127.0.0.1:0", "--accounts-per-hour", "1000000")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start latchkey-server: %w", err)
	}
	s := &orgServer{cmd: cmd, said: said, err: log}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		text, _ := os.ReadFile(said)
		return nil, fmt.Errorf("latchkey-server ended before it was ready: %w\n%s", cmd.Wait(), text)
	}
	for _, field := range strings.Fields(line) {
		if url, ok := strings.CutPrefix(field, "public-url="); ok {
			s.public = url
		}
		if url, ok := strings.CutPrefix(field, "device-url="); ok {
			s.devices = url
		}
	}
	return s, nil
}

func (s *orgServer) stop() error {
	return errors.Join(s.cmd.Process.Signal(syscall.SIGTERM), s.cmd.Wait(), s.err.Close())
}

// resident is the memory that the server has in use, in bytes.
func (s *orgServer) resident() (int64, error) {
	return (&daemon{cmd: s.cmd}).memory("status", "VmRSS")
}

// used is the processor time that a process has taken so far. With its children
// it has those too that it started and that still run, which is PostgreSQL.
func used(pid int, children bool) (time.Duration, error) {
	own, err := statOf(pid)
	if err != nil {
		return 0, err
	}
	total := own.user + own.system
	if !children {
		return ticks(total), nil
	}
	total += own.childUser + own.childSystem
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0, err
	}
	for _, p := range all {
		n, _ := strconv.Atoi(filepath.Base(p))
		if s, err := statOf(n); err == nil && s.parent == pid { // one may be gone meanwhile
			total += s.user + s.system
		}
	}
	return ticks(total), nil
}

// ticks are hundredths of a second, whatever the kernel's own clock is: proc(5).
func ticks(n int64) time.Duration { return time.Duration(n) * 10 * time.Millisecond }

type stat struct {
	parent                               int
	user, system, childUser, childSystem int64
}

// statOf reads /proc/PID/stat: the name in parentheses may hold anything.
func statOf(pid int) (s stat, err error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return s, err
	}
	text := string(raw)
	f := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(f) < 15 {
		return s, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(f))
	}
	number := func(i int) (n int64) {
		n, err2 := strconv.ParseInt(f[i], 10, 64)
		err = errors.Join(err, err2)
		return n
	}
	return stat{parent: int(number(1)), user: number(11), system: number(12), childUser: number(13), childSystem: number(14)}, err
}
