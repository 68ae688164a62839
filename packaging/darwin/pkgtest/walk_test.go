package pkgtest

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/xipc"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// TestAMacsWholeLife: install, profile, arm, an update of macOS, upgrade with a
// login window open, uninstall. After each step the right is what it has to be, to
// the byte, and whoever is exempt logs in.
func TestAMacsWholeLife(t *testing.T) {
	t.Parallel()
	m := newMac(t)
	original := m.right()
	m.logins(false)

	said := m.install(older)
	if !strings.Contains(said, "latchkeyd version "+older) {
		t.Errorf("the log of the install does not say what was installed:\n%s", said)
	}
	if got := m.right(); got != original {
		t.Errorf("without a profile the right was changed:\n%s", got)
	}
	if got := m.attribute(); !strings.HasPrefix(got, "disarmed (no valid profile was ever seen)") && !strings.HasPrefix(got, "unknown") {
		t.Errorf("without a profile it is %q", got)
	}
	m.logins(false)

	m.write(profiles, profile)
	m.await("the profile arms", m.armed)
	const anchor = "\t\t<string>PKINITMechanism:auth,privileged</string>\n"
	want := strings.Replace(original, anchor, anchor+"\t\t<string>Latchkey:prompt</string>\n\t\t<string>Latchkey:gate,privileged</string>\n", 1)
	if got := m.right(); got != want {
		t.Errorf("the armed right is\n%s\nwant\n%s", got, want)
	}
	m.logins(true)

	m.stop()
	m.reset()
	m.logins(false)
	m.start()
	m.await("an update of macOS is noticed", m.armed)
	if got := m.right(); got != want {
		t.Errorf("after an update of macOS the right is\n%s", got)
	}
	m.logins(true)

	m.upgrade(t)
	if got := m.right(); got != want {
		t.Errorf("after the upgrade the right is\n%s", got)
	}
	m.logins(true)

	m.removed(t, original)
}

// upgrade installs the newer version while amy sits at the login window, and
// breakglass logs in again and again. At no time is the right written.
func (m *mac) upgrade(t *testing.T) {
	t.Helper()
	untouched := m.read(console)
	panel, err := xipc.Dial(t.Context(), m.on(product+"/run/prompt.sock"), xipc.ClientOptions{Role: wire.RolePrompt})
	if err != nil {
		t.Fatal(err)
	}
	defer panel.Close()
	if _, err := panel.Request(t.Context(), wire.MsgBegin, wire.Dictionary{"uid": uint64(502)}); err != nil {
		t.Fatal(err)
	}
	if screen := <-panel.Events(); screen.Name != wire.MsgScreen {
		t.Fatalf("the panel is told %q", screen.Name)
	}
	ctx, done := context.WithCancel(t.Context())
	logins := make(chan int)
	go func() {
		n := 0
		for ; ctx.Err() == nil; n++ {
			if in, out := m.login("breakglass"); !in {
				t.Errorf("login %d of who is exempt, during the upgrade:\n%s", n, out)
			}
		}
		logins <- n
	}()
	m.install(newer)
	m.await("the new daemon answers", func() bool { return strings.Contains(m.must(latchkey, "status"), newer) })
	done()
	if n := <-logins; n == 0 {
		t.Error("nobody logged in during the upgrade")
	}
	for range panel.Events() { // whatever else the old daemon has shown: then it is over
	}
	if m.read(console) != untouched {
		t.Errorf("the upgrade has written the right:\n%s", m.right())
	}
	again, err := xipc.Dial(t.Context(), m.on(product+"/run/prompt.sock"), xipc.ClientOptions{Role: wire.RolePrompt})
	if err != nil {
		t.Fatalf("the login window does not reach the new daemon: %v", err)
	}
	defer again.Close()
	if _, err := again.Request(t.Context(), wire.MsgBegin, wire.Dictionary{"uid": uint64(502)}); err != nil {
		t.Errorf("a login that begins anew: %v", err)
	}
}

// removed uninstalls, and holds that what was there before is all that is left.
func (m *mac) removed(t *testing.T, original string) {
	t.Helper()
	before := m.read(console)
	plan := m.must(latchkey, "uninstall", "--dry-run")
	if m.read(console) != before || !m.there(bundle) || !strings.Contains(plan, "remove: "+bundle) {
		t.Errorf("a dry run has done something, or says nothing:\n%s", plan)
	}
	m.must(latchkey, "uninstall")
	if log := m.log(); !strings.Contains(log[strings.LastIndex(log, `"msg":"ready"`):], `"state":"disarmed"`) {
		t.Errorf("the daemon has ended without noticing that it was disarmed, so that no event tells of it:\n%s", log)
	}
	if got := m.right(); got != original {
		t.Errorf("after the removal the right is\n%s\nwant\n%s", got, original)
	}
	m.logins(false)
	for _, path := range []string{bundle, product + "/bin", product + "/run", product + "/gate.json", "/Library/LaunchDaemons/dev.latchkey.servicedaemon.plist", "/Library/LaunchAgents/dev.latchkey.agent.plist",
		"/etc/paths.d/latchkey", "/etc/newsyslog.d/latchkey.conf", "/standin/receipts/dev.latchkey.pkg"} {
		if m.there(path) {
			t.Errorf("%s is left", path)
		}
	}
	for _, job := range []string{"system/dev.latchkey.servicedaemon", "gui/502/dev.latchkey.agent"} {
		if out, code := m.run("", "/bin/launchctl", "print", job); code == 0 {
			t.Errorf("%s goes on:\n%s", job, out)
		}
	}
	if !m.there(product + "/state") {
		t.Error("the state is gone, without --purge")
	}
}

// TestADaemonThatFell: launchd keeps its sockets and starts it again, and a login
// that begins meanwhile waits at the socket.
func TestADaemonThatFell(t *testing.T) {
	t.Parallel()
	m := newMac(t)
	m.install(older)
	m.write(profiles, profile)
	m.restart()
	m.await("the profile arms", m.armed)
	for _, pid := range m.running("latchkeyd") {
		m.check(syscall.Kill(pid, syscall.SIGKILL))
	}
	panel, err := xipc.Dial(t.Context(), m.on(product+"/run/prompt.sock"), xipc.ClientOptions{Role: wire.RolePrompt, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer panel.Close()
	if _, err := panel.Request(t.Context(), wire.MsgBegin, wire.Dictionary{"uid": uint64(502)}); err != nil {
		t.Error(err)
	}
	m.logins(true)
}

// running are the processes below this root that run a program of that name.
func (m *mac) running(name string) (pids []int) {
	m.t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*")
	m.check(err)
	for _, p := range all {
		if at, _ := os.Readlink(p + "/root"); at != m.root {
			continue
		}
		if program, _ := os.Readlink(p + "/exe"); filepath.Base(program) == name {
			pid, err := strconv.Atoi(filepath.Base(p))
			m.check(err)
			pids = append(pids, pid)
		}
	}
	if len(pids) == 0 {
		m.t.Fatalf("no %s runs", name)
	}
	return pids
}
