package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// FuzzFile damages a real store's file: Open finds the damage and calls it
// that, or every record is as it was written. Nothing in between, and no crash.
func FuzzFile(f *testing.F) {
	key := bytes.Repeat([]byte{7}, KeySize)
	written := map[string][]byte{"a": []byte("first"), "b": bytes.Repeat([]byte("second"), 1000), "c": []byte("third")}
	whole := wholeFile(f, key, written)
	f.Add(uint32(0), []byte{1}, uint32(len(whole)))
	f.Add(uint32(16), []byte("\xed\xda\x0c\xed\x02\x00\x00\x00"), uint32(len(whole)))
	f.Add(uint32(4096), []byte{0xff, 0xff, 0xff, 0xff}, uint32(8192))
	f.Add(uint32(3*4096+8), []byte{0x20, 0, 0xff, 0xff}, uint32(len(whole)))
	f.Fuzz(func(t *testing.T, at uint32, patch []byte, length uint32) {
		damaged := bytes.Clone(whole[:min(int(length), len(whole))])
		if int(at) < len(damaged) {
			copy(damaged[at:], patch)
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, fileName), damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := open(dir, key)
		if err != nil {
			if !errors.Is(err, ErrUnreadable) {
				t.Errorf("not said to be unreadable: %v", err)
			}
			return
		}
		defer s.Close()
		for name, want := range written {
			if got, err := s.Read(name); err != nil || !bytes.Equal(got, want) {
				t.Errorf("record %s is %.20q, %v", name, got, err)
			}
		}
	})
}

// open is Open without the ballast, which would be written thousands of times.
func open(dir string, key []byte) (*Store, error) {
	seal, err := newSealer(key)
	if err != nil {
		return nil, err
	}
	db, err := openFile(filepath.Join(dir, fileName))
	if err != nil {
		return nil, err
	}
	db.NoSync = true
	s := &Store{db: db, dir: dir, seal: seal}
	if err := s.ready("mac"); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

func wholeFile(f *testing.F, key []byte, records map[string][]byte) []byte {
	f.Helper()
	dir := f.TempDir()
	s, err := open(dir, key)
	if err == nil {
		err = errors.Join(s.Write(records), s.Close())
	}
	if err != nil {
		f.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil {
		f.Fatal(err)
	}
	return raw
}

// FuzzUnseal: nothing opens but what was sealed under that name.
func FuzzUnseal(f *testing.F) {
	s, err := newSealer(make([]byte, KeySize))
	if err != nil {
		f.Fatal(err)
	}
	sealed, _ := s.seal("name", []byte("value"))
	f.Add("name", sealed)
	f.Add("other", sealed)
	f.Add("name", []byte{})
	f.Fuzz(func(t *testing.T, name string, box []byte) {
		value, err := s.open(name, box)
		// Not by the bytes: each process of a fuzz run seals its own.
		if err == nil && (name != "name" || string(value) != "value") {
			t.Errorf("%q opened as %q", name, value)
		}
	})
}
