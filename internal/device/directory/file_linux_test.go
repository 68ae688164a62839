package directory

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/devaccounts"
)

// TestTheFileIsFollowed: who is added is found, and a file that others may
// write is refused although it was read before.
func TestTheFileIsFollowed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "accounts.json")
	add := func(name, guid string, uid uint32) {
		a := devaccounts.Account{Name: name, UID: uid, GID: 20, GUID: guid, Home: "/Users/" + name}
		if err := devaccounts.Add(rand.Reader, path, a, []byte("a password")); err != nil {
			t.Fatal(err)
		}
	}
	add("ada", "11111111-1111-1111-1111-111111111111", 501)
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if a, err := d.Lookup(context.Background(), 501); err != nil || a.Name != "ada" {
			t.Errorf("found %+v, %v", a, err)
		}
	}
	if _, err := d.Named(context.Background(), "carol"); !errors.Is(err, ErrUnknown) {
		t.Errorf("carol: %v", err)
	}
	add("carol", "22222222-2222-2222-2222-222222222222", 502)
	if a, err := d.Named(context.Background(), "carol"); err != nil || a.UID != 502 {
		t.Errorf("found %+v, %v", a, err)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if a, err := d.Lookup(context.Background(), 501); err == nil {
		t.Errorf("found %+v in a file that anyone can write", a)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Lookup(context.Background(), 501); err == nil {
		t.Error("found an account in a file that is gone")
	}
}
