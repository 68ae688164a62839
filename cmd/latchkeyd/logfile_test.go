package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
)

// TestALogThatIsPutAside: newsyslog renames the file and tells nobody.
func TestALogThatIsPutAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log", "latchkeyd.log")
	log, err := newLogger("json", "info", path)
	if err != nil {
		t.Fatal(err)
	}
	log.Info("before")
	if err := os.Rename(path, path+".0"); err != nil {
		t.Fatal(err)
	}
	log.Info("after", zap.String("key", "value"))
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	log.Info("anew")
	for name, want := range map[string]string{path + ".0": "before", path: "anew"} {
		raw, err := os.ReadFile(name)
		if err != nil || strings.Count(string(raw), "\n") != 1 || !strings.Contains(string(raw), want) {
			t.Errorf("%s: %s, %v", name, raw, err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o007 != 0 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	// What somebody else has put there is not written to.
	if err := os.Symlink(filepath.Join(t.TempDir(), "else"), filepath.Join(filepath.Dir(path), "link")); err != nil {
		t.Fatal(err)
	}
	if _, err := newLogger("json", "info", filepath.Join(filepath.Dir(path), "link")); err == nil {
		t.Error("a link is followed")
	}
}
