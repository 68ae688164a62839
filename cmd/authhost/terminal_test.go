package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/authhost/tty"
)

// TestAPersonAtATerminal runs the program as a person does: no script, on a
// terminal that controls its session, with our plug-in's panel on it.
func TestAPersonAtATerminal(t *testing.T) {
	programs, err := build(t)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("the host and the plug-ins cannot be built: %v", err)
	}
	authhost := filepath.Join(programs, "authhost")
	if text, err := exec.Command("go", "build", "-o", authhost, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	terminal, err := tty.Open(90, 30)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	program := exec.Command(authhost, "--plugin", "Latchkey="+filepath.Join(programs, "Latchkey.so"), "--insert-latchkey",
		"--accounts", "../../internal/authhost/testdata/accounts.json", "--computer", "Mac of Anna", "--transcript")
	program.Env = append(os.Environ(), "TERM=xterm-256color", "LATCHKEY_FILES="+filepath.Join(programs, "files"), "LATCHKEY_SOCKETS="+programs)
	program.Stdin, program.Stdout, program.Stderr = terminal.File(), terminal.File(), terminal.File()
	program.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- program.Wait() }()
	sees := func(text string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		if err := terminal.WaitForText(ctx, text); err != nil {
			_ = program.Process.Kill()
			t.Fatalf("no %q: %v\n%s", text, err, terminal.Text())
		}
	}
	types := func(text, key string) {
		t.Helper()
		if err := errors.Join(terminal.Type(text), terminal.Press(key)); err != nil {
			t.Fatal(err)
		}
	}
	sees("Mac of Anna")
	types("aexample", "enter")
	types("correct horse", "enter")
	sees("Verification is not available")
	types("", "enter")
	sees("Back at the start")
	types("", "ctrl+c")
	sees("no login: UserCanceled")
	if strings.Contains(terminal.Text(), "correct horse") {
		t.Error("the password can be read")
	}
	sees("Latchkey:gate,privileged") // the transcript comes when the panel is gone
	var code *exec.ExitError
	if err := <-ended; !errors.As(err, &code) || code.ExitCode() != exitNoLogin {
		t.Errorf("ended with %v", err)
	}
}
