package attack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/device/xipc"
	"github.com/latchkey-mfa/latchkey/internal/trial"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// A stranger is this test's own program, run as another user: it dials a socket
// in a role and prints what came of it.
const strangerDials = "ATTACK_STRANGER_DIALS" // role, a space, path

func isStranger() bool { return os.Getenv(strangerDials) != "" }

func strangerMain() int {
	role, path, _ := strings.Cut(os.Getenv(strangerDials), " ")
	c, err := xipc.Dial(context.Background(), path, xipc.ClientOptions{Role: role, Timeout: patience})
	if err == nil {
		fmt.Println(taken)
		c.Close()
		return 0
	}
	var told *xipc.RemoteError
	switch {
	case errors.As(err, &told):
		fmt.Println("refused:", told.Code)
	case errors.Is(err, syscall.EACCES):
		fmt.Println(noAccess)
	default:
		fmt.Println(err)
	}
	return 0
}

// What a stranger prints.
const (
	taken     = "taken"
	noAccess  = "no access"
	refused   = "refused: " + xipc.CodeRefused
	wrongRole = "refused: " + xipc.CodeProtocol
)

// users of a Mac that no account of these tests has.
const (
	securityAgent = 92 // unprivileged mechanisms
	nobody        = 65534
)

// stranger dials as that user, in a process of its own.
func (m *mac) stranger(uid uint32, role, socket string) string {
	m.t.Helper()
	program := filepath.Join(m.Bin, "stranger")
	if _, err := os.Stat(program); err != nil {
		raw, err := os.ReadFile("/proc/self/exe")
		m.ok(err)
		m.ok(os.WriteFile(program, raw, 0o755))
	}
	cmd := exec.CommandContext(m.t.Context(), program)
	cmd.Env = append(os.Environ(), strangerDials+"="+role+" "+filepath.Join(m.Sockets(), socket))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	out, err := cmd.CombinedOutput()
	m.ok(err)
	return strings.TrimSpace(string(out))
}

// Each socket is for its own peers: first by its mode, and where somebody has
// loosened that, by who the kernel says is calling. The prompt's user reaches
// neither the gate nor the commands.
func TestAttackPeerIsWrong(t *testing.T) {
	needsRoot(t)
	m := anEnrolledMac(t)
	person := trial.Reception().UID // who is logged in
	sockets := map[string]string{wire.RolePrompt: "prompt.sock", wire.RoleGate: "gate.sock", wire.RoleControl: "control.sock"}
	try := func(when string, uid uint32, role, socket, want string) {
		t.Helper()
		if got := m.stranger(uid, role, socket); got != want {
			t.Errorf("%s: user %d as %s at %s: %q, want %q", when, uid, role, socket, got, want)
		}
	}
	try("as it is", securityAgent, wire.RolePrompt, "prompt.sock", taken)
	for role, socket := range sockets {
		try("as it is", nobody, role, socket, noAccess)
		try("as it is", person, role, socket, noAccess)
		if role != wire.RolePrompt {
			try("as it is", securityAgent, role, socket, noAccess)
		}
	}
	for _, socket := range sockets {
		m.ok(os.Chmod(filepath.Join(m.Sockets(), socket), 0o666))
	}
	for role, socket := range sockets {
		try("loosened", nobody, role, socket, refused)
		try("loosened", person, role, socket, refused)
		if role != wire.RolePrompt {
			try("loosened", securityAgent, role, socket, refused)
			try("loosened", securityAgent, role, "prompt.sock", wrongRole)
			try("loosened", 0, wire.RolePrompt, socket, wrongRole)
		}
	}
	m.getsIn()
}
