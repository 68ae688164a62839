package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

// small is a Mach-O with one segment, a library and an export trie.
func small() []byte {
	var b bytes.Buffer
	put := func(words ...uint32) {
		for _, w := range words {
			_ = binary.Write(&b, binary.LittleEndian, w)
		}
	}
	name := func(s string, size int) { b.WriteString(s + string(make([]byte, size-len(s)))) }
	put(0xfeedfacf, 0x100000c, 0, 8, 4, 72+56+48+24, 0x85, 0)
	put(0x19, 72)
	name("__TEXT", 16)
	put(0, 0, 0x4000, 0, 0, 0, 400, 0, 5, 5, 0, 0)
	put(0xc, 56, 24, 0, 0, 0)
	name("/usr/lib/libSystem.B.dylib", 32)
	put(0x80000022, 48, 0, 0, 0, 0, 0, 0, 0, 0, 232, 8)
	put(0x32, 24, 1, 12<<16, 12<<16, 0)
	b.Write([]byte{0, 1, '_', 'a', 0, 7, 0, 0}) // a root with one child, which lies beyond
	return append(b.Bytes(), make([]byte, 160)...)
}

// FuzzOpen: whatever bytes are looked at, there is an answer.
func FuzzOpen(f *testing.F) {
	f.Add(small())
	f.Add([]byte("\xca\xfe\xba\xbe\x00\x00\x00\x01"))
	f.Fuzz(func(t *testing.T, content []byte) {
		images, err := open(content)
		if err != nil {
			return
		}
		for _, i := range images {
			if len(i.surprises(bundleKind(), imports{})) == 0 {
				t.Error("no surprise without a stub")
			}
		}
	})
}

// FuzzExported: a list of exports ends, and has each name within its bound.
func FuzzExported(f *testing.F) {
	f.Add([]byte{0, 1, '_', 'a', 0, 5, 2, 0, 0, 0})
	f.Add([]byte{0, 1, 'a', 0, 0}) // goes round
	f.Fuzz(func(t *testing.T, trie []byte) {
		names, err := exported(trie)
		if err != nil && names != nil {
			t.Errorf("names with an error: %q", names)
		}
		if len(names) > maxExports {
			t.Errorf("%d names", len(names))
		}
	})
}

// FuzzStub: a stub is read or refused, and one without a path allows nothing.
func FuzzStub(f *testing.F) {
	content, err := os.ReadFile(filepath.Join("..", "stubs", "libobjc.tbd"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(content)
	f.Add([]byte("tbd-version: 4\ninstall-name: '@rpath/x'\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		known := imports{}
		if known.add(content) != nil && len(known) > 0 {
			return
		}
		for key := range known {
			if key[0] != '/' && key[0] != ' ' {
				t.Errorf("a library without a path: %q", key)
			}
		}
	})
}

// TestSmall: the seed of FuzzOpen is a file that is read to its end.
func TestSmall(t *testing.T) {
	if _, err := open(small()); err == nil {
		t.Error("an export that lies beyond the list was taken")
	}
	good := small()
	copy(good[32+72+56+48+24:], []byte{0, 1, '_', 'a', 0, 6, 2, 0, 0}) // the child's description has two bytes
	at := 32 + 72 + 56 + 44
	binary.LittleEndian.PutUint32(good[at:], 10)
	images, err := open(good)
	if err != nil || len(images) != 1 || len(images[0].exports) != 1 || images[0].exports[0] != "_a" {
		t.Fatalf("read: %v, %+v", err, images)
	}
}
