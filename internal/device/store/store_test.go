package store_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"github.com/latchkey-mfa/latchkey/internal/device/store"
)

func options(dir string) store.Options {
	return store.Options{Dir: dir, Hardware: "mac-1", Key: bytes.Repeat([]byte{7}, store.KeySize)}
}

func open(t *testing.T, o store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func write(t *testing.T, s *store.Store, changes map[string][]byte) {
	t.Helper()
	if err := s.Write(changes); err != nil {
		t.Fatal(err)
	}
}

// all is every record of the store.
func all(t *testing.T, s *store.Store) map[string]string {
	t.Helper()
	keys, values, err := s.List("", 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for i, k := range keys {
		out[k] = string(values[i])
	}
	return out
}

// filled is a closed store of some pages, and what is in it.
func filled(t *testing.T) (store.Options, map[string]string) {
	t.Helper()
	o := options(t.TempDir())
	s := open(t, o)
	for i := range 60 {
		write(t, s, map[string][]byte{fmt.Sprintf("r/%03d", i): bytes.Repeat([]byte{byte(i)}, 900)})
	}
	want := all(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return o, want
}

func TestWhatWasWrittenIsThereAfterReopen(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		s, model := open(t, options(dir)), map[string]string{}
		steps := rapid.SliceOfN(rapid.MapOf(rapid.StringMatching(`[a-c]/[0-9]`), rapid.SliceOfN(rapid.Byte(), 0, 40)), 1, 4).Draw(rt, "steps")
		for _, changes := range steps {
			for k, v := range changes {
				if len(v)%3 == 1 {
					changes[k] = nil
					delete(model, k)
				} else {
					changes[k] = append([]byte{}, v...)
					model[k] = string(v)
				}
			}
			write(t, s, changes)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		again := open(t, options(dir))
		defer again.Close()
		if got := all(t, again); !maps.Equal(got, model) {
			rt.Fatalf("store %q, want %q", got, model)
		}
	})
}

func TestListIsByPrefixInOrderAndBounded(t *testing.T) {
	s := open(t, options(t.TempDir()))
	write(t, s, map[string][]byte{"b/2": {2}, "b/1": {1}, "b/3": {3}, "a/9": {9}, "c": {0}})
	keys, values, err := s.List("b/", 2)
	if err != nil || !slices.Equal(keys, []string{"b/1", "b/2"}) || values[0][0] != 1 || values[1][0] != 2 {
		t.Errorf("List: %q %v %v", keys, values, err)
	}
	if v, err := s.Read("nothing"); v != nil || err != nil {
		t.Errorf("Read of no record: %v, %v", v, err)
	}
	write(t, s, map[string][]byte{"empty": {}})
	if v, err := s.Read("empty"); v == nil || len(v) != 0 || err != nil {
		t.Errorf("an empty record reads as %v, %v; it is not none", v, err)
	}
}

func TestAWriteIsWholeOrNot(t *testing.T) {
	s := open(t, options(t.TempDir()))
	if err := s.Write(map[string][]byte{"a": {1}, "b": make([]byte, 1<<20+1)}); err == nil || !strings.Contains(err.Error(), "record b") {
		t.Errorf("a record over the bound: %v", err)
	}
	if v, _ := s.Read("a"); v != nil {
		t.Error("half of a refused write is there")
	}
}

func TestNothingIsReadableInTheFile(t *testing.T) {
	o := options(t.TempDir())
	s := open(t, o)
	write(t, s, map[string][]byte{"k": []byte("a secret that must not be seen")})
	s.Close()
	raw, err := os.ReadFile(filepath.Join(o.Dir, "store.db"))
	if err != nil || bytes.Contains(raw, []byte("secret")) || bytes.Contains(raw, []byte(o.Hardware)) {
		t.Error("the file shows what it holds", err)
	}
	info, err := os.Stat(filepath.Join(o.Dir, "store.db"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestASecondOpenIsRefused(t *testing.T) {
	o := options(t.TempDir())
	open(t, o)
	if _, err := store.Open(o); !errors.Is(err, store.ErrInUse) {
		t.Errorf("second Open: %v", err)
	}
}

func TestAnothersStoreIsUnreadable(t *testing.T) {
	for name, change := range map[string]func(*store.Options){
		"other hardware": func(o *store.Options) { o.Hardware = "mac-2" },
		"another key":    func(o *store.Options) { o.Key = bytes.Repeat([]byte{8}, store.KeySize) },
	} {
		o, want := filled(t)
		theirs := o
		change(&theirs)
		if _, err := store.Open(theirs); !errors.Is(err, store.ErrUnreadable) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		if got := all(t, open(t, o)); !maps.Equal(got, want) {
			t.Errorf("%s: the refusal changed the store", name)
		}
	}
	if _, err := store.Open(store.Options{Dir: t.TempDir(), Key: []byte("short")}); err == nil || errors.Is(err, store.ErrUnreadable) {
		t.Errorf("a short key: %v", err)
	}
}

func TestASealedValueMovedToAnotherKeyDoesNotOpen(t *testing.T) {
	o, _ := filled(t)
	edit(t, o, func(records *bolt.Bucket) error {
		return records.Put([]byte("r/001"), bytes.Clone(records.Get([]byte("r/002"))))
	})
	if _, err := store.Open(o); !errors.Is(err, store.ErrUnreadable) || !strings.Contains(err.Error(), "r/001") {
		t.Errorf("Open: %v", err)
	}
}

// edit changes the records behind the back of a closed store.
func edit(t *testing.T, o store.Options, change func(*bolt.Bucket) error) {
	t.Helper()
	db, err := bolt.Open(filepath.Join(o.Dir, "store.db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Update(func(tx *bolt.Tx) error { return change(tx.Bucket([]byte("records"))) }); err != nil {
		t.Fatal(err)
	}
}

// damage is ways to break a file.
var damage = map[string]func(raw []byte) []byte{
	"empty":                 func([]byte) []byte { return nil },
	"a few bytes":           func(raw []byte) []byte { return raw[:100] },
	"cut in the first page": func(raw []byte) []byte { return raw[:4000] },
	"cut after the metas":   func(raw []byte) []byte { return raw[:2*4096] },
	"cut at half":           func(raw []byte) []byte { return raw[:len(raw)/8192*4096] },
	"cut in a page":         func(raw []byte) []byte { return raw[:6*4096+77] },
	"zeroes":                func(raw []byte) []byte { return make([]byte, len(raw)) },
	"no store":              func([]byte) []byte { return bytes.Repeat([]byte("not a store\n"), 4000) },
	"zeroes after the metas": func(raw []byte) []byte {
		return append(bytes.Clone(raw[:2*4096]), make([]byte, len(raw)-2*4096)...)
	},
	"every page but the metas turned over": func(raw []byte) []byte {
		out := bytes.Clone(raw)
		for i := 2 * 4096; i < len(out); i++ {
			out[i] ^= 0xff
		}
		return out
	},
}

func TestADamagedStoreIsUnreadableAndSetAsideWhole(t *testing.T) {
	at := time.Date(2026, 11, 24, 9, 0, 0, 5, time.UTC)
	for name, brk := range damage {
		t.Run(name, func(t *testing.T) {
			o, _ := filled(t)
			path := filepath.Join(o.Dir, "store.db")
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			broken := brk(raw)
			if err := os.WriteFile(path, broken, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := store.Open(o); !errors.Is(err, store.ErrUnreadable) {
				t.Fatalf("Open: %v", err)
			}
			aside, err := store.SetAside(o.Dir, at)
			if err != nil {
				t.Fatal(err)
			}
			kept, err := os.ReadFile(aside)
			if err != nil || !bytes.Equal(kept, broken) {
				t.Errorf("%s does not hold the bytes that were there: %v", aside, err)
			}
			if got := all(t, open(t, o)); len(got) != 0 {
				t.Errorf("the next store begins with %v", got)
			}
		})
	}
}

// TestNoFlippedBitIsTakenForTheTruth: whatever bit falls over, the store either
// says so, or holds a state that Write returned for. (The newer of the two meta
// pages falling back on the older one is the state before the last write.)
func TestNoFlippedBitIsTakenForTheTruth(t *testing.T) {
	o, want := filled(t)
	before := maps.Clone(want)
	delete(before, "r/059")
	path := filepath.Join(o.Dir, "store.db")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		at := rapid.OneOf(rapid.IntRange(0, 2*4096-1), rapid.IntRange(0, len(raw)-1)).Draw(rt, "offset")
		broken := bytes.Clone(raw)
		broken[at] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
		if err := os.WriteFile(path, broken, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := store.Open(o)
		if errors.Is(err, store.ErrUnreadable) {
			return
		}
		if err != nil {
			rt.Fatalf("offset %d: %v, which is not ErrUnreadable", at, err)
		}
		defer s.Close()
		if got := all(t, s); !maps.Equal(got, want) && !maps.Equal(got, before) {
			rt.Fatalf("offset %d: the store opens with other records", at)
		}
	})
}

// TestAKeyThatPointsOutOfTheFileIsNoticed: the keys above the records are looked
// at where a fault is caught, and not first by bbolt's own check, where it would
// end the daemon at each start.
func TestAKeyThatPointsOutOfTheFileIsNoticed(t *testing.T) {
	o, _ := filled(t)
	path := filepath.Join(o.Dir, "store.db")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	size, branches := os.Getpagesize(), 0
	for page := 2; (page+1)*size <= len(raw); page++ {
		head := raw[page*size:]
		if binary.LittleEndian.Uint64(head) != uint64(page) || binary.LittleEndian.Uint16(head[8:]) != 1 { // bbolt's branchPageFlag
			continue
		}
		for element := range int(binary.LittleEndian.Uint16(head[10:])) {
			branches++
			broken := bytes.Clone(raw)
			broken[page*size+16+16*element+3] ^= 0x40 // a gigabyte further on
			if err := os.WriteFile(path, broken, 0o600); err != nil {
				t.Fatal(err)
			}
			if s, err := store.Open(o); err == nil {
				_ = s.Close() // of a page that is free
			} else if !errors.Is(err, store.ErrUnreadable) {
				t.Errorf("page %d, element %d: %v", page, element, err)
			}
		}
	}
	if branches == 0 {
		t.Error("the store has no page above its records")
	}
}

func TestFileKeyIsMadeOnceAndKeptToRoot(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	key, err := store.FileKey(dir)
	if err != nil || len(key) != store.KeySize {
		t.Fatalf("FileKey: %d bytes, %v", len(key), err)
	}
	if again, err := store.FileKey(dir); err != nil || !bytes.Equal(again, key) {
		t.Errorf("the second call has another key, %v", err)
	}
	path := filepath.Join(dir, "store.key")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := store.FileKey(dir); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a key that others can read: %v", err)
	}
	if err := errors.Join(os.Chmod(path, 0o600), os.Truncate(path, 31)); err != nil {
		t.Fatal(err)
	}
	if _, err := store.FileKey(dir); err == nil || !strings.Contains(err.Error(), "31 bytes") {
		t.Errorf("a short key: %v", err)
	}
}
