package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/plist"
)

// exitTimeout is how long a program that is to end may take before launchd ends
// it (launchd.plist(5), ExitTimeOut).
const exitTimeout = 20 * time.Second

// job is what is used here of a launchd.plist(5).
type job struct {
	label      string
	arguments  []string
	errors     string // StandardErrorPath
	runAtLoad  bool
	keepAlive  bool // whatever the program ends with
	onFailure  bool // KeepAlive where SuccessfulExit is false
	throttle   time.Duration
	sockets    []socket
	listening  []*os.File
	credential *syscall.Credential
}

type socket struct {
	name, path       string
	mode             os.FileMode
	owner, groupName int
}

// readJob reads a job's file, and holds what launchd holds: only root may be able
// to change it.
func readJob(path string) (j job, err error) {
	info, err := os.Lstat(path)
	if err != nil {
		return j, err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || stat.Uid != 0 || info.Mode().Perm()&0o022 != 0 || !info.Mode().IsRegular() {
		return j, errors.New("bad ownership or permissions")
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return j, err
	}
	document, err := plist.Parse(raw)
	if err != nil {
		return j, err
	}
	get := func(key string) plist.Value { e, _ := document.Root.Get(key); return e.Value }
	j = job{label: get("Label").Text, errors: get("StandardErrorPath").Text, runAtLoad: get("RunAtLoad").Bool, keepAlive: get("KeepAlive").Bool, throttle: 10 * time.Second}
	for _, a := range get("ProgramArguments").Items {
		j.arguments = append(j.arguments, a.Text)
	}
	if success, there := get("KeepAlive").Get("SuccessfulExit"); there {
		j.onFailure = !success.Value.Bool
	}
	if n, whole := get("ThrottleInterval").Int64(); whole {
		j.throttle = time.Duration(n) * time.Second
	}
	for _, e := range get("Sockets").Entries {
		number := func(key string) int { v, _ := e.Value.Get(key); n, _ := v.Value.Int64(); return int(n) }
		name, _ := e.Value.Get("SockPathName")
		j.sockets = append(j.sockets, socket{e.Key, name.Value.Text, os.FileMode(number("SockPathMode")), number("SockPathOwner"), number("SockPathGroup")})
	}
	if j.label == "" || len(j.arguments) == 0 {
		return j, errors.New("a job has a Label and ProgramArguments")
	}
	return j, nil
}

// listen opens the sockets, with their modes: they are the job's, whether its
// program runs or not.
func (j *job) listen() error {
	for _, s := range j.sockets {
		_ = os.Remove(s.path)
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: s.path, Net: "unix"})
		if err != nil {
			return err
		}
		l.SetUnlinkOnClose(false)
		f, err := l.File()
		if err = errors.Join(err, l.Close(), os.Chown(s.path, s.owner, s.groupName), os.Chmod(s.path, s.mode)); err != nil {
			return err
		}
		j.listening = append(j.listening, f)
	}
	return nil
}

// supervise is launchd for one job: `launchd-job DOMAIN PLIST`. It ends with
// SIGTERM, and its program and sockets with it.
func (m machine) supervise() int {
	j, err := readJob(m.args[1])
	if err != nil {
		return 1
	}
	t := target{m.args[0], j.label}
	if uid, gui := strings.CutPrefix(t.domain, "gui/"); gui {
		n, err := strconv.ParseUint(uid, 10, 32)
		if err != nil {
			return 1
		}
		j.credential = &syscall.Credential{Uid: uint32(n), Gid: 20}
	}
	said := make(chan os.Signal, 8)
	signal.Notify(said, syscall.SIGTERM, syscall.SIGHUP)
	ready := os.NewFile(3, "ready")
	err = errors.Join(j.listen(), os.WriteFile(t.file("pid"), []byte(strconv.Itoa(os.Getpid())), 0o644))
	if err != nil {
		_ = os.WriteFile(t.file("log"), []byte(err.Error()), 0o644)
		return 1
	}
	_, _ = ready.Write([]byte{1})
	_ = ready.Close()
	j.keep(said)
	for _, s := range j.sockets {
		_ = os.Remove(s.path)
	}
	_ = os.Remove(t.file("pid"))
	return 0
}

// keep starts the program, and again by KeepAlive and ThrottleInterval, until
// SIGTERM. SIGHUP is a kickstart -k.
func (j job) keep(said <-chan os.Signal) {
	for {
		began := time.Now()
		c, err := j.start()
		failed := err != nil
		if err == nil {
			ended := make(chan struct{})
			go func() { defer close(ended); _ = c.Wait() }()
			over, asked := wait(c, ended, said)
			if over {
				return
			}
			failed = c.ProcessState == nil || !c.ProcessState.Success()
			if asked {
				continue
			}
		}
		pause := j.throttle - time.Since(began)
		if !j.keepAlive && (!j.onFailure || !failed) {
			pause = 24 * time.Hour
		}
		select {
		case s := <-said:
			if s == syscall.SIGTERM {
				return
			}
		case <-time.After(max(pause, 0)):
		}
	}
}

// wait waits for the program, or for what is to become of it: the job is over, or
// the program was asked to end and is to be started anew.
func wait(c *exec.Cmd, ended <-chan struct{}, said <-chan os.Signal) (over, asked bool) {
	select {
	case <-ended:
		return false, false
	case s := <-said:
		_ = c.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(exitTimeout):
			_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
			<-ended
		}
		return s == syscall.SIGTERM, true
	}
}

// start starts the program with its sockets, by the protocol of
// sd_listen_fds(3), which the daemon's builds for Linux know.
func (j job) start() (*exec.Cmd, error) {
	c := exec.Command(standin + "/standin")
	c.Args = append([]string{trampoline}, j.arguments...)
	c.ExtraFiles = j.listening
	c.Dir = "/"
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: j.credential}
	c.Env = []string{"PATH=/usr/bin:/bin:/usr/sbin:/sbin"}
	if len(j.sockets) > 0 {
		names := []string{}
		for _, s := range j.sockets {
			names = append(names, s.name)
		}
		c.Env = append(c.Env, "LISTEN_FDS="+strconv.Itoa(len(names)), "LISTEN_FDNAMES="+strings.Join(names, ":"))
	}
	if j.errors != "" {
		f, err := os.OpenFile(j.errors, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		c.Stdout, c.Stderr = f, f
	}
	return c, c.Start()
}

// become is the job's program, once it has the number that LISTEN_PID has to name.
func (m machine) become() int {
	env := append(slices.Clone(os.Environ()), "LISTEN_PID="+strconv.Itoa(os.Getpid()))
	err := syscall.Exec(filepath.Clean(m.args[0]), m.args, env)
	return m.fail(78, "%s: %v", m.args[0], fmt.Errorf("could not be started: %w", err))
}
