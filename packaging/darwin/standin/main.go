package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// standin is where all of it is kept, below the root that tests change to.
const standin = "/standin"

// machine is what a program of the Mac is started with.
type machine struct {
	args     []string // without the program's name
	in       io.Reader
	out, err io.Writer
}

func main() { os.Exit(run()) }

func run() int {
	name := filepath.Base(os.Args[0])
	m := machine{args: os.Args[1:], in: os.Stdin, out: os.Stdout, err: os.Stderr}
	if name == trampoline {
		return m.become()
	}
	if err := record(name, m.args); err != nil {
		return m.fail(1, "stand-in: %v", err)
	}
	programs := map[string]func() int{
		"security": m.security, "codesign": m.codesign, "launchctl": m.launchctl, "pkgutil": m.pkgutil,
		"installer": m.installer, "ps": m.ps, "loginwindow": m.loginWindow, supervisor: m.supervise,
	}
	program, known := programs[name]
	if !known {
		return m.fail(1, "stand-in: there is no program %s", name)
	}
	return program()
}

// fail says why, as programs of the Mac do, and is the exit code.
func (m machine) fail(code int, format string, words ...any) int {
	fmt.Fprintf(m.err, format+"\n", words...)
	return code
}

// record adds a line for a call. Lines of several programs at once do not mix.
func record(name string, args []string) error {
	f, err := os.OpenFile(filepath.Join(standin, "record"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("record the call: %w", err)
	}
	defer f.Close()
	_, err = fmt.Fprintln(f, strings.TrimSpace(name+" "+strings.Join(args, " ")))
	return err
}

// fault reports whether a fault is switched on.
func fault(name string) bool {
	_, err := os.Stat(filepath.Join(standin, "faults", name))
	return err == nil
}

// once takes one from a fault's file that holds a line for each time: it is on
// while there is one.
func once(name string) bool {
	path := filepath.Join(standin, "faults", name)
	raw, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(raw), "\n")
	if rest == "" {
		return os.Remove(path) == nil
	}
	return os.WriteFile(path, []byte(rest), 0o644) == nil
}

// ps is `ps -axo uid=,comm=`: the Dock of everybody who is logged in.
func (m machine) ps() int {
	for _, uid := range sessions() {
		fmt.Fprintf(m.out, "%5s /System/Library/CoreServices/Dock.app/Contents/MacOS/Dock\n", uid)
	}
	return 0
}

// sessions are the user ids of everybody who is logged in.
func sessions() []string {
	raw, err := os.ReadFile(filepath.Join(standin, "sessions"))
	if err != nil {
		return nil
	}
	return strings.Fields(string(raw))
}
