package removal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/device/loginright"
)

const (
	around = `<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict><key>class</key><string>evaluate-mechanisms</string><key>mechanisms</key><array>%s</array></dict></plist>`
	armed  = `<string>builtin:authenticate,privileged</string><string>Latchkey:prompt</string><string>Latchkey:gate,privileged</string><string>loginwindow:done</string>`
)

// mac is a Mac in a folder: its files are real, its database is a text, and every
// step is told in order.
type mac struct {
	Removal
	right  string
	broken error // of the database
	lies   bool  // the database says yes and does nothing
	stuck  string
	loaded []string
	steps  []string
}

func (m *mac) Write(_ context.Context, _ string, xml []byte) error {
	m.steps = append(m.steps, "write")
	if !m.lies {
		m.right = string(xml)
	}
	return m.broken
}

func (m *mac) tell(step string)                           { m.steps = append(m.steps, step) }
func (m *mac) Sessions(context.Context) ([]string, error) { return []string{"501"}, nil }
func (m *mac) Loaded(_ context.Context, job string) bool  { return slices.Contains(m.loaded, job) }
func (m *mac) Installed(context.Context) bool             { return true }
func (m *mac) Forget(context.Context) error               { m.tell("forget"); return nil }
func (m *mac) DropSecret(context.Context) error           { m.tell("drop secret"); return nil }
func (m *mac) End(_ context.Context, job string) error {
	if job == m.stuck {
		return errors.New("operation now in progress")
	}
	m.tell("end " + job)
	m.loaded = slices.DeleteFunc(m.loaded, func(j string) bool { return j == job })
	return nil
}

// database reads, and Write is the mac's own.
type database struct{ *mac }

func (d database) Read(context.Context, string) ([]byte, error) { return []byte(d.right), d.broken }

// installed is a Mac with everything on it, and something that is not ours.
func installed(t *testing.T) *mac {
	t.Helper()
	m := &mac{right: fmt.Sprintf(around, armed), loaded: []string{"gui/501/" + AgentLabel, "system/" + DaemonLabel}}
	m.Volume = filepath.Join(t.TempDir(), "volume")
	for _, thing := range things() {
		path := m.on(thing.path)
		if thing.folder {
			path = filepath.Join(path, "below", "file")
		}
		m.write(t, path)
	}
	m.write(t, m.on("/Library/Security/SecurityAgentPlugins/Other.bundle/file"))
	m.Right = loginright.Editor{Database: database{m}, Lock: func(context.Context) (func(), error) { return func() {}, nil }}
	m.Lock = func(context.Context) (func(), error) { m.tell("lock"); return func() { m.tell("unlock") }, nil }
	m.Tell = func(context.Context) error { m.tell("tell"); return errors.New("there is no network") }
	m.Jobs, m.Records, m.Owners = m, m, []uint32{0, uint32(os.Geteuid())}
	m.Say = func(format string, words ...any) {
		if said := fmt.Sprintf(format, words...); strings.HasPrefix(said, "removed: ") {
			m.tell(said)
		}
	}
	return m
}

func (m *mac) write(t *testing.T, path string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte("x"), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// left are the things that are there.
func (m *mac) left() (paths []string) {
	for _, t := range things() {
		if _, err := os.Lstat(m.on(t.path)); err == nil {
			paths = append(paths, t.path)
		}
	}
	return paths
}

// TestTheOrder: the login window is told first, then what could tell it otherwise
// ends, then files go, the plug-in before all others.
func TestTheOrder(t *testing.T) {
	m := installed(t)
	if err := m.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{"lock", "write", "tell", "end gui/501/" + AgentLabel, "end system/" + DaemonLabel, "unlock", "removed: /Library/Security/SecurityAgentPlugins/Latchkey.bundle"}
	if len(m.steps) < len(want) || !slices.Equal(m.steps[:len(want)], want) || m.steps[len(m.steps)-1] != "forget" {
		t.Errorf("the steps are %q", m.steps)
	}
	if kept := m.left(); !slices.Equal(kept, []string{home + "/state", "/private/var/log/latchkey"}) {
		t.Errorf("left are %q", kept)
	}
	if _, err := os.Stat(m.on("/Library/Security/SecurityAgentPlugins/Other.bundle/file")); err != nil {
		t.Error("another product's plug-in is gone")
	}
	if strings.Contains(m.right, "Latchkey") {
		t.Error("the right names Latchkey")
	}
	// Once more, as an MDM does that has not heard: nothing is there, and all is well.
	if err := m.Run(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestPurge: nothing of ours is left, and nothing is found by a second run.
func TestPurge(t *testing.T) {
	m := installed(t)
	m.Purge = true
	if err := m.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(m.on(home)); err == nil || len(m.left()) != 0 || !slices.Contains(m.steps, "drop secret") {
		t.Errorf("left are %q, the steps %q", m.left(), m.steps)
	}
}

// TestWhatCannotBeDisarmedStays: with a plug-in that is gone, a list that names it
// lets nobody in.
func TestWhatCannotBeDisarmedStays(t *testing.T) {
	for name, spoil := range map[string]func(*mac){
		"the database fails":     func(m *mac) { m.broken = errors.New("security ended with 1") },
		"it says yes, and lies":  func(m *mac) { m.lies = true },
		"only ours are in it":    func(m *mac) { m.right = fmt.Sprintf(around, `<string>Latchkey:gate,privileged</string>`) },
		"it is no right":         func(m *mac) { m.right = "{}" },
		"another Latchkey edits": func(m *mac) { m.Lock = func(context.Context) (func(), error) { return nil, loginright.ErrLocked } },
		"the daemon arms again": func(m *mac) {
			right := m.right
			m.Jobs = rearming{m, func() { m.right = right }}
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := installed(t)
			spoil(m)
			before := len(m.left())
			if err := m.Run(t.Context()); !errors.Is(err, ErrArmed) {
				t.Errorf("the error is %v", err)
			}
			if len(m.left()) != before || slices.Contains(m.steps, "forget") {
				t.Errorf("left are %q of %d; the steps are %q", m.left(), before, m.steps)
			}
		})
	}
}

// rearming is a launchd that has not ended a daemon which arms once more.
type rearming struct {
	*mac
	arm func()
}

func (r rearming) End(ctx context.Context, job string) error {
	r.arm()
	return r.mac.End(ctx, job)
}

func TestAJobThatDoesNotEndStopsIt(t *testing.T) {
	m := installed(t)
	m.stuck = "system/" + DaemonLabel
	before := len(m.left())
	if err := m.Run(t.Context()); !errors.Is(err, ErrRunning) || len(m.left()) != before {
		t.Errorf("%v; left are %q", err, m.left())
	}
}

// TestNothingIsRemovedThroughALink: whatever stands in the place of a folder of
// ours, what it leads to stays, and so does all else.
func TestNothingIsRemovedThroughALink(t *testing.T) {
	for name, at := range map[string]string{
		"the folder of ours": home, "a folder in it": home + "/state", "the bundle": "/Library/Security/SecurityAgentPlugins/Latchkey.bundle",
		"the folder of all plug-ins": "/Library/Security/SecurityAgentPlugins", "the log": "/private/var/log/latchkey",
		"a job's file": "/Library/LaunchDaemons/" + DaemonLabel + ".plist",
	} {
		t.Run(name, func(t *testing.T) {
			m := installed(t)
			m.Purge = true
			elsewhere := filepath.Join(t.TempDir(), "elsewhere")
			if err := errors.Join(os.Rename(m.on(at), elsewhere), os.Symlink(elsewhere, m.on(at))); err != nil {
				t.Fatal(err)
			}
			var unsafe *UnsafeError
			if err := m.Run(t.Context()); !errors.As(err, &unsafe) || unsafe.Path != m.on(at) || len(m.steps) != 0 {
				t.Errorf("the error is %v, the steps are %q", err, m.steps)
			}
			if _, err := os.Stat(elsewhere); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestAnotherOwnerIsNoneOfOurs: also a folder that others may write to.
func TestAnotherOwnerIsNoneOfOurs(t *testing.T) {
	m := installed(t)
	m.Owners = []uint32{4242}
	var unsafe *UnsafeError
	if err := m.Run(t.Context()); !errors.As(err, &unsafe) || !strings.Contains(unsafe.Problem, "root") {
		t.Errorf("the error is %v", err)
	}
	m = installed(t)
	if err := os.Chmod(m.on(home), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := m.Run(t.Context()); !errors.As(err, &unsafe) || !strings.Contains(unsafe.Problem, "0777") || len(m.steps) != 0 {
		t.Errorf("the error is %v, the steps are %q", err, m.steps)
	}
}

// TestAPlanChangesNothing: and tells of everything that Run would do.
func TestAPlanChangesNothing(t *testing.T) {
	m := installed(t)
	m.Purge = true
	var said []string
	m.Say = func(format string, words ...any) { said = append(said, fmt.Sprintf(format, words...)) }
	before := len(m.left())
	if err := m.Plan(t.Context()); err != nil || len(m.steps) != 0 || len(m.left()) != before {
		t.Errorf("%v, %q, %q", err, m.steps, m.left())
	}
	for _, thing := range things() {
		if !slices.Contains(said, "remove: "+thing.path) {
			t.Errorf("the plan does not name %s", thing.path)
		}
	}
	if !slices.Contains(said, "login right: armed") || !slices.Contains(said, "end: system/"+DaemonLabel) || !slices.Contains(said, "forget: "+PackageID) {
		t.Errorf("the plan is %q", said)
	}
}

func TestDocks(t *testing.T) {
	for out, want := range map[string]string{
		"  501 /System/Library/CoreServices/Dock.app/Contents/MacOS/Dock\n    0 /sbin/launchd\n  501 /x/Dock\n  502 /a b/Dock\n": "501 502",
		"": "", "501 Dock": "", "-1 /x/Dock": "", "501;reboot /x/Dock": "", "501 /x/Docker\n": "", "99999999999 /x/Dock": "",
	} {
		if got := strings.Join(docks(out), " "); got != want {
			t.Errorf("%q: %q, want %q", out, got, want)
		}
	}
}
