package pkgtest

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/device/removal"
	"github.com/latchkey-mfa/latchkey/internal/plist"
)

// laidDown is what a package lays down: mode and path, but for manual pages, which
// follow the commands.
const laidDown = `0755 Library
0755 Library/Application Support
0755 Library/Application Support/Latchkey
0755 Library/Application Support/Latchkey/bin
0755 Library/Application Support/Latchkey/bin/latchkey
0755 Library/Application Support/Latchkey/bin/latchkeyd
0755 Library/Application Support/Latchkey/run
0755 Library/Application Support/Latchkey/share
0755 Library/Application Support/Latchkey/share/bash-completion
0755 Library/Application Support/Latchkey/share/bash-completion/completions
0644 Library/Application Support/Latchkey/share/bash-completion/completions/latchkey
0755 Library/Application Support/Latchkey/share/doc
0644 Library/Application Support/Latchkey/share/doc/LICENSE
0644 Library/Application Support/Latchkey/share/doc/NOTICE
0755 Library/Application Support/Latchkey/share/man
0755 Library/Application Support/Latchkey/share/man/man1
0755 Library/Application Support/Latchkey/share/zsh
0755 Library/Application Support/Latchkey/share/zsh/site-functions
0644 Library/Application Support/Latchkey/share/zsh/site-functions/_latchkey
0700 Library/Application Support/Latchkey/state
0755 Library/LaunchAgents
0644 Library/LaunchAgents/dev.latchkey.agent.plist
0755 Library/LaunchDaemons
0644 Library/LaunchDaemons/dev.latchkey.servicedaemon.plist
0755 Library/Security
0755 Library/Security/SecurityAgentPlugins
0755 Library/Security/SecurityAgentPlugins/Latchkey.bundle
0755 Library/Security/SecurityAgentPlugins/Latchkey.bundle/Contents
0644 Library/Security/SecurityAgentPlugins/Latchkey.bundle/Contents/Info.plist
0755 Library/Security/SecurityAgentPlugins/Latchkey.bundle/Contents/MacOS
0755 Library/Security/SecurityAgentPlugins/Latchkey.bundle/Contents/MacOS/Latchkey
0644 Library/Security/SecurityAgentPlugins/Latchkey.bundle/Contents/PkgInfo
0755 private
0755 private/etc
0755 private/etc/manpaths.d
0644 private/etc/manpaths.d/latchkey
0755 private/etc/newsyslog.d
0644 private/etc/newsyslog.d/latchkey.conf
0755 private/etc/paths.d
0644 private/etc/paths.d/latchkey
0755 private/var
0755 private/var/log
0755 private/var/log/latchkey
`

// TestWhatIsLaidDown: this and no more, by root, for nobody else to change; the
// manual has a page for every program; no stand-in of the tests is among it.
func TestWhatIsLaidDown(t *testing.T) {
	parts := programs(t)
	raw, err := os.ReadFile(filepath.Join(parts.dir, "pkg-"+older, "listing.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	pages := map[string]bool{}
	for line := range strings.Lines(string(raw)) {
		part := strings.SplitN(line, " ", 4)
		if part[1] != "root:wheel" {
			t.Errorf("not of root: %s", line)
		}
		if name, page := strings.CutPrefix(strings.TrimSpace(part[3]), "Library/Application Support/Latchkey/share/man/man1/"); page {
			pages[name] = true
			continue
		}
		got.WriteString(part[0] + " " + part[3])
	}
	if got.String() != laidDown {
		t.Errorf("laid down is\n%s", got.String())
	}
	for _, page := range []string{"latchkey.1", "latchkey-status.1", "latchkey-uninstall.1", "latchkey-login-right-disarm.1", "latchkeyd.1"} {
		if !pages[page] {
			t.Errorf("there is no page %s", page)
		}
	}
	for _, program := range []string{"old/latchkeyd", "old/latchkey", "new/latchkeyd", "new/latchkey", "mac/Latchkey.bundle/Contents/MacOS/Latchkey"} {
		content, err := os.ReadFile(filepath.Join(parts.dir, program))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(content), "darwin/standin") {
			t.Errorf("%s holds the stand-ins", program)
		}
	}
}

// TestTheManualIsOfThisMac: pages of the places that the package uses, and without
// what only a machine for development has.
func TestTheManualIsOfThisMac(t *testing.T) {
	parts := programs(t)
	page, err := os.ReadFile(filepath.Join(parts.dir, "mac/man/latchkeyd.1"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(page), `\-`, "-")
	if !strings.Contains(text, "/Library/Application Support/Latchkey/state") || strings.Contains(text, "--accounts") || !strings.Contains(text, `"Latchkey `+older+`"`) {
		t.Errorf("the page of latchkeyd:\n%s", page)
	}
	for _, shell := range []string{"bash", "zsh"} {
		completion, err := os.ReadFile(filepath.Join(parts.dir, "mac/completions/latchkey."+shell))
		if err != nil || !strings.Contains(string(completion), "__complete") {
			t.Errorf("the completion of %s: %v", shell, err)
		}
	}
}

// TestStagingIsReproducible: the same input makes the same bytes, modes and times.
func TestStagingIsReproducible(t *testing.T) {
	parts := programs(t)
	again := filepath.Join(t.TempDir(), "again")
	if err := command(nil, "packaging/darwin/pkg/stage", filepath.Join(parts.dir, "from-"+older), again); err != nil {
		t.Fatal(err)
	}
	first, second := fingerprint(t, filepath.Join(parts.dir, "pkg-"+older)), fingerprint(t, again)
	if first != second || len(first) < 2000 {
		t.Errorf("first\n%s\nthen\n%s", first, second)
	}
}

// fingerprint is all that an archive of a folder would hold; what is in a file the
// listing says.
func fingerprint(t *testing.T, dir string) string {
	t.Helper()
	listing, err := os.ReadFile(filepath.Join(dir, "listing.txt"))
	if err != nil {
		t.Fatal(err)
	}
	out := string(listing)
	for _, part := range []string{"root", "scripts"} {
		err := filepath.WalkDir(filepath.Join(dir, part), func(path string, e os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := e.Info()
			if err != nil {
				return err
			}
			out += strings.Join([]string{strings.TrimPrefix(path, dir), info.Mode().String(), info.ModTime().UTC().String()}, " ") + "\n"
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// TestTheRemovalKnowsWhatIsLaidDown: every file of the package is one that the
// removal takes away, or lies in a folder that it does.
func TestTheRemovalKnowsWhatIsLaidDown(t *testing.T) {
	paths := removal.Paths()
	for line := range strings.Lines(laidDown) {
		mode, path, _ := strings.Cut(strings.TrimSpace(line), " ")
		file := mode == "0644" || strings.Contains(path, "Latchkey/bin/")
		if file && !slices.ContainsFunc(paths, func(p string) bool { return "/"+path == p || strings.HasPrefix("/"+path, p+"/") }) {
			t.Errorf("the removal leaves /%s", path)
		}
	}
}

// job is a plist of launchd's.
func job(t *testing.T, name string) plist.Value {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, "packaging/darwin/pkg", name))
	if err != nil {
		t.Fatal(err)
	}
	document, err := plist.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return document.Root
}

// TestTheDaemonsJob: what launchd is told is what the daemon and the plug-in are
// built for.
func TestTheDaemonsJob(t *testing.T) {
	j := job(t, removal.DaemonLabel+".plist")
	text := func(key string) string { e, _ := j.Get(key); return e.Value.Text }
	if text("Label") != removal.DaemonLabel || text("ProcessType") != "Interactive" {
		t.Errorf("the label is %q, the type %q", text("Label"), text("ProcessType"))
	}
	for key, want := range map[string]bool{"RunAtLoad": true, "KeepAlive": true, "AbandonProcessGroup": false} {
		if e, there := j.Get(key); !there || e.Value.Bool != want {
			t.Errorf("%s is %v", key, e.Value.Bool)
		}
	}
	throttle, _ := j.Get("ThrottleInterval")
	if n, whole := throttle.Value.Int64(); !whole || n < 1 || n > 5 {
		t.Errorf("a daemon that fell is started again after %d seconds", n)
	}
	arguments, _ := j.Get("ProgramArguments")
	if a := arguments.Value.Items; len(a) != 3 || a[0].Text != product+"/bin/latchkeyd" || a[1].Text != "--log-file" {
		t.Fatalf("it runs %v", a)
	}
	newsyslog, err := os.ReadFile(filepath.Join(root, "packaging/darwin/pkg/newsyslog.conf"))
	if err != nil {
		t.Fatal(err)
	}
	for _, log := range []string{arguments.Value.Items[2].Text, text("StandardErrorPath")} {
		if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(log) + ` +root:wheel +640 +\d+ +\d+ +\* +NB$`).Match(newsyslog) {
			t.Errorf("%s grows without an end, or newsyslog signals somebody:\n%s", log, newsyslog)
		}
	}
	// As internal/device/service opens them where launchd does not: decimal, as
	// launchd.plist(5) wants it.
	modes := map[string][2]int64{"prompt": {0o660, 92}, "gate": {0o600, 0}, "control": {0o600, 0}, "session": {0o666, 0}}
	sockets, _ := j.Get("Sockets")
	if len(sockets.Value.Entries) != len(modes) {
		t.Errorf("%d sockets", len(sockets.Value.Entries))
	}
	for _, e := range sockets.Value.Entries {
		number := func(key string) int64 { v, _ := e.Value.Get(key); n, _ := v.Value.Int64(); return n }
		path, _ := e.Value.Get("SockPathName")
		if want := modes[e.Key]; path.Value.Text != product+"/run/"+e.Key+".sock" || number("SockPathMode") != want[0] || number("SockPathGroup") != want[1] || number("SockPathOwner") != 0 {
			t.Errorf("the socket %s is %s, mode %o, group %d", e.Key, path.Value.Text, number("SockPathMode"), number("SockPathGroup"))
		}
	}
}

// TestWhatInstallerIsTold: the bundle stays where the login window looks, and the
// package is for both kinds of Mac.
func TestWhatInstallerIsTold(t *testing.T) {
	component := job(t, "component.plist")
	if len(component.Items) != 1 {
		t.Fatalf("%d bundles", len(component.Items))
	}
	path, _ := component.Items[0].Get("RootRelativeBundlePath")
	relocatable, told := component.Items[0].Get("BundleIsRelocatable")
	if "/"+path.Value.Text != bundle || !told || relocatable.Value.Bool {
		t.Errorf("the bundle %s, relocatable: %v", path.Value.Text, relocatable.Value.Bool)
	}
	raw, err := os.ReadFile(filepath.Join(root, "packaging/darwin/pkg/distribution.xml"))
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Options struct {
			Architectures string `xml:"hostArchitectures,attr"`
		} `xml:"options"`
		Domains struct {
			Home string `xml:"enable_currentUserHome,attr"`
		} `xml:"domains"`
		Refs []struct {
			ID string `xml:"id,attr"`
		} `xml:"pkg-ref"`
	}
	if err := xml.Unmarshal(raw, &d); err != nil || d.Options.Architectures != "arm64,x86_64" || d.Domains.Home != "false" || len(d.Refs) != 1 || d.Refs[0].ID != removal.PackageID {
		t.Errorf("%+v, %v", d, err)
	}
}
