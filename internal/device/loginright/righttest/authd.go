package righttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"sync"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/device/loginright"
)

// Authd is an authorization database. Its zero value has no right. The hooks
// are called without the lock held, and may use it.
type Authd struct {
	mu       sync.Mutex
	rights   map[string][]byte
	writes   int
	modified int

	BeforeWrite func(right string)              // what another program does in between
	Written     func(xml []byte) ([]byte, bool) // what becomes of what is written; false: nothing, in silence
	ReadFails   error
	WriteFails  error
	Evaluated   func(xml []byte) error // what comes of an evaluation; nil: as a plug-in that works
}

// Stock is the list of a macOS, by the version of its rule, as testdata/rights
// has it.
func Stock(t testing.TB, version int) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(Folder(), fmt.Sprintf("system.login.console.v%d.plist", version)))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// Folder is testdata/rights.
func Folder() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "..", "..", "testdata", "rights")
}

// Put is what macOS does at an update, or another product: it writes without
// asking.
func (a *Authd) Put(right string, xml []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.rights == nil {
		a.rights = map[string][]byte{}
	}
	a.modified++
	a.rights[right] = modifiedLine.ReplaceAll(xml, []byte(fmt.Sprintf("<key>modified</key>\n\t<real>%d.0</real>", 750000000+a.modified)))
}

// modifiedLine is authd's own account of when a right was changed.
var modifiedLine = regexp.MustCompile(`<key>modified</key>\s*<real>[0-9.]+</real>`)

// Unmodified is the right without when it was changed.
func Unmodified(xml []byte) string { return string(modifiedLine.ReplaceAll(xml, nil)) }

// Right is the right, or nil.
func (a *Authd) Right(right string) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return bytes.Clone(a.rights[right])
}

// Writes is how often it was written to, but for Put.
func (a *Authd) Writes() int { a.mu.Lock(); defer a.mu.Unlock(); return a.writes }

// Read implements loginright.Database.
func (a *Authd) Read(_ context.Context, right string) ([]byte, error) {
	if a.ReadFails != nil {
		return nil, a.ReadFails
	}
	if raw := a.Right(right); raw != nil {
		return raw, nil
	}
	return nil, errors.New("NO (-60005)")
}

// Write implements loginright.Database.
func (a *Authd) Write(_ context.Context, right string, xml []byte) error {
	if a.BeforeWrite != nil {
		a.BeforeWrite(right)
	}
	if a.WriteFails != nil {
		return a.WriteFails
	}
	if _, err := loginright.Parse(xml); err != nil {
		return fmt.Errorf("NO (-60005): %w", err)
	}
	if a.Written != nil && right == loginright.Console {
		changed, does := a.Written(xml)
		if !does {
			return nil
		}
		xml = changed
	}
	a.Put(right, xml)
	a.mu.Lock()
	a.writes++
	a.mu.Unlock()
	return nil
}

// Remove implements loginright.Stage.
func (a *Authd) Remove(_ context.Context, right string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.rights, right)
	return nil
}

// Evaluate implements loginright.Stage: the mechanism that rehearses passes, and
// any other of ours is refused.
func (a *Authd) Evaluate(_ context.Context, right string) error {
	xml := a.Right(right)
	if a.Evaluated != nil {
		return a.Evaluated(xml)
	}
	if bytes.Contains(xml, []byte("Latchkey:rehearsal,privileged")) {
		return nil
	}
	return loginright.ErrDenied
}
