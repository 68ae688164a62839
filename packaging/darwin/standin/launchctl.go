package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// supervisor and trampoline are this program under two more names: a launchd for
// one job, and what a job's program is before it is that program.
const (
	supervisor = "launchd-job"
	trampoline = "launchd-exec"
)

// target is a domain and, maybe, a job in it: "system", "gui/501/dev.latchkey.agent".
type target struct{ domain, label string }

func parseTarget(text string) (target, error) {
	part := strings.Split(text, "/")
	switch {
	case part[0] == "system" && len(part) == 1:
		return target{domain: "system"}, nil
	case part[0] == "system" && len(part) == 2:
		return target{"system", part[1]}, nil
	case part[0] == "gui" && len(part) == 2:
		return target{domain: "gui/" + part[1]}, nil
	case part[0] == "gui" && len(part) == 3:
		return target{"gui/" + part[1], part[2]}, nil
	}
	return target{}, errors.New("Unrecognized target specifier.")
}

// there: nobody has a graphical session without being logged in.
func (t target) there() bool {
	uid, gui := strings.CutPrefix(t.domain, "gui/")
	return !gui || slices.Contains(sessions(), uid)
}

func (t target) file(kind string) string {
	return filepath.Join(standin, "jobs", strings.ReplaceAll(t.domain, "/", "-")+"-"+t.label+"."+kind)
}

// pid is the supervisor's, or 0 where the job is not loaded.
func (t target) pid() int {
	raw, err := os.ReadFile(t.file("pid"))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(string(raw))
	if err != nil || syscall.Kill(pid, 0) != nil {
		return 0
	}
	return pid
}

// launchctl is bootstrap, bootout, enable, disable, kickstart and print.
func (m machine) launchctl() int {
	if fault("launchctl.fail") || len(m.args) > 0 && m.args[0] == "bootstrap" && once("launchctl.busy") {
		return m.fail(5, "Bootstrap failed: 5: Input/output error")
	}
	args := slices.DeleteFunc(slices.Clone(m.args), func(a string) bool { return a == "-k" })
	if len(args) < 2 {
		return m.fail(64, "Usage: launchctl <subcommand> ...")
	}
	t, err := parseTarget(args[1])
	if err != nil {
		return m.fail(64, "%v", err)
	}
	if !t.there() {
		return m.fail(125, "Domain does not support specified action")
	}
	switch args[0] {
	case "bootstrap":
		return m.bootstrap(t, args)
	case "bootout":
		return m.bootout(t)
	case "kickstart":
		return m.kickstart(t, len(args) < len(m.args))
	case "print":
		return m.printTarget(t)
	case "enable":
		_ = os.Remove(t.file("disabled"))
		return 0
	case "disable":
		if os.WriteFile(t.file("disabled"), nil, 0o644) != nil {
			return 1
		}
		return 0
	}
	return m.fail(64, "Unrecognized subcommand: %s", args[0])
}

func (m machine) bootstrap(t target, args []string) int {
	if len(args) != 3 {
		return m.fail(64, "Usage: launchctl bootstrap <domain> <path>")
	}
	j, err := readJob(args[2])
	if err != nil {
		return m.fail(5, "Bootstrap failed: 5: Input/output error (%v)", err)
	}
	t.label = j.label
	if _, err := os.Stat(t.file("disabled")); err == nil {
		return m.fail(119, "Bootstrap failed: 119: Service is disabled")
	}
	if t.pid() != 0 {
		return m.fail(5, "Bootstrap failed: 5: Input/output error (it is loaded already)")
	}
	ready, theirs, err := os.Pipe()
	if err != nil {
		return m.fail(1, "%v", err)
	}
	defer ready.Close()
	c := exec.Command(standin + "/standin")
	c.Args = []string{supervisor, t.domain, args[2]}
	c.ExtraFiles = []*os.File{theirs}
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := c.Start(); err != nil {
		return m.fail(1, "%v", err)
	}
	_ = theirs.Close()
	if n, _ := ready.Read(make([]byte, 1)); n != 1 {
		return m.fail(5, "Bootstrap failed: 5: Input/output error (see %s)", t.file("log"))
	}
	return 0
}

func (m machine) bootout(t target) int {
	pid := t.pid()
	if pid == 0 {
		return m.fail(3, "Boot-out failed: 3: No such process")
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return m.fail(1, "%v", err)
	}
	for end := time.Now().Add(exitTimeout + 5*time.Second); t.pid() != 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			return m.fail(36, "Boot-out failed: 36: Operation now in progress")
		}
	}
	return 0
}

func (m machine) kickstart(t target, kill bool) int {
	pid := t.pid()
	if pid == 0 {
		return m.fail(113, "Could not find service \"%s\" in domain for %s", t.label, t.domain)
	}
	if kill {
		if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
			return m.fail(1, "%v", err)
		}
	}
	return 0
}

func (m machine) printTarget(t target) int {
	if t.label == "" {
		fmt.Fprintf(m.out, "%s = {\n\ttype = user\n}\n", t.domain)
		return 0
	}
	pid := t.pid()
	if pid == 0 {
		return m.fail(113, "Could not find service \"%s\" in domain for %s", t.label, t.domain)
	}
	fmt.Fprintf(m.out, "%s/%s = {\n\tactive count = 1\n\tstate = running\n\tpid = %d\n}\n", t.domain, t.label, pid)
	return 0
}
