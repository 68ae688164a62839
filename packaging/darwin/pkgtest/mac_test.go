package pkgtest

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Where things are on a Mac.
const (
	product  = "/Library/Application Support/Latchkey"
	bundle   = "/Library/Security/SecurityAgentPlugins/Latchkey.bundle"
	binary   = bundle + "/Contents/MacOS/Latchkey"
	profiles = "/Library/Managed Preferences/com.okta.deviceaccess.servicedaemon.plist"
	console  = "/standin/rights/system.login.console.plist"
	latchkey = product + "/bin/latchkey"
	password = "open sesame"
)

// profile names breakglass as the one who needs no second factor.
const profile = `<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0"><dict>
<key>DMFAClientID</key><string>macs</string>
<key>DMFAClientSecret</key><string>a secret of nobody's</string>
<key>DMFAOrgURL</key><string>https://127.0.0.1:1</string>
<key>MFANotRequiredList</key><array><string>breakglass</string></array>
</dict></plist>
`

// mac is a Mac in a folder.
type mac struct {
	t    *testing.T
	root string
}

// newMac is a Mac as it comes, with two packages at hand, and two people:
// breakglass (501), who is exempt, and amy (502), who is logged in.
func newMac(t *testing.T) *mac {
	t.Helper()
	parts := programs(t)
	root, err := os.MkdirTemp("", "mac") // short: the path of a socket has 103 bytes
	if err != nil {
		t.Fatal(err)
	}
	m := &mac{t, root}
	t.Cleanup(m.end)
	m.folders()
	m.system(parts)
	m.people(parts)
	for _, version := range []string{older, newer} {
		m.copyFolder(filepath.Join(parts.dir, "pkg-"+version), "/standin/packages/"+version)
	}
	m.link(filepath.Join(parts.dir, "signatures.json"), "/standin/signatures.json")
	m.reset()
	return m
}

func (m *mac) check(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *mac) on(path string) string { return filepath.Join(m.root, path) }

// end ends what runs below the root, by the numbers that the stand-in's launchd
// has left, and takes the folder away.
func (m *mac) end() {
	pids, _ := filepath.Glob(m.on("/standin/jobs/*.pid"))
	for _, path := range pids {
		name := strings.TrimSuffix(filepath.Base(path), ".pid")
		domain, label, _ := strings.Cut(name, "-dev.")
		m.run("", "/bin/launchctl", "bootout", strings.ReplaceAll(domain, "-", "/")+"/dev."+label)
	}
	_ = unix.Unmount(m.on("/Library/Security"), unix.MNT_DETACH)
	if err := os.RemoveAll(m.root); err != nil {
		m.t.Error(err)
	}
}

func (m *mac) folders() {
	m.check(os.Chmod(m.root, 0o755))
	for _, dir := range []string{
		"bin", "sbin", "usr/bin", "usr/sbin", "dev", "proc/self", "proc/sys/kernel/random", "Users", "private/etc/newsyslog.d", "private/etc/paths.d", "private/etc/manpaths.d",
		"private/var/log", "private/var/db", "private/var/lib/latchkey", "private/tmp", "Library/LaunchDaemons", "Library/LaunchAgents", "Library/Application Support",
		"Library/Managed Preferences", "Library/Security/SecurityAgentPlugins", "Library/Keychains", "Volumes",
		"standin/rights", "standin/receipts", "standin/jobs", "standin/faults", "standin/packages",
	} {
		m.check(os.MkdirAll(m.on(dir), 0o755))
	}
	for _, name := range []string{"etc", "var", "tmp"} {
		m.check(os.Symlink("private/"+name, m.on(name)))
	}
	m.check(os.Chmod(m.on("private/tmp"), 0o1777))
	m.write("/private/var/db/.AppleSetupDone", "")
	m.write("/etc/machine-id", "0123456789abcdef0123456789abcdef\n")
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	m.check(err)
	m.write("/proc/sys/kernel/random/boot_id", string(boot))
	// What Linux says to a program of itself; those of ours are signed alike.
	m.check(os.Symlink(product+"/bin/latchkeyd", m.on("/proc/self/exe")))
	for name, minor := range map[string]uint32{"null": 3, "zero": 5, "random": 8, "urandom": 9} {
		m.check(unix.Mknod(m.on("/dev/"+name), unix.S_IFCHR|0o666, int(unix.Mkdev(1, minor))))
		m.check(os.Chmod(m.on("/dev/"+name), 0o666))
	}
}

// system puts the stand-ins to the places of what they stand in for, and busybox
// to those of what it is. It is not the shell: as one it starts its tools by what
// Linux says of itself, which is latchkeyd here.
func (m *mac) system(parts *built) {
	m.link(filepath.Join(parts.dir, "standin"), "/standin/standin")
	for _, path := range []string{"/usr/bin/security", "/usr/bin/codesign", "/bin/launchctl", "/usr/sbin/pkgutil", "/usr/sbin/installer", "/bin/ps", "/standin/loginwindow"} {
		m.link(m.on("/standin/standin"), path)
	}
	m.link(filepath.Join(parts.dir, "Latchkey.so"), "/standin/Latchkey.so")
	m.link(filepath.Join(parts.dir, "latchkey-host"), "/standin/latchkey-host")
	for _, library := range parts.libraries {
		m.copyFile(library, library, 0o755)
	}
	m.copyFile(parts.shell, "/bin/sh", 0o755)
	m.copyFile(parts.busybox, "/bin/busybox", 0o755)
	for _, path := range []string{
		"/bin/ls", "/bin/chmod", "/bin/sleep", "/bin/cat", "/bin/rm", "/bin/mkdir", "/bin/mv", "/bin/cp", "/bin/kill", "/bin/echo", "/bin/test",
		"/usr/sbin/chown", "/usr/bin/awk", "/usr/bin/sort", "/usr/bin/touch", "/usr/bin/true",
	} {
		m.check(os.Symlink("/bin/busybox", m.on(path)))
	}
}

func (m *mac) people(parts *built) {
	for _, path := range []string{"/standin/accounts.json", "/private/var/lib/latchkey/accounts.json"} {
		m.copyFile(filepath.Join(parts.dir, "accounts.json"), path, 0o600)
	}
	m.write("/standin/sessions", "502\n")
}

// reset is what an update of macOS does, and the first start: the list is the
// system's own.
func (m *mac) reset() {
	raw, err := os.ReadFile("../../../testdata/rights/system.login.console.v11.plist")
	m.check(err)
	// authd tells of tries also where the list does not name them.
	m.write(console, strings.NewReplacer("<key>version</key>", "<key>tries</key>\n\t<integer>10000</integer>\n\t<key>version</key>", "750000000.0", "750000000.5").Replace(string(raw)))
}

func (m *mac) write(path, content string) {
	m.t.Helper()
	m.check(errors.Join(os.WriteFile(m.on(path), []byte(content), 0o644), os.Chmod(m.on(path), 0o644)))
}

func (m *mac) read(path string) string {
	m.t.Helper()
	raw, err := os.ReadFile(m.on(path))
	m.check(err)
	return string(raw)
}

func (m *mac) there(path string) bool {
	_, err := os.Lstat(m.on(path))
	return err == nil
}

// link is a copy that takes no room where it can be had.
func (m *mac) link(from, path string) {
	m.t.Helper()
	if os.Link(from, m.on(path)) != nil {
		m.copyFile(from, path, 0o755)
	}
}

func (m *mac) copyFile(from, path string, mode os.FileMode) {
	m.t.Helper()
	raw, err := os.ReadFile(from)
	m.check(err)
	m.check(os.MkdirAll(filepath.Dir(m.on(path)), 0o755))
	m.check(errors.Join(os.WriteFile(m.on(path), raw, mode), os.Chmod(m.on(path), mode)))
}

func (m *mac) copyFolder(from, path string) {
	m.t.Helper()
	m.check(os.MkdirAll(filepath.Dir(m.on(path)), 0o755))
	out, err := exec.CommandContext(m.t.Context(), "cp", "-al", from, m.on(path)).CombinedOutput()
	if err != nil {
		m.t.Fatalf("%v: %s", err, out)
	}
}

// run runs a program of the Mac, with an input, and gives what it printed and its
// exit code.
func (m *mac) run(input, path string, args ...string) (string, int) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, path, args...)
	c.SysProcAttr = &syscall.SysProcAttr{Chroot: m.root}
	c.Dir, c.Env, c.Stdin = "/", []string{"PATH=/usr/bin:/bin:/usr/sbin:/sbin"}, strings.NewReader(input)
	var out bytes.Buffer
	c.Stdout, c.Stderr, c.WaitDelay = &out, &out, 5*time.Second
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		m.t.Errorf("%s: %v\n%s", path, err, &out)
		return out.String(), -1
	}
	return out.String(), c.ProcessState.ExitCode()
}

// must runs what has to work.
func (m *mac) must(path string, args ...string) string {
	m.t.Helper()
	out, code := m.run("", path, args...)
	if code != 0 {
		m.t.Fatalf("%s %q ended with %d:\n%s\n%s", path, args, code, out, m.log())
	}
	return out
}

func (m *mac) install(version string) string {
	m.t.Helper()
	return m.must("/usr/sbin/installer", "-pkg", version, "-target", "/")
}

// log is what the daemon says.
func (m *mac) log() string {
	raw, _ := os.ReadFile(m.on("/private/var/log/latchkey/latchkeyd.log"))
	said, _ := os.ReadFile(m.on("/private/var/log/latchkey/latchkeyd.stderr"))
	return string(raw) + string(said)
}

// right is the login right as authd tells it, but for when it was changed.
func (m *mac) right() string {
	m.t.Helper()
	out, code := m.run("", "/usr/bin/security", "authorizationdb", "read", "system.login.console")
	if code != 0 {
		m.t.Fatalf("read the right: %d\n%s", code, out)
	}
	return m.sameTime(strings.TrimSuffix(out, "YES (0)\n"))
}

// sameTime is a right without when it was changed, which authd says by itself.
func (m *mac) sameTime(right string) string {
	return regexp.MustCompile(`(<key>modified</key>\s*<real>)[0-9.]+`).ReplaceAllString(right, "$1")
}

// login tries the password of somebody at the login window.
func (m *mac) login(name string) (bool, string) {
	m.t.Helper()
	out, code := m.run(password, "/standin/loginwindow", name)
	if code > 1 {
		m.t.Errorf("the login of %s was not evaluated: %s", name, out)
	}
	return code == 0, out
}

// logins holds that who is exempt gets in, and who is not does so only where no
// second factor is asked for.
func (m *mac) logins(armed bool) {
	m.t.Helper()
	if in, out := m.login("breakglass"); !in {
		m.t.Fatalf("who is exempt does not get in:\n%s\n%s", out, m.log())
	}
	if in, out := m.login("amy"); in == armed {
		m.t.Fatalf("armed: %v; amy gets in with the password alone: %v\n%s", armed, in, out)
	}
}

// daemon is the job of the system's.
const daemon = "system/dev.latchkey.servicedaemon"

func (m *mac) stop() { m.t.Helper(); m.must("/bin/launchctl", "bootout", daemon) }
func (m *mac) start() {
	m.t.Helper()
	m.must("/bin/launchctl", "bootstrap", "system", "/Library/LaunchDaemons/dev.latchkey.servicedaemon.plist")
}

// restart ends the daemon and starts it anew, as a restart of the Mac does.
func (m *mac) restart() {
	m.t.Helper()
	m.stop()
	m.start()
}

// await waits until something has come true.
func (m *mac) await(what string, true_ func() bool) {
	m.t.Helper()
	for give := time.Now().Add(100 * time.Second); time.Now().Before(give); <-time.After(50 * time.Millisecond) {
		if true_() {
			return
		}
	}
	line, _ := m.run("", latchkey, "status", "--attribute")
	m.t.Fatalf("%s: it has not come true; the line is %s%s", what, line, m.log())
}

// armed: the list that the login window goes through has both of ours.
func (m *mac) armed() bool {
	right := m.read(console)
	return strings.Contains(right, "Latchkey:prompt") && strings.Contains(right, "Latchkey:gate,privileged")
}

func (m *mac) attribute() string {
	m.t.Helper()
	return strings.TrimSpace(m.must(latchkey, "status", "--attribute"))
}
