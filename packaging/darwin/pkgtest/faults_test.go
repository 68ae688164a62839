package pkgtest

import (
	"bytes"
	"debug/macho"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// spoiled is something that is wrong on a Mac on which the profile is in force.
type spoiled struct {
	name  string
	spoil func(m *mac)
	state string // the first word of the line for inventories
	why   string // what the line says, in part
	sees  string // what `latchkey login-right verify` says, in part
}

func (m *mac) fault(name, content string) { m.write("/standin/faults/"+name, content) }
func (m *mac) noFaults() {
	m.t.Helper()
	m.check(os.RemoveAll(m.on("/standin/faults")))
	m.check(os.Mkdir(m.on("/standin/faults"), 0o755))
}

// program replaces the plug-in's program.
func (m *mac) program(content []byte) {
	m.t.Helper()
	m.check(os.Remove(m.on(binary)))
	m.check(os.WriteFile(m.on(binary), content, 0o755))
}

// bundleAnew puts the plug-in back as the package has it.
func (m *mac) bundleAnew() {
	m.t.Helper()
	m.check(os.RemoveAll(m.on(bundle)))
	out, err := exec.CommandContext(m.t.Context(), "cp", "-a", m.on("/standin/packages/"+older+"/root"+bundle), m.on(bundle)).CombinedOutput()
	if err != nil {
		m.t.Fatalf("%v: %s", err, out)
	}
}

func spoilings() []spoiled {
	return []spoiled{
		{name: "the bundle is missing", spoil: func(m *mac) { m.check(os.RemoveAll(m.on(bundle))) }, state: "disarmed", why: "Latchkey.bundle is not there", sees: "is not there"},
		{name: "half of it is there", spoil: func(m *mac) { raw := []byte(m.read(binary)); m.program(raw[:len(raw)/2]) }, state: "disarmed", why: "is not whole", sees: "is not whole"},
		{name: "an empty program", spoil: func(m *mac) { m.program(nil) }, state: "disarmed", why: "is no program for a Mac", sees: "is no program"},
		{name: "one architecture", spoil: func(m *mac) { m.program(onePart(m, []byte(m.read(binary)))) }, state: "disarmed", why: "has no part for arm64", sees: "has no part for arm64"},
		{name: "a link in its place", spoil: func(m *mac) {
			m.check(errors.Join(os.Rename(m.on(bundle), m.on("/private/tmp/b")), os.Symlink("/private/tmp/b", m.on(bundle))))
		}, state: "disarmed", why: "is a link", sees: "is a link"},
		{name: "others can write to it", spoil: func(m *mac) { m.check(os.Chmod(m.on(bundle+"/Contents"), 0o777)) }, state: "disarmed", why: "has the mode 0777", sees: "has the mode 0777"},
		{name: "it is somebody's", spoil: func(m *mac) { m.check(os.Chown(m.on(binary), 502, 20)) }, state: "disarmed", why: "does not belong to root", sees: "does not belong to root"},
		{name: "nobody has signed it", spoil: func(m *mac) { m.fault("codesign.unsigned", "") }, state: "disarmed", why: "is not signed by the team", sees: "is not signed by the team"},
		{name: "security fails", spoil: func(m *mac) { m.fault("security.fail", "") }, state: "unknown", why: "ended with 1", sees: "ended with 1"},
		{name: "security prints something new", spoil: func(m *mac) { m.fault("security.new", "") }, state: "unknown", why: "line 1, column 1", sees: "read the right"},
		{name: "security says yes and does nothing", spoil: func(m *mac) { m.fault("security.lies", "") }, state: "disarmed", why: "rehearse", sees: "disarmed"},
		{name: "another product edits all the time", spoil: func(m *mac) { m.fault("security.meddle", strings.Repeat("again\n", 2000)) }, state: "disarmed", why: "another program changes the login right", sees: "disarmed"},
	}
}

// onePart is the program for Intel alone.
func onePart(m *mac, raw []byte) []byte {
	m.t.Helper()
	parts, err := macho.NewFatFile(bytes.NewReader(raw))
	m.check(err)
	for _, a := range parts.Arches {
		if a.Cpu == macho.CpuAmd64 {
			return raw[a.Offset : a.Offset+a.Size]
		}
	}
	m.t.Fatal("the plug-in has no part for Intel")
	return nil
}

// TestNothingArmsOverWhatIsWrong: the profile asks for it, and the daemon does not
// arm, says why, leaves the right as it is, and everybody logs in.
func TestNothingArmsOverWhatIsWrong(t *testing.T) {
	t.Parallel()
	m := newMac(t)
	m.install(older)
	m.write(profiles, strings.Replace(profile, "</dict>", "<key>LatchkeyManageLoginRight</key><true/></dict>", 1))
	for _, s := range spoilings() {
		t.Run(s.name, func(t *testing.T) {
			m.t = t
			m.stop() // so that it does not look at what is half spoiled
			m.noFaults()
			m.bundleAnew()
			m.reset()
			before := mechanisms(m)
			s.spoil(m)
			m.start()
			m.await("the daemon says "+s.why, func() bool {
				a := m.attribute()
				return strings.HasPrefix(a, s.state+" (") && strings.Contains(a, s.why)
			})
			if m.armed() {
				t.Errorf("it is armed: %s", m.attribute())
			}
			out, code := m.run("", latchkey, "login-right", "verify")
			if code != 3 || !strings.Contains(out, s.sees) {
				t.Errorf("verify ends with %d and does not say %q:\n%s", code, s.sees, out)
			}
			if got := mechanisms(m); got != before {
				t.Errorf("the list was changed:\n%s", got)
			}
			m.logins(false)
		})
	}
	m.t = t
	m.stop()
	m.noFaults()
	m.bundleAnew()
	m.reset()
	m.start()
	m.await("what was mended arms", m.armed)
	m.logins(true)
}

// mechanisms is the right without the other product's entry, which the stand-in
// for that puts in and takes out.
func mechanisms(m *mac) string {
	return strings.Replace(m.sameTime(m.read(console)), "\t\t<string>PSSOAuthPlugin:login-auth</string>\n", "", 1)
}

// TestAnotherProductsEditIsKept: made between our reading and our writing.
func TestAnotherProductsEditIsKept(t *testing.T) {
	t.Parallel()
	m := newMac(t)
	m.install(older)
	m.stop()
	m.fault("security.meddle", strings.Repeat("again\n", 5))
	m.write(profiles, profile)
	m.start()
	m.await("the profile arms", m.armed)
	if m.there("/standin/faults/security.meddle") {
		t.Fatal("the other product has not edited as often as it was to")
	}
	if m.there("/standin/lost") {
		t.Errorf("what another product did was undone:\n%s", m.right())
	}
}

// TestAPlugInThatBreaksIsDisarmed: while it is armed, as by an upgrade that ends
// half way. The daemon of the older version is still there, and takes it out.
func TestAPlugInThatBreaksIsDisarmed(t *testing.T) {
	t.Parallel()
	m := newMac(t)
	m.install(older)
	m.write(profiles, profile)
	m.restart()
	m.await("the profile arms", m.armed)
	raw := []byte(m.read(binary))
	m.program(raw[:len(raw)/2])
	m.restart()
	m.await("it is disarmed", func() bool { return !m.armed() })
	m.logins(false)
	m.install(newer)
	m.await("the newer version arms", m.armed)
	m.logins(true)
}

// TestAFullDisk: an install that runs out of room lays down a part, and starts and
// arms nothing; one over an older version leaves that as it was.
func TestAFullDisk(t *testing.T) {
	t.Parallel()
	m := newMac(t)
	before := m.read(console)
	m.smallDisk("1m")
	out, code := m.run("", "/usr/sbin/installer", "-pkg", older, "-target", "/")
	if code == 0 || !strings.Contains(out, "no space left") {
		t.Fatalf("the install ended with %d:\n%s", code, out)
	}
	if m.read(console) != before || m.there("/standin/jobs/system-dev.latchkey.servicedaemon.pid") {
		t.Error("something was started, or armed")
	}
	m.logins(false)
	m.check(unix.Unmount(m.on("/Library/Security"), 0))

	info, err := os.Stat(m.on("/standin/packages/" + older + "/root" + binary))
	m.check(err)
	m.smallDisk(strconv.FormatInt(info.Size()*3/2/1024, 10) + "k")
	m.install(older)
	m.write(profiles, profile)
	m.restart()
	m.await("the profile arms", m.armed)
	armed := m.read(console)
	if out, code := m.run("", "/usr/sbin/installer", "-pkg", newer, "-target", "/"); code == 0 {
		t.Fatalf("there was room after all:\n%s", out)
	}
	m.restart()
	m.await("the older daemon answers", func() bool { return strings.HasPrefix(m.attribute(), "armed; ") })
	if m.read(console) != armed {
		t.Errorf("the right was written:\n%s", m.right())
	}
	m.logins(true)
}

// smallDisk has the plug-ins on a disk of their own.
func (m *mac) smallDisk(size string) {
	m.t.Helper()
	if err := unix.Mount("tmpfs", m.on("/Library/Security"), "tmpfs", 0, "mode=0755,size="+size); err != nil {
		if os.Getenv("CI") == "true" {
			m.t.Fatalf("a small disk cannot be mounted: %v", err)
		}
		m.t.Skipf("a small disk cannot be mounted here: %v", err)
	}
	m.check(os.Mkdir(m.on("/Library/Security/SecurityAgentPlugins"), 0o755))
}

// TestASecurityToolThatHangs: it is ended, nothing is armed, and people log in
// meanwhile.
func TestASecurityToolThatHangs(t *testing.T) {
	t.Parallel()
	m := newMac(t)
	before := m.read(console)
	m.fault("security.hang", "")
	m.install(older)
	m.write(profiles, profile)
	m.logins(false)
	m.await("the daemon gives up on it", func() bool { return strings.Contains(m.log(), "did not end in time") })
	if got := m.attribute(); !strings.HasPrefix(got, "unknown (") || !strings.Contains(got, "did not end in time") {
		t.Errorf("the line is %q", got)
	}
	if m.read(console) != before {
		t.Error("the right was written")
	}
	m.logins(false)
}
