//go:build linux

package abitest

import (
	"os"
	"path/filepath"
	"testing"
)

// TestARehearsalIsForNobody: the private right's mechanism needs no account, and
// says yes only where the gate would reach what it decides by.
func TestARehearsalIsForNobody(t *testing.T) {
	variants(t, func(t *testing.T, start run) {
		const trusted = `{"v":1,"exempt":[],"unavailable":"deny","kill_switch":""}`
		for name, c := range map[string]struct {
			file    string
			mode    os.FileMode
			stopped bool
			want    string
		}{
			"all is there":          {trusted, 0o600, false, "result 0 20 => result 0 hint -"},
			"no daemon":             {trusted, 0o600, true, "result 0 40 => result 1 hint -"},
			"no gate file":          {"", 0o600, false, "result 0 20 => result 1 hint -"},
			"a gate file of anyone": {trusted, 0o666, false, "result 0 20 => result 1 hint -"},
		} {
			t.Run(name, func(t *testing.T) {
				d := newDaemon(t)
				if c.file != "" {
					path := filepath.Join(d.folder, "gate.json")
					if err := os.WriteFile(path, []byte(c.file), 0o600); err != nil {
						t.Fatal(err)
					}
					if err := os.Chmod(path, c.mode); err != nil {
						t.Fatal(err)
					}
				}
				h := start(t, d.start())
				if c.stopped {
					d.stop()
				}
				h.do("open 4", "create 0 rehearsal => created 0", "invoke 0 => invoked 0", c.want,
					"create 1 refusal => created 0", "invoke 1 => invoked 0", "result 1 20 => result 1 hint -", "destroy 1", "destroy 0")
				if len(d.asked) != 0 || len(d.begun) != 0 {
					t.Error("the daemon was asked for somebody")
				}
			})
		}
	})
}
