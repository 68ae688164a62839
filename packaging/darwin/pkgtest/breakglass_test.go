package pkgtest

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// printed is what docs/break-glass.md has people type in macOS Recovery.
func printed(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile("../../../docs/break-glass.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```sh recovery " + name + "\n(.*?)```").FindSubmatch(raw)
	if block == nil {
		t.Fatalf("docs/break-glass.md has no steps for %s", name)
	}
	return regexp.MustCompile(`(?m)^ +`).ReplaceAllString(string(block[1]), "")
}

// recovery types it with the Mac's disk at the place that Recovery mounts it at.
func (m *mac) recovery(name string) {
	m.t.Helper()
	if !m.there("/Volumes/Data") {
		m.check(os.Symlink("/", m.on("/Volumes/Data")))
	}
	if out, code := m.run("set -eu\n"+printed(m.t, name), "/bin/sh", "-s"); code != 0 {
		m.t.Fatalf("the printed steps for %s end with %d:\n%s", name, code, out)
	}
}

// TestThePrintedWayOut: on a Mac whose daemon is dead and whose login window lets
// nobody in who needs a second factor, the steps for macOS Recovery are typed as
// they are printed.
func TestThePrintedWayOut(t *testing.T) {
	t.Parallel()
	m := newMac(t)
	original := m.right()
	m.install(newer)
	m.write(profiles, profile)
	m.await("the profile arms", m.armed)
	m.stop()
	m.logins(true)

	m.recovery("kill-switch")
	if in, out := m.login("amy"); !in {
		t.Errorf("with the kill-switch, and without a daemon, amy does not get in:\n%s", out)
	}
	m.start()
	m.await("the daemon tells of it", func() bool { return strings.Contains(m.must(latchkey, "status"), "PRESENT") })
	if in, out := m.login("amy"); !in || !m.armed() {
		t.Errorf("with the kill-switch amy does not get in, or it is not armed any more:\n%s", out)
	}
	m.must("/bin/rm", product+"/kill-switch")
	m.logins(true)

	// The harsher way, on a Mac that is not running: then macOS makes a new database.
	m.stop()
	m.write("/private/var/db/auth.db", "the lists of all rights")
	m.write("/private/var/db/auth.db-wal", "and what was written last")
	m.recovery("reset")
	if m.there("/private/var/db/auth.db") || m.there("/private/var/db/auth.db-wal") || !m.there("/private/var/db/auth.aside/auth.db") {
		t.Error("the database is not put aside whole")
	}
	m.reset()
	m.start()
	m.await("latchkeyd stays away", func() bool { return strings.HasPrefix(m.attribute(), "disarmed (disarmed on this Mac by hand") })
	if got := m.right(); got != original {
		t.Errorf("after the reset the right is\n%s", got)
	}
	m.logins(false)

	// And back.
	m.must(latchkey, "login-right", "arm", "--apply")
	m.logins(true)
	m.must(latchkey, "login-right", "disarm", "--apply")
	m.logins(false)
}
