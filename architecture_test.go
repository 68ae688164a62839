// Package latchkey holds the tests of the repository itself: the rules of the
// house that no compiler keeps.
package latchkey

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/latchkey-mfa/latchkey/"

// listed is what the go command says of a package.
type listed struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
	Deps         []string
}

// goCommand is what the go command prints.
func goCommand(t *testing.T, env []string, args ...string) string {
	t.Helper()
	for _, file := range []string{"go.mod", "go.sum"} {
		// A cached result of this test is one of other files' contents: those
		// that a test opens itself. The Go files are opened by sources.
		if _, err := os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Env = append(cmd.Environ(), env...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", args[0], err, errs.String())
	}
	return string(out)
}

// graph is every package that is built for a system (GOOS; with cgo, as the
// plug-in is), also those of libraries, by import path.
func graph(t *testing.T, system string) map[string]listed {
	t.Helper()
	out := goCommand(t, []string{"CGO_ENABLED=1", "GOOS=" + system}, "list", "-deps", "-json=ImportPath,Imports,TestImports,XTestImports,Deps", "./...")
	found := map[string]listed{}
	for d := json.NewDecoder(strings.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return found
		} else if err != nil {
			t.Fatal(err)
		}
		found[p.ImportPath] = p
	}
}

// packages are those of the repository, by path below the root.
func packages(t *testing.T, system string) map[string]listed {
	t.Helper()
	found := map[string]listed{}
	for name, p := range graph(t, system) {
		if name, own := strings.CutPrefix(name, module); own {
			found[name] = p
		}
	}
	return found
}

// places of the imports of every package (not of its tests), as "file:line".
func places(t *testing.T) func(name, dep string) string {
	t.Helper()
	found := map[string]string{}
	for _, s := range sources(t, osRoot()) {
		for _, spec := range s.ast.Imports {
			if key := path.Dir(s.path) + " " + strings.Trim(spec.Path.Value, `"`); !s.test() && found[key] == "" {
				found[key] = s.at(spec)
			}
		}
	}
	return func(name, dep string) string { return found[name+" "+dep] }
}

// systems that the product is built for.
func systems() []string { return []string{"linux", "darwin"} }

// TestImportsGoOneWay holds design §3: what a package (and all below it, with
// a slash at the end) may not depend on, directly or not.
func TestImportsGoOneWay(t *testing.T) {
	rules := []struct{ from, never, why string }{
		{"internal/device/", module + "internal/server/", "the Mac and the server never import each other"},
		{"internal/server/", module + "internal/device/", "the Mac and the server never import each other"},
		{"pkg/", module + "internal/", "a library for anyone knows nothing of the product"},
		{"internal/wire", module + "internal/", "both sides and the plug-in use the shapes"},
		{"internal/policy", module + "internal/device/", "the policy is pure, and both sides use it"},
		{"internal/profile", module + "internal/device/", "the command line and the console use it"},
		{"internal/profile", module + "internal/server/", "the command line and the console use it"},
		{"internal/profile", "net/http", "bytes in, values out"},
		{"internal/device/securitykey", module + "internal/device/login", "whether somebody may log in is not a key's to say"},
		{"internal/device/login", "net", "the engine does no I/O"},
		{"internal/device/login", "go.etcd.io/bbolt", "the engine does no I/O"},
		{"internal/ctap", "net", "a channel is passed in: commands and answers are bytes"},
		{"internal/ctap/", module + "internal/device/", "the daemon holds the conversation; a transport carries it"},
		{"internal/device/store", module, "a store implements what is declared above it"},
		{"internal/device/macos", "os/exec", "the system is asked by its functions: a program's words would have to be guarded from being taken for options"},
		{"internal/device/xipc", module + "internal/device/", "a transport implements what is declared above it"},
		{"internal/device/checkin", module + "internal/device/", "a transport implements what is declared above it"},
		{"plugin", "go.uber.org/", "the plug-in is a client with nothing else in it"},
		{"plugin", "github.com/spf13/", "the plug-in is a client with nothing else in it"},
		{"plugin", module + "internal/policy", "the plug-in decides nothing"},
		{"plugin", module + "internal/device/login", "the plug-in decides nothing"},
		{"cmd/latchkeyd", module + "internal/authhost", "what plays a Mac does not ship in the daemon"},
		{"cmd/latchkey", module + "internal/device/service", "the command line asks the daemon, and is not one"},
		{"plugin", "os/exec", "the plug-in starts no programs"},
	}
	at := places(t)
	for _, system := range systems() {
		all := graph(t, system)
		for _, rule := range rules {
			looked := false
			for name, p := range all {
				name, own := strings.CutPrefix(name, module)
				if !own || !under(name, rule.from) {
					continue
				}
				looked = true
				for _, dep := range p.Imports {
					if reached := reaches(all, dep, rule.never); reached != "" {
						t.Errorf("%s: %s imports %s, and so %s (%s): %s", at(name, dep), name, dep, strings.TrimPrefix(reached, module), system, rule.why)
					}
				}
			}
			if !looked {
				t.Errorf("there is no %s: take the rule out, or name its heir", rule.from)
			}
		}
		if len(all) < 300 {
			t.Errorf("only %d packages were looked at", len(all))
		}
	}
}

// TestOnePackageStartsPrograms: what runs as root, or is run by root, starts
// programs in one place, which has bounds for them.
func TestOnePackageStartsPrograms(t *testing.T) {
	const may = module + "internal/device/systemtool"
	for _, system := range systems() {
		all := graph(t, system)
		for _, program := range []string{"cmd/latchkeyd", "cmd/latchkey"} {
			starts := []string{}
			for _, dep := range all[module+program].Deps {
				if slices.Contains(all[dep].Imports, "os/exec") {
					starts = append(starts, dep)
				}
			}
			if !slices.Equal(starts, []string{may}) {
				t.Errorf("%s starts programs in %q (%s), want %q alone", program, starts, system, may)
			}
		}
	}
}

// reaches is what a package is, or depends on, that a rule forbids; or nothing.
func reaches(all map[string]listed, name, never string) string {
	if under(name, never) {
		return name
	}
	for _, dep := range all[name].Deps {
		if under(dep, never) {
			return dep
		}
	}
	return ""
}

// under: a package is the one that is named, or, when the name ends with a
// slash, one below it.
func under(name, rule string) bool {
	return name == rule || strings.HasSuffix(rule, "/") && strings.HasPrefix(name, rule)
}

// layers of the product: a package imports only from layers above its own
// line. What is not of the product (tests' parts, demo and harnesses) stands
// on all of it.
func layers() [][]string {
	return [][]string{
		{"internal/server/store", "internal/device/macos"},
		{"pkg/recoverypin", "pkg/totp", "pkg/directauth", "internal/ctap", "internal/wire", "internal/plist", "internal/clock", "internal/devaccounts", "internal/authhost/tty",
			"internal/qrcode", "internal/locale", "internal/manual", "internal/device", "internal/device/places", "internal/device/privacy", "internal/device/diagnostics", "internal/device/rootfile", "internal/device/launch", "internal/device/systemtool", "internal/device/store", "internal/device/lockout", "internal/device/machine", "internal/device/identity",
			"internal/server/access", "internal/server/scim", "internal/server/reference", "internal/server/vault", "internal/server/password", "internal/server/credential"},
		{"internal/policy", "plugin/panel", "plugin/words", "internal/device/catalogue", "internal/ctap/hid",
			"internal/device/xipc", "internal/device/loginright", "internal/device/checkin", "internal/device/factor", "internal/device/trustedtime", "internal/device/org",
			"internal/server/systemlog", "internal/server/tlscert", "internal/server/directory", "internal/server/apierror", "internal/server/federation"},
		{"internal/policy/schema", "internal/authhost", "plugin/panel/terminal", "plugin/panel/native", "plugin/mechanism",
			"internal/profile", "internal/device/agent", "internal/device/removal", "internal/device/events", "internal/device/directory", "internal/device/managedprefs", "internal/device/login", "internal/device/securitykey",
			"internal/server/pki", "internal/server/signin", "internal/server/factor", "internal/server/accesslog"},
		{"plugin", "internal/authhost/script", "internal/device/recovery", "internal/device/linking", "internal/server/recovery", "internal/server/webpush", "internal/server/forward"},
		{"internal/device/factor/accesscode", "internal/device/factor/devicepin", "internal/device/factor/offlinekey", "internal/device/factor/online", "internal/server/desk", "internal/server/deviceapi", "internal/server/metrics"},
		{"internal/device/session", "internal/server/adminapi", "internal/server/console", "internal/server/directauth", "internal/server/authenticator"},
		{"internal/device/service"},
		{"cmd/latchkeyd", "cmd/latchkey", "cmd/latchkey-server", "cmd/authhost"},
	}
}

// TestLayers: cmd → service → session → {login, factor, recovery} → policy,
// and the server's in their order.
func TestLayers(t *testing.T) {
	place := map[string]int{}
	for i, layer := range layers() {
		for _, name := range layer {
			place[name] = i
		}
	}
	gone, at := maps.Clone(place), places(t)
	for _, system := range systems() {
		for name, p := range packages(t, system) {
			delete(gone, name)
			mine, placed := place[name]
			if !placed && !onTop(name) {
				t.Errorf("%s has no layer: give it the lowest one in layers() that its imports allow", name)
			}
			for _, dep := range p.Imports {
				dep, own := strings.CutPrefix(dep, module)
				if theirs, product := place[dep]; own && placed && (!product || theirs >= mine) {
					t.Errorf("%s: %s imports %s, which is not below it (%s): declare an interface in %s and have %s implement it", at(name, module+dep), name, dep, system, name, dep)
				}
			}
		}
	}
	for name := range gone {
		t.Errorf("layers() names %s, which is not there", name)
	}
}

// onTop: what plays, breaks or measures the product, and is not installed.
func onTop(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return strings.HasSuffix(name, "test") || under(name, "internal/trial") || under(name, "internal/trial/") || strings.HasPrefix(name, "plugin/abitest/") ||
		!slices.Contains([]string{"cmd", "pkg", "internal", "plugin"}, first)
}

// TestLibrariesHaveOwners: the few packages that may call a library, so that
// its traps are met in one place.
func TestLibrariesHaveOwners(t *testing.T) {
	owners := []struct {
		library string
		only    []string
		why     string
	}{
		{"github.com/groob/plist", []string{"internal/plist"}, "internal/plist bounds what it reads"},
		{"howett.net/plist", []string{"internal/plist"}, "internal/plist bounds what it reads"},
		{"go.etcd.io/bbolt", []string{"internal/device/store"}, "the store seals and syncs"},
		{"modernc.org/sqlite", []string{"internal/server/store"}, "the store sets the pragmas that make it safe"},
		{"github.com/jackc/pgx/v5", []string{"internal/server/store"}, "the store sets the bounds and the locks, and keeps passwords out of errors"},
		{"github.com/jackc/pgx/v5/stdlib", []string{"internal/server/store"}, "the store sets the bounds and the locks, and keeps passwords out of errors"},
		{"github.com/jackc/pgx/v5/pgconn", []string{"internal/server/store"}, "others ask for the store's errors"},
		{"github.com/prometheus/client_golang/prometheus", []string{"internal/server/metrics"}, "one registry for each server, and none of the process"},
		{"github.com/pressly/goose/v3", []string{"internal/server/store"}, "one place migrates"},
		{"github.com/smallstep/pkcs7", []string{"internal/server/pki", "internal/device/identity", "internal/profile"}, "its default cipher is DES, and it reads BER without a bound: internal/profile walks over a signed profile first, and enciphers nothing"},
		{"github.com/ebitengine/purego", []string{"internal/ctap/hid", "internal/device/directory", "internal/device/launch", "internal/device/macos"}, "calls of macOS are few and flat"},
		{"github.com/keybase/go-keychain", []string{"internal/device/macos"}, "it goes to the default keychain, which internal/device/macos makes the system's, and has no limit of time"},
		{"github.com/spf13/cobra", []string{"cmd/", "demo", "torture", "bench", "internal/manual"}, "flags and wiring are cmd's"},
		{"golang.org/x/crypto/argon2", []string{"internal/devaccounts", "internal/server/password"}, "one place on each side sets its cost and bounds it"},
		{"github.com/coreos/go-oidc/v3/oidc", []string{"pkg/directauth", "internal/server/federation"}, "its remote key set reads without a bound and fetches as often as tokens ask; pkg/directauth gives it keys, internal/server/federation bounds answers and fetches"},
		{"golang.org/x/oauth2", []string{"internal/server/federation"}, "its errors hold the whole answer, which may repeat a code"},
		{"github.com/go-jose/go-jose/v4", []string{"pkg/directauth"}, "pkg/directauth takes RS256 and ES256 only, and compact tokens"},
		{"github.com/fxamacker/cbor/v2", []string{"internal/ctap", "internal/trial/softkey"}, "its defaults take duplicate keys, indefinite lengths and tags; internal/ctap sets every bound"},
		{"golang.org/x/text/unicode/norm", []string{"internal/ctap"}, "a PIN has one form; nothing else is normalised"},
		{"github.com/SherClockHolmes/webpush-go", []string{"internal/server/webpush"}, "its default client follows redirects and goes anywhere; internal/server/webpush knows the push services"},
		{"github.com/go-webauthn/webauthn/webauthn", []string{"internal/server/signin", "internal/server/credential"}, "one place for administrators, and one for users, binds passkeys to the server's origin and looks at the counter"},
		{"github.com/go-webauthn/webauthn/protocol", []string{"internal/server/signin", "internal/server/credential"}, "both bound what they read"},
	}
	at := places(t)
	for _, system := range systems() {
		for name, p := range packages(t, system) {
			for _, rule := range owners {
				mine := slices.ContainsFunc(rule.only, func(o string) bool { return under(name, o) })
				if slices.Contains(p.Imports, rule.library) && !mine {
					t.Errorf("%s: %s imports %s, which is for %q: %s", at(name, rule.library), name, rule.library, rule.only, rule.why)
				}
			}
		}
	}
}

// TestPublicLibrariesAreSmall: a stranger who takes a package of pkg takes its
// libraries too. Each that is no part of the standard library has its reason.
func TestPublicLibrariesAreSmall(t *testing.T) {
	allowed := map[string]string{
		"pkg/directauth github.com/coreos/go-oidc/v3/oidc": "verifies ID tokens; a library that is looked after rather than signatures of our own",
		"pkg/directauth github.com/go-jose/go-jose/v4":     "reads the keys for it",
	}
	at := places(t)
	for name, p := range packages(t, "linux") {
		for _, dep := range p.Imports {
			first, _, _ := strings.Cut(dep, "/")
			if strings.HasPrefix(name, "pkg/") && strings.Contains(first, ".") {
				if allowed[name+" "+dep] == "" {
					t.Errorf("%s: %s imports %s: a public package has the standard library only; an exception stands in allowed, with its reason", at(name, dep), name, dep)
				}
				delete(allowed, name+" "+dep)
			}
		}
	}
	for gone := range allowed {
		t.Errorf("%s is not imported any more: take it out of allowed", gone)
	}
}

// TestPureCode: what must be easy to reason about has the standard library's
// pure part only.
func TestPureCode(t *testing.T) {
	impure := []string{"os", "net", "net/http", "log", "sync", "os/exec", "syscall", "runtime", "context"}
	all, at := packages(t, "linux"), places(t)
	for _, name := range []string{"internal/device/login", "internal/device/lockout", "pkg/recoverypin", "pkg/totp"} {
		for _, dep := range all[name].Imports {
			first, _, _ := strings.Cut(dep, "/")
			if slices.Contains(impure, dep) || strings.Contains(first, ".") && !strings.HasPrefix(dep, module) {
				t.Errorf("%s: %s imports %s: no I/O, no goroutines, no libraries: take what it yields as an argument", at(name, dep), name, dep)
			}
		}
	}
	for name, p := range all {
		if strings.HasSuffix(name, "test") {
			continue
		}
		for _, dep := range p.Imports {
			if strings.HasPrefix(dep, module) && strings.HasSuffix(dep, "test") && !onTop(name) || dep == "testing" && !onTop(name) {
				t.Errorf("%s: %s imports %s: what is for tests does not ship", at(name, dep), name, dep)
			}
		}
		server, device := strings.HasPrefix(name, "internal/server/"), strings.HasPrefix(name, "internal/device/")
		for _, dep := range slices.Concat(p.TestImports, p.XTestImports) {
			if server && under(dep, module+"internal/device/") || device && under(dep, module+"internal/server/") {
				t.Errorf("a test of %s imports %s: run the other side as a process", name, dep)
			}
		}
	}
}

// TestEveryPackageHasItsParagraph: a newcomer reads what a package knows and
// what it must never do.
func TestEveryPackageHasItsParagraph(t *testing.T) {
	sentence := regexp.MustCompile(`[.:;](\s|$)`)
	limit := regexp.MustCompile(`\b([Nn]ever|[Nn]o|[Nn]ot|[Nn]othing|[Oo]nly|[Nn]one|[Nn]obody|[Nn]either)\b`)
	text := map[string]string{}
	for name, folder := range folders(sources(t, osRoot())) {
		dir, pkg, _ := strings.Cut(name, " ")
		for _, s := range folder {
			if s.test() || s.ast.Doc == nil {
				continue
			}
			if text[dir] != "" {
				t.Errorf("%s: package %s has a second package comment: keep one", s.path, pkg)
			}
			if file := path.Base(s.path); len(folder) > 2 && file != "doc.go" && file != "main.go" {
				t.Errorf("%s: the package comment belongs into doc.go", s.path)
			}
			text[dir] = s.ast.Doc.Text()
		}
	}
	for name := range packages(t, "linux") {
		switch doc := text[name]; {
		case len(sentence.FindAllString(doc, -1)) < 2:
			t.Errorf("%s: the package comment is no paragraph: say in doc.go what it knows and what it must never do: %q", name, doc)
		case !limit.MatchString(doc):
			t.Errorf("%s: the package comment does not say what the package must never do: %q", name, doc)
		}
	}
}
