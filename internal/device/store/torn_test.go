package store_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"github.com/latchkey-mfa/latchkey/internal/device/store"
)

const (
	pageSize   = 4096
	sectorSize = 512
)

// TestATornWriteIsTheStateBeforeOrAfter is a power cut at any point of a Write:
// of the sectors that were on their way any may have arrived, the roots of the
// two states (bbolt's meta pages 0 and 1) after all others, because a sync
// stands between. The store must open, and hold one state or the other whole.
func TestATornWriteIsTheStateBeforeOrAfter(t *testing.T) {
	torn := t.TempDir() // one for all, so that its ballast is written once
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp("", "torn-")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		seed := rapid.Uint64().Draw(rt, "seed")
		w := &tearing{rt: rt, dir: dir, torn: torn, random: rand.New(rand.NewPCG(seed, 0)), state: map[string]string{}}
		for range rapid.IntRange(1, 8).Draw(rt, "writes") {
			w.write()
		}
	})
}

// tearing is a store whose every write is also torn, on a copy.
type tearing struct {
	rt     *rapid.T
	dir    string
	torn   string // where what a power cut left is opened
	random *rand.Rand
	state  map[string]string
}

func (w *tearing) file() string { return filepath.Join(w.dir, "store.db") }

// write makes one change, which is also torn between the file as it was opened
// and as it is after it.
func (w *tearing) write() {
	old := maps.Clone(w.state)
	changes := map[string][]byte{}
	for range 1 + w.random.IntN(4) {
		key := fmt.Sprint("k", w.random.IntN(20))
		changes[key] = bytes.Repeat([]byte{byte(w.random.Int())}, w.random.IntN(6000))
		if w.random.IntN(4) == 0 {
			changes[key] = nil
		}
	}
	s := w.open()
	opened := w.read(w.file())
	if err := s.Write(changes); err != nil {
		w.rt.Fatal(err)
	}
	for k, v := range changes {
		if w.state[k] = string(v); v == nil {
			delete(w.state, k)
		}
	}
	after := w.read(w.file())
	s.Close()
	if bytes.Equal(opened, after) {
		w.rt.Fatal("a write wrote nothing")
	}
	for range 4 {
		w.check(w.tear(opened, after, false), old, nil)
		w.check(w.tear(opened, after, true), old, w.state)
	}
}

func (w *tearing) open() *store.Store {
	s, err := store.Open(options(w.dir))
	if err != nil {
		w.rt.Fatal(err)
	}
	return s
}

func (w *tearing) read(file string) []byte {
	raw, err := os.ReadFile(file)
	if err != nil {
		w.rt.Fatal(err)
	}
	return raw
}

// tear is the file after a power cut: before the sync, any sectors of the pages
// but no meta; after it, all pages and a part of the meta.
func (w *tearing) tear(before, after []byte, synced bool) []byte {
	out := make([]byte, max(len(before), len(after)))
	copy(out, before)
	for at := 0; at < len(after); at += sectorSize {
		meta := at < 2*pageSize
		if arrived := synced || w.random.IntN(2) == 0; arrived && !meta {
			copy(out[at:at+sectorSize], after[at:at+sectorSize])
		}
	}
	if synced {
		for page := range 2 {
			n := w.random.IntN(128) // of bytes: a meta page holds less
			copy(out[page*pageSize:][:n], after[page*pageSize:][:n])
		}
	}
	return out
}

// check opens what a power cut has left.
func (w *tearing) check(file []byte, states ...map[string]string) {
	if err := os.WriteFile(filepath.Join(w.torn, "store.db"), file, 0o600); err != nil {
		w.rt.Fatal(err)
	}
	s, err := store.Open(options(w.torn))
	if err != nil {
		w.rt.Fatalf("a torn write has made the store unreadable: %v (meta %d and %d)", err,
			binary.LittleEndian.Uint64(file[16+48:]), binary.LittleEndian.Uint64(file[pageSize+16+48:]))
	}
	defer s.Close()
	keys, values, err := s.List("", 1<<20)
	if err != nil {
		w.rt.Fatal(err)
	}
	got := map[string]string{}
	for i, k := range keys {
		got[k] = string(values[i])
	}
	for _, want := range states {
		if want != nil && maps.Equal(got, want) {
			return
		}
	}
	w.rt.Fatalf("a torn write has left %d records, neither those of before nor those of after", len(got))
}
