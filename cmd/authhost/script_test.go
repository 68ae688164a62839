package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(leakless{m}, map[string]func(){
		"authhost": func() { os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

func TestScripts(t *testing.T) {
	programs, err := build(t)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("the host and the plug-ins cannot be built: %v", err)
	}
	// Privileged and unprivileged are told apart only where root can be left.
	users := "UNPRIVILEGED=92"
	if os.Geteuid() != 0 {
		users = fmt.Sprintf("UNPRIVILEGED=%d", os.Geteuid())
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Vars = append(env.Vars, "HOST="+filepath.Join(programs, "latchkey-host"), "GREETER="+filepath.Join(programs, "greeter.so"),
				"LATCHKEY_FILES="+filepath.Join(programs, "files"),
				"LATCHKEY="+filepath.Join(programs, "Latchkey.so"), "EUID="+fmt.Sprint(os.Geteuid()), users)
			return nil
		},
	})
}

// build makes the real host, a plug-in of another vendor and our own, where
// uid 92 can reach them too.
func build(t *testing.T) (string, error) {
	t.Helper()
	for _, tool := range []string{"cc", "go"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "", err
		}
	}
	out := t.TempDir()
	contact := `{"v":1,"name":"Mac of Anna","serial":"C02XL0GTJGH5","admin_email":"help@example.com","admin_phone":"+1 555 0100"}`
	if err := errors.Join(os.Mkdir(filepath.Join(out, "files"), 0o755), os.WriteFile(filepath.Join(out, "files/contact.json"), []byte(contact), 0o644)); err != nil {
		t.Fatal(err)
	}
	for dir := out; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	hostSources, err := filepath.Glob("../../plugin/host/*.c")
	if err != nil || len(hostSources) == 0 {
		t.Fatalf("no sources of the host: %v", err)
	}
	exports, err := filepath.Abs("../../plugin/exports.map")
	if err != nil {
		t.Fatal(err)
	}
	c := []string{"cc", "-std=c11", "-D_GNU_SOURCE", "-O1", "-pthread"}
	for _, command := range [][]string{
		append(append(c, "-o", filepath.Join(out, "latchkey-host")), append(hostSources, "-ldl")...),
		append(c[:len(c):len(c)], "-shared", "-fPIC", "-o", filepath.Join(out, "greeter.so"), "../../internal/authhost/testdata/greeter.c"),
		{"go", "build", "-buildmode=c-shared", "-tags=terminalpanel", "-ldflags=-extldflags=-Wl,--version-script=" + exports,
			"-o", filepath.Join(out, "Latchkey.so"), "../../plugin"},
	} {
		if text, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", command, err, text)
		}
	}
	return out, nil
}
