//go:build simclock

package clock

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzShift: whatever the file of the movable clock holds, the clock shows a
// time that can be written down, and a boot.
func FuzzShift(f *testing.F) {
	f.Add([]byte(`{"wall_s":3600.5,"continuous_s":-1,"boot":"b"}`))
	f.Add([]byte(`{"wall_s":1e300}`))
	f.Add([]byte(`{"wall_s":`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		path := filepath.Join(t.TempDir(), "clock")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Open(Options{File: path})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Wall().MarshalText(); err != nil || c.Boot() == "" {
			t.Errorf("at %v, boot %q: %v", c.Wall(), c.Boot(), err)
		}
	})
}
