package pkgtest

import (
	"os"
	"strings"
	"testing"
)

// TestARemovalThatCannotDisarmStops: with everything where it was, so that the
// login window still finds what its list names.
func TestARemovalThatCannotDisarmStops(t *testing.T) {
	t.Parallel()
	m := newMac(t)
	m.install(older)
	m.write(profiles, profile)
	m.restart()
	m.await("the profile arms", m.armed)
	armed := m.read(console)
	for _, fault := range []string{"security.fail", "security.new", "security.lies"} {
		m.fault(fault, "")
		out, code := m.run("", latchkey, "uninstall", "--purge")
		m.noFaults()
		if code != 1 || !strings.Contains(out, "nothing was removed") || !strings.Contains(out, "docs/break-glass.md") {
			t.Errorf("%s: it ended with %d:\n%s", fault, code, out)
		}
		if m.read(console) != armed || !m.there(binary) || !m.there(product+"/state") || !m.there("/standin/receipts/dev.latchkey.pkg") {
			t.Errorf("%s: something is gone", fault)
		}
		m.must("/bin/launchctl", "print", daemon)
	}
	m.logins(true)
}

// TestARemovalThroughALink: root removes nothing of somebody else's.
func TestARemovalThroughALink(t *testing.T) {
	t.Parallel()
	m := newMac(t)
	m.install(older)
	m.check(os.MkdirAll(m.on("/Users/amy/precious"), 0o755))
	m.check(os.RemoveAll(m.on(product + "/share")))
	m.check(os.Symlink("/Users/amy/precious", m.on(product+"/share")))
	out, code := m.run("", latchkey, "uninstall")
	if code != 1 || !strings.Contains(out, "is a link") || !m.there(binary) || !m.there("/Users/amy/precious") {
		t.Errorf("it ended with %d:\n%s", code, out)
	}
}

// TestARemovalWithoutADaemon: it is dead and is not started again; all goes, and a
// second run finds nothing.
func TestARemovalWithoutADaemon(t *testing.T) {
	t.Parallel()
	m := newMac(t)
	original := m.right()
	m.install(older)
	m.write(profiles, profile)
	m.restart()
	m.await("the profile arms", m.armed)
	m.write("/standin/keychain", "the sealing key")
	m.stop()
	m.logins(true)
	kept := m.on("/private/tmp/latchkey") // by hand, as the removal takes the program along
	m.link(m.on(latchkey), "/private/tmp/latchkey")
	m.must(latchkey, "uninstall", "--purge")
	if m.right() != original || m.there(product) || m.there("/private/var/log/latchkey") || m.there("/standin/keychain") {
		t.Errorf("something is left, or the right is another:\n%s", m.right())
	}
	m.logins(false)
	if _, err := os.Stat(kept); err != nil {
		t.Fatal(err)
	}
	m.must("/private/tmp/latchkey", "uninstall", "--purge")
	m.install(newer)
	m.restart()
	m.await("a later install arms", m.armed)
	m.logins(true)
}

// TestInventories: what an MDM collects, from a Mac that is well, one whose
// programs hang, and one without.
func TestInventories(t *testing.T) {
	t.Parallel()
	m := newMac(t)
	m.copyFolder(root+"/packaging/mdm", "/private/tmp/mdm")
	forms := map[string]string{"jamf-pro-extension-attribute": "<result>LINE</result>\n", "intune-custom-attribute": "LINE\n", "workspace-one-sensor": "LINE\n", "kandji-audit-script": "LINE\n"}
	collect := func(line string, good bool) {
		t.Helper()
		for name, form := range forms {
			out, code := m.run("", "/bin/sh", "/private/tmp/mdm/"+name)
			if want := strings.Replace(form, "LINE", line, 1); out != want || (code == 0) != (good || name != "kandji-audit-script") {
				t.Errorf("%s prints %q and ends with %d, want %q", name, out, code, want)
			}
		}
	}
	collect("not installed", false)
	m.install(older)
	m.write(profiles, profile)
	m.restart()
	m.await("the profile arms", m.armed)
	m.await("the daemon says so", func() bool { return strings.HasPrefix(m.attribute(), "armed") })
	collect("armed; nobody to recover yet", true)
	m.stop()
	collect("unknown: latchkeyd does not answer", false)
	// A program that hangs is ended. The limit is shortened: nobody waits for it here.
	for name := range forms {
		script := m.read("/private/tmp/mdm/" + name)
		m.check(os.Remove(m.on("/private/tmp/mdm/" + name)))
		m.write("/private/tmp/mdm/"+name, strings.Replace(script, "limit=20\n", "limit=1\n", 1))
	}
	m.check(os.Remove(m.on(latchkey)))
	m.write(latchkey, "#!/bin/sh\nexec sleep 600\n")
	m.check(os.Chmod(m.on(latchkey), 0o755))
	collect("unknown: latchkey does not answer", false)
}
