// Package latchkey holds the tests of the repository itself: the rules of the
// house that no compiler keeps.
package latchkey

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/latchkey-mfa/latchkey/"

// listed is what the go command says of a package.
type listed struct {
	ImportPath string
	Doc        string
	Imports    []string
	Deps       []string
	Module     *struct{ Path string }
}

func packages(t *testing.T) map[string]listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Doc,Imports,Deps,Module", "./...")
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	found := map[string]listed{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return found
		} else if err != nil {
			t.Fatal(err)
		}
		found[strings.TrimPrefix(p.ImportPath, module)] = p
	}
}

// TestImportsGoOneWay holds design §3. A row forbids what package (and all
// below it, with a slash at the end) may depend on, directly or not.
func TestImportsGoOneWay(t *testing.T) {
	rules := []struct{ from, never, why string }{
		{"internal/device/", module + "internal/server/", "the Mac and the server never import each other"},
		{"internal/server/", module + "internal/device/", "the Mac and the server never import each other"},
		{"pkg/recoverypin", module, "the PIN is the standard library's alone"},
		{"pkg/totp", module, "the code is the standard library's alone"},
		{"internal/wire", module, "both sides and the plug-in use the shapes"},
		{"internal/policy", module + "internal/device/", "the policy is pure, and both sides use it"},
		{"internal/device/login", "net", "the engine does no I/O"},
		{"internal/device/login", "go.etcd.io/bbolt", "the engine does no I/O"},
		{"internal/device/store", module + "internal/device/session", "a store implements what is declared above it"},
		{"internal/device/xipc", module + "internal/device/session", "a transport implements what is declared above it"},
		{"internal/device/checkin", module + "internal/device/session", "a transport implements what is declared above it"},
		{"internal/device/login", module + "internal/device/session", "the engine is below what runs it"},
		{"internal/device/recovery", module + "internal/device/session", "recovery is below what runs it"},
		{"internal/device/factor/", module + "internal/device/session", "a factor is below what runs it"},
		{"plugin", "go.uber.org/zap", "the plug-in is a client with nothing else in it"},
		{"plugin", "github.com/spf13/cobra", "the plug-in is a client with nothing else in it"},
		{"plugin", module + "internal/device/login", "the plug-in decides nothing"},
		{"cmd/latchkeyd", module + "internal/authhost", "what plays a Mac does not ship in the daemon"},
	}
	all := packages(t)
	for _, rule := range rules {
		for name, p := range all {
			if name != rule.from && !(strings.HasSuffix(rule.from, "/") && strings.HasPrefix(name, rule.from)) {
				continue
			}
			for _, dep := range p.Deps {
				if dep == rule.never || strings.HasSuffix(rule.never, "/") && strings.HasPrefix(dep, rule.never) {
					t.Errorf("%s depends on %s: %s", name, strings.TrimPrefix(dep, module), rule.why)
				}
			}
		}
	}
	if len(all) < 30 {
		t.Errorf("only %d packages were looked at", len(all))
	}
}

// TestEveryPackageHasItsParagraph: a newcomer reads what a package knows and
// what it must never do.
func TestEveryPackageHasItsParagraph(t *testing.T) {
	for name, p := range packages(t) {
		if p.Doc == "" && name != strings.TrimSuffix(module, "/") {
			t.Errorf("%s has no package comment", name)
		}
	}
}
