package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/store/storetest"
)

// serverProcess is latchkey-server as a process of its own.
type serverProcess struct {
	cmd *exec.Cmd
	env map[string]string
}

func startProcess(t *testing.T, data string, more ...string) *serverProcess {
	t.Helper()
	cmd := exec.Command(os.Args[0], append([]string{"serve", "--data", data, "--listen", "127.0.0.1:0", "--device-listen", "127.0.0.1:0", "--tls-hosts", "127.0.0.1", "--log-level", "error"}, more...)...)
	cmd.Env = append(os.Environ(), serveVariable+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return &serverProcess{cmd: cmd, env: readiness(t.Fatalf, out)}
}

// local runs a command of the test's own data folder and returns its output.
func local(t *testing.T, args ...string) string {
	t.Helper()
	var out, err bytes.Buffer
	if code := run(t.Context(), streams{out: &out, err: &err}, args); code != 0 {
		t.Fatalf("%v: exit %d: %s", args, code, &err)
	}
	return strings.TrimSpace(out.String())
}

// A server that is killed at any moment has lost nothing that it answered, and
// hands out no second twice.
func TestKilledServerLosesNothing(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	if storetest.OnServer() {
		t.Setenv("LATCHKEY_DATABASE", storetest.Postgres(t).Empty(t))
	}
	local(t, "init", "--data", data)
	token := local(t, "token", "create", "--data", data, "--name", "test", "--login", "sam@example.com", "--role", "super-admin")
	t.Setenv("LATCHKEY_TOKEN", token)
	t.Setenv("LATCHKEY_CA_FILE", filepath.Join(data, "tls-ca.pem"))
	server := startProcess(t, data)
	t.Setenv("LATCHKEY_SERVER", server.env["LATCHKEY_SERVER"])
	m := &mac{server: server.env["LATCHKEY_SERVER"], device: server.env["DEVICE_URL"], fatal: t.Fatalf}
	m.enrol(local(t, "scep", "challenge", "create", "--serial", "C02A"))
	if status, body := m.checkIn("C02A", "amy", 1); status != 200 {
		t.Fatalf("check-in: %d %s", status, body)
	}
	answered := map[string]string{} // id by time of issue
	for round := range 3 {
		var stopped atomic.Bool
		after := 1 + round*2
		for n := 0; !stopped.Load(); n++ {
			if n == after {
				// Killed while the next one is under way.
				go func() { stopped.Store(true); _ = server.cmd.Process.Kill() }()
			}
			var out bytes.Buffer
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			code := run(ctx, streams{out: &out, err: io.Discard}, []string{"pin", "generate", "--device", "C02A", "--user", "amy", "--reason", "crash", "--json"})
			cancel()
			if code != 0 {
				break
			}
			var pin struct{ ID, IssuedAt string }
			if err := json.Unmarshal(out.Bytes(), &pin); err != nil {
				t.Fatal(err)
			}
			if other, taken := answered[pin.IssuedAt]; taken {
				t.Fatalf("%s and %s share the second %s", other, pin.ID, pin.IssuedAt)
			}
			answered[pin.IssuedAt] = pin.ID
		}
		_ = server.cmd.Wait()
		server = startProcess(t, data)
		t.Setenv("LATCHKEY_SERVER", server.env["LATCHKEY_SERVER"])
		kept := local(t, "pin", "list", "--device", "C02A", "--user", "amy", "--json")
		for at, id := range answered {
			if !strings.Contains(kept, id) {
				t.Fatalf("round %d: the PIN %s of %s is gone", round, id, at)
			}
		}
		local(t, "events", "verify")
	}
	if len(answered) == 0 {
		t.Fatal("no PIN was generated before the first kill")
	}
}
