//go:build linux

package abitest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// securityAgent is the user and the group of the login window on a Mac.
const securityAgent = 92

// agentHost is a host as the login window's: another user than the daemon, and
// not root.
func agentHost(t *testing.T, folder string) *host {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can run a host as another user")
	}
	return launch(t, compile(t, "latchkey-host", "plugin/host/*.c"), folder, func(cmd *exec.Cmd) {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: securityAgent, Gid: securityAgent}}
	})
}

// TestTheLoginWindowsUser: the prompt works for the group of its socket, and
// the gate's socket is closed to it.
func TestTheLoginWindowsUser(t *testing.T) {
	d := newDaemon(t)
	d.mode, d.gid = 0o660, securityAgent
	d.prompt = ends(wire.Done{Result: wire.ResultContinue, Ticket: ticket})
	d.gate = says(true)
	h := agentHost(t, d.start().folder)
	if err := os.Chmod(filepath.Join(d.folder, "gate.sock"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.send(frame(opLoad, 1, ourPlugin(t)), frame(opCreate, 1, 1, "prompt"), frame(opCreate, 2, 1, "gate"))
	h.want(frame(opLoaded, 1, 0, ""), frame(opCreated, 1, 0), frame(opCreated, 2, 0))
	h.send(frame(opInvoke, 1, none, 1, "uid", 1, "\xf5\x01\x00\x00", none, none))
	h.want(frame(opInvoked, 1, 0), frame(opResult, 1, 0, 1, wire.TicketHint, 0, string(ticket), 1, "uid", 1, "\xf5\x01\x00\x00"))
	h.send(frame(opInvoke, 2, none, 1, "uid", 1, "\xf5\x01\x00\x00", none, none))
	h.want(frame(opInvoked, 2, 0), frame(opResult, 2, 1, none, 1, "uid", 1, "\xf5\x01\x00\x00"))
}

// TestFilesOfTheLoginWindowsUser: every vendor's plug-in runs as that user, so
// what it wrote proves nothing, to itself least of all.
func TestFilesOfTheLoginWindowsUser(t *testing.T) {
	d := newDaemon(t)
	h := agentHost(t, d.folder)
	file := filepath.Join(d.folder, "gate.json")
	if err := os.WriteFile(file, []byte(`{"v":1,"exempt":[],"unavailable":"allow","kill_switch":""}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(file, securityAgent, securityAgent); err != nil {
		t.Fatal(err)
	}
	h.send(frame(opLoad, 1, ourPlugin(t)), frame(opCreate, 1, 1, "gate"))
	h.want(frame(opLoaded, 1, 0, ""), frame(opCreated, 1, 0))
	h.send(frame(opInvoke, 1, none, 1, "uid", 1, "\xf5\x01\x00\x00", none, none))
	h.want(frame(opInvoked, 1, 0), frame(opResult, 1, 1, none, 1, "uid", 1, "\xf5\x01\x00\x00"))
	if err := errors.Join(os.Chown(file, 0, 0), os.Chmod(file, 0o644)); err != nil { // the same from root's hand
		t.Fatal(err)
	}
	h.send(frame(opInvoke, 1, none, 1, "uid", 1, "\xf5\x01\x00\x00", none, none))
	h.want(frame(opInvoked, 1, 0), frame(opResult, 1, 0, none, 1, "uid", 1, "\xf5\x01\x00\x00"))
}
