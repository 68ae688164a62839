package pkgtest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// scripts are those of the package and of the consoles: POSIX shell, since a Mac
// has another one than any machine of ours.
func scripts(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, pattern := range []string{"packaging/darwin/pkg/scripts/*", "packaging/mdm/*"} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %q, %v", pattern, paths, err)
		}
		found = append(found, paths...)
	}
	return found
}

// TestScriptsAreForAnyShell: each is read by the shells that are at hand, and by a
// linter that knows what only some have.
func TestScriptsAreForAnyShell(t *testing.T) {
	for _, script := range scripts(t) {
		raw, err := os.ReadFile(script)
		if err != nil || !strings.HasPrefix(string(raw), "#!/bin/sh\n") {
			t.Errorf("%s: it is not for /bin/sh, or %v", script, err)
		}
		for _, word := range []string{"killall", "pkill", "loginwindow", "reboot", "shutdown", "authorizationdb"} {
			if strings.Contains(uncommented(string(raw)), word) {
				t.Errorf("%s: %s has no place in a script that runs unseen on every Mac", script, word)
			}
		}
		for _, shell := range [][]string{{"sh", "-n"}, {"bash", "--posix", "-n"}, {"busybox", "sh", "-n"}, {"shellcheck", "-s", "sh"}} {
			if _, err := exec.LookPath(shell[0]); err != nil {
				if os.Getenv("CI") == "true" {
					t.Fatalf("there is no %s: run bash .ci/prepare", shell[0])
				}
				t.Logf("not read by %s, which is not here: bash .ci/prepare brings it", shell[0])
				continue
			}
			if out, err := exec.CommandContext(t.Context(), shell[0], append(shell[1:], script)...).CombinedOutput(); err != nil {
				t.Errorf("%q: %s: %v\n%s", shell, script, err, out)
			}
		}
	}
}

func uncommented(script string) string {
	lines := strings.Split(script, "\n")
	return strings.Join(slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(strings.TrimSpace(l), "#") }), "\n")
}

// calls are what scripts have asked of launchd since the record was emptied.
func (m *mac) calls() (found []string) {
	for line := range strings.Lines(m.read("/standin/record")) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "launchctl ") {
			found = append(found, strings.TrimPrefix(line, "launchctl "))
		}
	}
	return found
}

// TestTheOrderOfAnUpgrade: the old daemon ends when everything for the new one is
// there, launchd that is busy is asked again, and agents are those of who is
// logged in.
func TestTheOrderOfAnUpgrade(t *testing.T) {
	t.Parallel()
	m := newMac(t)
	m.install(older)
	m.write("/standin/record", "")
	m.fault("launchctl.busy", "once\ntwice\n")
	m.install(newer)
	const system, gui = "system/dev.latchkey.servicedaemon", "gui/502/dev.latchkey.agent"
	start := "bootstrap system /Library/LaunchDaemons/dev.latchkey.servicedaemon.plist"
	want := []string{
		"print " + system, "bootout " + system, "print " + system,
		"enable " + system, start, "print " + system, start, "print " + system, start, "kickstart " + system,
		"print " + gui, "bootout " + gui, "print " + gui, "bootstrap gui/502 /Library/LaunchAgents/dev.latchkey.agent.plist",
	}
	if got := m.calls(); !slices.Equal(got, want) {
		t.Errorf("launchd was asked\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, line := range []string{"print " + system, "print " + gui} {
		m.must("/bin/launchctl", strings.Fields(line)...)
	}
	if got := m.must(latchkey, "status"); !strings.Contains(got, newer) {
		t.Errorf("the daemon is not the new one:\n%s", got)
	}
}

// TestANewVersionThatDoesNotRun: the install fails, and the old daemon, which
// runs, goes on.
func TestANewVersionThatDoesNotRun(t *testing.T) {
	t.Parallel()
	m := newMac(t)
	m.install(older)
	m.write(profiles, profile)
	m.restart()
	m.await("the profile arms", m.armed)
	untouched := m.read(console)
	m.write("/standin/record", "")
	program := m.on("/standin/packages/" + newer + "/root" + product + "/bin/latchkeyd")
	m.check(errors.Join(os.Remove(program), os.WriteFile(program, []byte("\x7fELF of another machine"), 0o755)))
	out, code := m.run("", "/usr/sbin/installer", "-pkg", newer, "-target", "/")
	if code == 0 || !strings.Contains(out, "the new latchkeyd does not run on this Mac") || !strings.Contains(out, "hint: ") {
		t.Errorf("the install ended with %d:\n%s", code, out)
	}
	if calls := m.calls(); len(calls) != 0 {
		t.Errorf("launchd was asked %q", calls)
	}
	if got := m.must(latchkey, "status"); !strings.Contains(got, older) || m.read(console) != untouched {
		t.Errorf("the old daemon does not go on, or the right was written:\n%s", got)
	}
	m.logins(true)
}

// TestAnImageGetsFilesAlone: nothing is started, and the Mac that makes the image
// is left alone.
func TestAnImageGetsFilesAlone(t *testing.T) {
	t.Parallel()
	m := newMac(t)
	m.check(os.MkdirAll(m.on("/Volumes/Image"), 0o755))
	for _, dir := range []string{"/Library/LaunchDaemons", "/Library/LaunchAgents", "/Library/Application Support", "/Library/Security/SecurityAgentPlugins", "/private/etc/newsyslog.d", "/private/var/log"} {
		m.check(os.MkdirAll(m.on("/Volumes/Image"+dir), 0o755))
	}
	before := m.read(console)
	m.write("/standin/record", "")
	m.must("/usr/sbin/installer", "-pkg", newer, "-target", "/Volumes/Image")
	if record := m.read("/standin/record"); record != "installer -pkg "+newer+" -target /Volumes/Image\n" {
		t.Errorf("more was called than Installer:\n%s", record)
	}
	if !m.there("/Volumes/Image"+binary) || m.there(binary) || m.read(console) != before {
		t.Error("the files are not on the image, or something else was touched")
	}
}

// TestAFolderThatIsNotOurs: the package lays nothing down through a link or in a
// folder of somebody's.
func TestAFolderThatIsNotOurs(t *testing.T) {
	t.Parallel()
	m := newMac(t)
	for name, c := range map[string]struct {
		place func() error
		says  string
	}{
		"a link": {func() error {
			return errors.Join(os.MkdirAll(m.on("/Users/amy/there"), 0o755), os.Symlink("/Users/amy/there", m.on(product)))
		}, "is a link"},
		"a file": {func() error { return os.WriteFile(m.on(product), nil, 0o644) }, "is no folder"},
		"somebody's": {func() error {
			return errors.Join(os.Mkdir(m.on(product), 0o755), os.Chown(m.on(product), 502, 20))
		}, "belongs to user 502"},
	} {
		t.Run(name, func(t *testing.T) {
			m.t = t
			m.check(c.place())
			out, code := m.run("", "/usr/sbin/installer", "-pkg", older, "-target", "/")
			if code == 0 || !strings.Contains(out, c.says) || !strings.Contains(out, "hint: ") {
				t.Errorf("the install ended with %d:\n%s", code, out)
			}
			if inside, _ := os.ReadDir(m.on("/Users/amy/there")); len(inside) > 0 || m.there(bundle) {
				t.Error("something was laid down")
			}
			m.check(os.RemoveAll(m.on(product)))
		})
	}
	m.t = t
}
