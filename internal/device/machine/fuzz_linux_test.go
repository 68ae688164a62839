package machine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzRead: a machine is one that can be told from others, or an error that
// names what is wrong.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"udid":"u","serial":"s","model":"m","name":"n","os":"15.1","zone":"UTC"}`))
	f.Add([]byte(`{"udid":""}`))
	f.Add([]byte(`{"colour":"grey"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		path := filepath.Join(t.TempDir(), "machine.json")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := Read(path)
		if err == nil && (m.UDID == "" || m.Serial == "" || m.Name == "") {
			t.Errorf("took %+v", m)
		}
		if err != nil && (m != (Machine{}) || !strings.Contains(err.Error(), "machine")) {
			t.Errorf("%+v with %v", m, err)
		}
	})
}
