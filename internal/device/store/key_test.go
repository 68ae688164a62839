package store_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/latchkey-mfa/latchkey/internal/device/store"
)

// keychain plays one, which fails on demand. Like a real one it never replaces
// an item.
type keychain struct {
	key       []byte
	read, add error
	loses     bool   // says that it has kept a key, and has not
	first     []byte // another process's key, which comes just before ours
}

var errLocked = errors.New("the keychain is locked")

func (k *keychain) Read(context.Context) ([]byte, error) { return bytes.Clone(k.key), k.read }

func (k *keychain) Add(_ context.Context, key []byte) error {
	if k.first != nil {
		k.key = k.first
	}
	switch {
	case k.add != nil:
		return k.add
	case k.key != nil:
		return errors.New("a duplicate")
	case !k.loses:
		k.key = bytes.Clone(key)
	}
	return nil
}

func some(b byte) []byte { return bytes.Repeat([]byte{b}, store.KeySize) }

// TestKeychainKey: the key of a file moves into the keychain and only then is
// the file gone; nothing but the keychain's own key is ever used.
func TestKeychainKey(t *testing.T) {
	for _, tt := range []struct {
		name     string
		file     []byte // before; nil for none
		keychain keychain
		want     []byte // nil: an error, or with fresh a new key
		fresh    bool
		err      string
		left     bool // the file is still there
		away     bool // the file was set away
	}{
		{name: "a new Mac", fresh: true},
		{name: "the second start", keychain: keychain{key: some(1)}, want: some(1)},
		{name: "a key that an earlier version left", file: some(2), want: some(2)},
		{name: "killed before the file went", file: some(2), keychain: keychain{key: some(2)}, want: some(2)},
		{name: "another key in a file", file: some(3), keychain: keychain{key: some(2)}, want: some(2), away: true},
		{name: "another process was first", keychain: keychain{first: some(4)}, want: some(4)},
		{name: "another process was first, and a file", file: some(2), keychain: keychain{first: some(4)}, want: some(4), away: true},
		{name: "locked", file: some(2), keychain: keychain{read: errLocked}, err: "read the sealing key: the keychain is locked", left: true},
		{name: "locked, with no file", keychain: keychain{read: errLocked}, err: "the keychain is locked"},
		{name: "cannot be written", file: some(2), keychain: keychain{add: errors.New("the disk is full")}, err: "keep the sealing key: the disk is full", left: true},
		{name: "loses it", file: some(2), keychain: keychain{loses: true}, err: "does not have it", left: true},
		{name: "a short key", file: some(2), keychain: keychain{key: []byte("short")}, err: "5 bytes, want 32", left: true},
		{name: "a short file", file: []byte("short"), keychain: keychain{}, err: "5 bytes, want 32", left: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "store.key")
			if tt.file != nil {
				if err := os.WriteFile(file, tt.file, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			key, err := store.KeychainKey(t.Context(), dir, &tt.keychain)
			if tt.err != "" && (err == nil || key != nil || !strings.Contains(err.Error(), tt.err)) || tt.err == "" && err != nil {
				t.Fatalf("%d bytes, %v; want %q", len(key), err, tt.err)
			}
			if tt.want != nil && !bytes.Equal(key, tt.want) || tt.fresh && (len(key) != store.KeySize || !bytes.Equal(key, tt.keychain.key)) {
				t.Errorf("the key is %x, and the keychain has %x", key, tt.keychain.key)
			}
			if there(t, file) != tt.left || there(t, file+".not-in-use") != tt.away {
				t.Errorf("the file is there: %v, want %v; set away: %v, want %v", there(t, file), tt.left, there(t, file+".not-in-use"), tt.away)
			}
			if err != nil && strings.Contains(err.Error(), "\x02") {
				t.Errorf("the error holds the key: %q", err)
			}
		})
	}
}

func there(t *testing.T, path string) bool {
	t.Helper()
	_, err := os.Lstat(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

// TestKeychainKeyThroughFailures: whatever fails along the way, no start uses
// another key than one before it, and the one key is never in neither place.
func TestKeychainKeyThroughFailures(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, k := t.TempDir(), &keychain{}
		file := filepath.Join(dir, "store.key")
		var one []byte
		if rapid.Bool().Draw(rt, "an earlier version was here") {
			one = some(9)
			if err := os.WriteFile(file, one, 0o600); err != nil {
				rt.Fatal(err)
			}
		}
		for range rapid.IntRange(1, 8).Draw(rt, "starts") {
			k.read, k.add, k.loses = nil, nil, false
			switch rapid.IntRange(0, 4).Draw(rt, "fails") {
			case 0:
				k.read = errLocked
			case 1:
				k.add = errLocked
			case 2:
				k.loses = true
			}
			key, err := store.KeychainKey(rt.Context(), dir, k)
			if err == nil && one == nil {
				one = key
			}
			if err == nil && !bytes.Equal(key, one) {
				rt.Fatalf("the key was %x and is %x", one, key)
			}
			if raw, _ := os.ReadFile(file); one != nil && !bytes.Equal(raw, one) && !bytes.Equal(k.key, one) {
				rt.Fatal("the key is in neither place")
			}
		}
	})
}
