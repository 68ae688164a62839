// Package trialtest gives a test a trial of its own: the programs are built
// once for each test binary, and everything ends with the test. It holds no
// expectation of the product.
package trialtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/trial"
)

// Programs builds the programs once and names their folder. Close removes it.
type Programs struct {
	root  string
	dir   string
	build func() error
}

// From prepares to build the project in root.
func From(root string) (*Programs, error) {
	dir, err := os.MkdirTemp("", "latchkey-bin-")
	if err != nil {
		return nil, fmt.Errorf("make the folder of the programs: %w", err)
	}
	p := &Programs{root: root, dir: dir}
	p.build = sync.OnceValue(func() error { return trial.Build(context.Background(), root, dir) })
	return p, nil
}

// Close removes the programs.
func (p *Programs) Close() { os.RemoveAll(p.dir) }

// Main runs a package's tests with the programs of the project in root, for
// TestMain, and returns the exit code.
func Main(m *testing.M, root string, into **Programs) int {
	p, err := From(root)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer p.Close()
	*into = p
	return m.Run()
}

// Folder builds the programs, once, and names their folder.
func (p *Programs) Folder(t *testing.T) string {
	t.Helper()
	if err := p.build(); err != nil {
		t.Fatal(err)
	}
	return p.dir
}

// New is a trial that is laid out and not started.
func (p *Programs) New(t *testing.T, o trial.Options) *trial.World {
	t.Helper()
	o.Bin, o.Out = p.Folder(t), t.Output()
	if o.Profile == "" {
		o.Profile = filepath.Join(p.root, "testdata", "profiles", "jamf-pro.plist")
	}
	w, err := trial.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.End()
		if err := w.Races(); err != nil {
			t.Error(err)
		}
		w.Close(false)
	})
	return w
}

// Started is a trial that runs.
func (p *Programs) Started(t *testing.T, o trial.Options) *trial.World {
	t.Helper()
	w := p.New(t, o)
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	return w
}

// Foreign compiles the plug-in that is not ours (testdata/plugin/foreign.c) for
// a trial, once, and names the library.
func (p *Programs) Foreign(t *testing.T, w *trial.World) string {
	t.Helper()
	library := filepath.Join(w.Bin, "foreign.so")
	if _, err := os.Stat(library); err == nil {
		return library
	}
	_, err := trial.Command(t.Context(), nil, "cc", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror",
		"-shared", "-fPIC", "-o", library, filepath.Join(p.root, "testdata", "plugin", "foreign.c"))
	if err != nil {
		t.Fatal(err)
	}
	return library
}
