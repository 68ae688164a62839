package mechanism

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/xipc"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

const (
	someone = 501
	exempt  = 502
)

// gateFile exempts one account, by its uid.
func gateFile(unavailable, killSwitch string) string {
	return fmt.Sprintf(`{"v":1,"exempt":[{"guid":"G","name":"clara","uid":%d},{"guid":"H","name":"no uid"}],"unavailable":%q,"kill_switch":%q}`,
		exempt, unavailable, killSwitch)
}

func TestTheDaemonDecides(t *testing.T) {
	ticket := bytes.Repeat([]byte{7}, wire.TicketSize)
	for _, allow := range []bool{true, false} {
		dir := shortFolder(t)
		var asked wire.Decide
		start(t, wire.RoleGate, in(dir, "gate.sock"), func(_ sender, name string, body wire.Dictionary) (wire.Dictionary, error) {
			if name != wire.MsgDecide {
				return nil, errors.New("unexpected request")
			}
			var err error
			asked, err = wire.DecideFrom(body)
			return wire.Decision{Allow: allow, Reason: "r"}.Dictionary(), err
		})
		// A file that says the opposite has no say while the daemon answers.
		write(t, in(dir, "gate.json"), gateFile(map[bool]string{true: "deny", false: "allow"}[allow], ""), 0o600)
		g := Gate{Socket: in(dir, "gate.sock"), File: in(dir, "gate.json"), Patience: GatePatience{Exempt: patient, Hung: patient}}
		if got := g.Decide(t.Context(), exempt, ticket); got != allow {
			t.Errorf("got %v, the daemon said %v", got, allow)
		}
		if asked.UID != exempt || !bytes.Equal(asked.Ticket, ticket) {
			t.Errorf("the daemon was asked %+v", asked)
		}
	}
}

// state is what the daemon is like.
type state string

const (
	absent   state = "absent"
	dead     state = "dead, its socket left behind"
	hung     state = "hung"
	dying    state = "dying in the middle"
	failing  state = "failing"
	talking  state = "talking nonsense"
	stranger state = "another role"
)

func (s state) begin(t *testing.T, path string) {
	t.Helper()
	switch s {
	case dead, hung:
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		l.SetUnlinkOnClose(false)
		if s == dead {
			_ = l.Close()
		}
		t.Cleanup(func() { _ = l.Close() })
	case dying:
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		go func() {
			if conn, err := l.Accept(); err == nil {
				_, _ = conn.Read(make([]byte, 5))
				_ = conn.Close()
			}
		}()
	case failing:
		start(t, wire.RoleGate, path, func(sender, string, wire.Dictionary) (wire.Dictionary, error) { return nil, errors.New("no store") })
	case talking:
		start(t, wire.RoleGate, path, func(sender, string, wire.Dictionary) (wire.Dictionary, error) {
			return wire.Dictionary{"allow": "yes"}, nil
		})
	case stranger:
		start(t, wire.RoleControl, path, nil)
	}
}

func TestWithoutTheDaemon(t *testing.T) {
	cases := []struct {
		daemon      state
		uid         uint32
		unavailable string
		kill        bool
		want        bool
	}{
		{absent, someone, "deny", false, false},
		{absent, someone, "allow", false, true},
		{absent, exempt, "deny", false, true},
		{absent, someone, "deny", true, true},
		{dead, someone, "deny", false, false},
		{dead, someone, "allow", false, true},
		{hung, someone, "deny", false, false},
		{hung, someone, "allow", false, true},
		{hung, exempt, "deny", false, true},
		{hung, someone, "deny", true, true},
		{dying, someone, "deny", false, false},
		{dying, someone, "allow", false, true},
		// A daemon that is there and fails is not 'unavailable'.
		{failing, someone, "allow", false, false},
		{failing, exempt, "deny", false, true},
		{failing, someone, "deny", true, true},
		{talking, someone, "allow", false, false},
		{stranger, someone, "allow", false, false},
		{stranger, exempt, "deny", false, true},
		// An entry without a uid exempts nobody, least of all root.
		{absent, 0, "deny", false, false},
	}
	for _, c := range cases {
		t.Run(fmt.Sprintf("%s, uid %d, %s, kill-switch %v", c.daemon, c.uid, c.unavailable, c.kill), func(t *testing.T) {
			dir := shortFolder(t)
			c.daemon.begin(t, in(dir, "gate.sock"))
			write(t, in(dir, "gate.json"), gateFile(c.unavailable, in(dir, "kill")), 0o600)
			if c.kill {
				write(t, in(dir, "kill"), "", 0o644)
			}
			g := Gate{Socket: in(dir, "gate.sock"), File: in(dir, "gate.json"),
				Patience: GatePatience{Exempt: 50 * time.Millisecond, Hung: 300 * time.Millisecond}}
			if got := g.Decide(t.Context(), c.uid, nil); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestPatienceOfTheGate(t *testing.T) {
	// Each case would take a minute if it waited for what it must not wait for.
	cases := []struct {
		name     string
		daemon   state
		uid      uint32
		patience GatePatience
	}{
		{"a refused connection is not waited for", dead, someone, GatePatience{Exempt: patient, Hung: patient}},
		{"an exempt account does not wait for a daemon that hangs", hung, exempt, GatePatience{Exempt: time.Millisecond, Hung: 2 * time.Second}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := shortFolder(t)
			c.daemon.begin(t, in(dir, "gate.sock"))
			write(t, in(dir, "gate.json"), gateFile("allow", ""), 0o600)
			began := time.Now()
			g := Gate{Socket: in(dir, "gate.sock"), File: in(dir, "gate.json"), Patience: c.patience}
			if !g.Decide(t.Context(), c.uid, nil) {
				t.Error("denied")
			}
			if took := time.Since(began); took > c.patience.Hung/2 {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestFilesThatCannotBeTrusted(t *testing.T) {
	good := gateFile("allow", "")
	cases := []struct {
		name string
		make func(t *testing.T, dir, file string)
	}{
		{"missing", func(*testing.T, string, string) {}},
		{"writable by the group", func(t *testing.T, _, file string) { write(t, file, good, 0o620) }},
		{"writable by all", func(t *testing.T, _, file string) { write(t, file, good, 0o602) }},
		{"a link", func(t *testing.T, dir, file string) {
			write(t, in(dir, "real"), good, 0o600)
			if err := os.Symlink(in(dir, "real"), file); err != nil {
				t.Fatal(err)
			}
		}},
		{"a folder", func(t *testing.T, _, file string) {
			if err := os.Mkdir(file, 0o700); err != nil {
				t.Fatal(err)
			}
		}},
		{"of somebody else", func(t *testing.T, _, file string) {
			write(t, file, good, 0o600)
			if err := os.Chown(file, 12345, -1); err != nil {
				t.Skip("only root can give a file away")
			}
		}},
		{"not JSON", func(t *testing.T, _, file string) { write(t, file, "allow", 0o600) }},
		{"two values", func(t *testing.T, _, file string) { write(t, file, good+good, 0o600) }},
		{"cut short", func(t *testing.T, _, file string) { write(t, file, good[:len(good)-1], 0o600) }},
		{"of another version", func(t *testing.T, _, file string) {
			write(t, file, `{"v":2,"exempt":[],"unavailable":"allow","kill_switch":""}`, 0o600)
		}},
		{"with a word that nobody knows", func(t *testing.T, _, file string) { write(t, file, gateFile("maybe", ""), 0o600) }},
		{"huge", func(t *testing.T, _, file string) {
			write(t, file, good+string(bytes.Repeat([]byte(" "), maxFile)), 0o600)
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := shortFolder(t)
			c.make(t, dir, in(dir, "gate.json"))
			g := Gate{Socket: in(dir, "none.sock"), File: in(dir, "gate.json"), Patience: DefaultGatePatience()}
			if g.Decide(t.Context(), exempt, nil) {
				t.Error("allowed on the word of a file that cannot be trusted")
			}
		})
	}
}

func TestKillSwitchesThatCannotBeTrusted(t *testing.T) {
	dir := shortFolder(t)
	write(t, in(dir, "real"), "", 0o644)
	write(t, in(dir, "open"), "", 0o666)
	if err := errors.Join(os.Symlink(in(dir, "real"), in(dir, "link")), os.Mkdir(in(dir, "folder"), 0o755)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{in(dir, "real"): true, in(dir, "open"): false, in(dir, "link"): false,
		in(dir, "folder"): false, in(dir, "missing"): false, "real": false, "": false} {
		if got := (fallback{wire.GateFile{KillSwitch: path}}).killed(); got != want {
			t.Errorf("%q: got %v, want %v", path, got, want)
		}
	}
}

func FuzzGateFile(f *testing.F) {
	f.Add([]byte(gateFile("deny", "/k")))
	f.Add([]byte(gateFile("allow", "")))
	f.Add([]byte(`{"v":1,"unavailable":"deny"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		path := in(t.TempDir(), "gate.json")
		write(t, path, string(raw), 0o600)
		file, err := readFallback(path)
		if err == nil && file.exempt(0) {
			t.Error("root is exempt")
		}
		if err != nil && (file.passesUnavailable(exempt) || file.exempt(exempt)) {
			t.Error("a file with an error lets somebody pass")
		}
	})
}

var _ xipc.Handler = (*daemon)(nil)
