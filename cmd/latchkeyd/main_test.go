package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/latchkey-mfa/latchkey/internal/devaccounts"
)

func TestMain(m *testing.M) {
	testscript.Main(leakless{m}, map[string]func(){"latchkeyd": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", Setup: accountFile, Cmds: map[string]func(*testscript.TestScript, bool, []string){
		"await": scriptAwait,
	}})
}

// accountFile gives every script an account file of one.
func accountFile(env *testscript.Env) error {
	ada := devaccounts.Account{Name: "ada", UID: 501, GID: 20, GUID: "11111111-1111-1111-1111-111111111111", FullName: "Ada", Home: "/Users/ada"}
	return devaccounts.Add(rand.Reader, filepath.Join(env.WorkDir, "accounts.json"), ada, []byte("password"))
}

// scriptAwait waits for a file that a process in the background makes.
func scriptAwait(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	for give := time.Now().Add(20 * time.Second); time.Now().Before(give); runtime.Gosched() {
		if _, err := os.Stat(path); err == nil {
			return
		}
	}
	ts.Fatalf("%s is not made", path)
}

// TestTheMovableClockIsInNoReleaseBuild: whoever could move the daemon's clock
// could open a grace period or a window again (design §7).
func TestTheMovableClockIsInNoReleaseBuild(t *testing.T) {
	for _, tt := range []struct {
		name string
		tags string
		want bool
	}{{"release", "", false}, {"simclock", "simclock", true}} {
		t.Run(tt.name, func(t *testing.T) {
			binary := filepath.Join(t.TempDir(), "latchkeyd")
			build := exec.Command("go", "build", "-trimpath", "-tags", tt.tags, "-o", binary, ".")
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("build: %v\n%s", err, out)
			}
			raw, err := os.ReadFile(binary)
			if err != nil {
				t.Fatal(err)
			}
			if got := bytes.Contains(raw, []byte("sim-clock")); got != tt.want {
				t.Errorf("the binary holds the flag's name: %v, want %v", got, tt.want)
			}
			help, err := exec.Command(binary, "--help").CombinedOutput()
			if err != nil || strings.Contains(string(help), "sim-clock") != tt.want {
				t.Errorf("--help: %v\n%s", err, help)
			}
			out, err := exec.Command(binary, "--sim-clock", "file", "--log-level", "nothing").CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != exitUsage || strings.Contains(string(out), "unknown flag: --sim-clock") == tt.want {
				t.Errorf("--sim-clock: %v\n%s", err, out)
			}
		})
	}
}
