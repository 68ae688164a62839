//go:build linux

package abitest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// artifacts are the binaries under test, each built when a test first wants it.
var artifacts struct {
	folder string
	mu     sync.Mutex
	built  map[string]error
}

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "abitest")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := os.Chmod(folder, 0o755); err != nil { // hosts run as other users, too
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	artifacts.folder, artifacts.built = folder, map[string]error{}
	code := m.Run()
	_ = os.RemoveAll(folder)
	os.Exit(code)
}

// need skips the test where a tool is missing, and fails it where CI=true.
func need(t testing.TB, what string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s: %v", what, err)
	}
	t.Skipf("%s: %v", what, err)
}

func tools(t testing.TB, names ...string) {
	t.Helper()
	for _, name := range names {
		_, err := exec.LookPath(name)
		need(t, "this test needs "+name, err)
	}
}

// artifact builds a binary once and returns its path. A build that fails is a
// failure of the test.
func artifact(t testing.TB, name string, command func(out string) *exec.Cmd) string {
	t.Helper()
	tools(t, "go", "cc")
	artifacts.mu.Lock()
	defer artifacts.mu.Unlock()
	out := filepath.Join(artifacts.folder, name)
	if _, there := artifacts.built[name]; !there {
		output, err := command(out).CombinedOutput()
		if err != nil {
			err = fmt.Errorf("build %s: %w\n%s", name, err, output)
		}
		artifacts.built[name] = err
	}
	if err := artifacts.built[name]; err != nil {
		t.Fatal(err)
	}
	return out
}

func repository(t testing.TB) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// undefined makes undefined behaviour the end of the process, as the address
// sanitizer does with a bad access.
const undefined = "-fsanitize=undefined -fno-sanitize-recover=undefined"

// plugin builds the real plug-in, as the Makefile does, with the flags given.
func plugin(t testing.TB, name string, cflags string, flags ...string) string {
	t.Helper()
	root := repository(t)
	link := "-extldflags=-Wl,--version-script=" + filepath.Join(root, "plugin/exports.map")
	if !slices.Contains(flags, "-asan") { // whose reports want the symbols
		link = "-s -w " + link
	}
	return artifact(t, name, func(out string) *exec.Cmd {
		args := append([]string{"build", "-buildmode=c-shared", "-ldflags=" + link}, flags...)
		cmd := exec.Command("go", append(args, "-o", out, "./plugin")...)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "CGO_ENABLED=1", "CGO_CFLAGS=-O2 -g "+cflags)
		if slices.Contains(flags, "-tags=gnustep") {
			cmd.Env = append(cmd.Env, "CC="+filepath.Join(root, ".ci/gnustep-cc"))
		}
		if slices.Contains(flags, "-asan") {
			cmd.Env = append(cmd.Env, "CGO_CFLAGS=-O1 -g "+undefined+" "+cflags, "CGO_LDFLAGS="+undefined)
		}
		return cmd
	})
}

func compile(t testing.TB, name, pattern string, flags ...string) string {
	t.Helper()
	sources, err := filepath.Glob(filepath.Join(repository(t), pattern))
	if err != nil || len(sources) == 0 {
		t.Fatalf("no C files at %s: %v", pattern, err)
	}
	return artifact(t, name, func(out string) *exec.Cmd {
		args := append([]string{"-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-g", "-O1", "-pthread", "-o", out}, sources...)
		return exec.Command("cc", append(args, append(flags, "-ldl")...)...)
	})
}

func ourPlugin(t testing.TB) string { t.Helper(); return plugin(t, "Latchkey.so", "") }

func secondPlugin(t testing.TB) string {
	t.Helper()
	return compile(t, "second.so", "plugin/host/testdata/second.c", "-shared", "-fPIC")
}

// sanitizer says why there is none of that name.
func sanitizer(name string) error {
	probe := filepath.Join(artifacts.folder, "probe-"+name)
	program := exec.Command("cc", "-fsanitize="+name, "-x", "c", "-o", probe, "-")
	program.Stdin = strings.NewReader("int main(void) { return 0; }\n")
	if output, err := program.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, output)
	}
	return exec.Command(probe).Run()
}

// TestExports: the host's namespace is shared with every other vendor's plug-in.
func TestExports(t *testing.T) {
	tools(t, "nm")
	out, err := exec.Command("nm", "-D", "--defined-only", ourPlugin(t)).Output()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		names = append(names, fields[len(fields)-1])
	}
	if len(names) != 1 || names[0] != "AuthorizationPluginCreate" {
		t.Errorf("exports %q", names)
	}
}

// TestImports: what runs in a process of the system's is a short list.
func TestImports(t *testing.T) {
	tools(t, "go")
	cmd := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "./plugin")
	cmd.Dir = repository(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string]bool{"golang.org/x/sys/unix": true}
	for _, ours := range []string{"internal/wire", "internal/device/places", "internal/device/xipc", "plugin", "plugin/mechanism", "plugin/panel", "plugin/words", "internal/locale"} {
		allowed["github.com/latchkey-mfa/latchkey/"+ours] = true
	}
	for _, name := range strings.Fields(string(out)) {
		if !allowed[name] {
			t.Errorf("the plug-in imports %s", name)
		}
	}
}

// maxSize holds the size of the plug-in without a panel, in bytes: measured
// 3.2 MB, and a library that creeps in is seen.
const maxSize = 4 << 20

func TestSize(t *testing.T) {
	info, err := os.Stat(ourPlugin(t))
	if err != nil || info.Size() > maxSize {
		t.Errorf("%v bytes, at most %d; %v", info.Size(), maxSize, err)
	}
}
