package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
)

// maxExports bounds how much of a list of exports is walked; ours has one name.
const maxExports = 100_000

var errTrie = errors.New("the list of exports cannot be read")

// exported are the names in an export trie: what dyld finds in the file. A node
// is the size of its symbol's description, the description, the number of its
// children, and for each the letters that lead there and where that is.
func exported(trie []byte) ([]string, error) {
	if len(trie) == 0 {
		return nil, nil
	}
	type step struct {
		at   uint64
		name string
	}
	var names []string
	open, left := []step{{}}, maxExports
	for ; len(open) > 0; left-- {
		s := open[len(open)-1]
		open = open[:len(open)-1]
		if s.at >= uint64(len(trie)) || left == 0 {
			return nil, errTrie
		}
		size, rest, ok := number(trie[s.at:])
		if !ok || size >= uint64(len(rest)) {
			return nil, errTrie
		}
		if size > 0 {
			names = append(names, s.name)
		}
		children := int(rest[size])
		rest = rest[size+1:]
		for range children {
			letters := bytes.IndexByte(rest, 0)
			if letters < 0 || len(s.name)+letters > 4096 {
				return nil, errTrie
			}
			var at uint64
			name := s.name + string(rest[:letters])
			if at, rest, ok = number(rest[letters+1:]); !ok {
				return nil, errTrie
			}
			open = append(open, step{at, name})
		}
	}
	slices.Sort(names)
	return names, nil
}

// number takes a ULEB128 off the front.
func number(b []byte) (uint64, []byte, bool) {
	n, used := binary.Uvarint(b)
	if used <= 0 {
		return 0, nil, false
	}
	return n, b[used:], true
}
