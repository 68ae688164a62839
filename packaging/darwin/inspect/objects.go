package main

import (
	"debug/macho"
	"encoding/binary"
	"slices"
)

// Layouts of the Objective-C runtime on 64-bit systems (objc4, objc-runtime-new.h).
const (
	pointer        = 8
	classData      = 32 // of a class: where its read-only part is
	dataName       = 24 // of that: where its name is
	categoryClass  = 8
	sectionMask    = 0xff
	sectionStarts  = 0x9  // S_MOD_INIT_FUNC_POINTERS
	sectionOffsets = 0x16 // S_INIT_FUNC_OFFSETS
)

// objects takes the classes and categories that the file brings along, and
// counts what runs without being called.
func (i *image) objects() {
	own := i.pointers("__objc_classlist")
	for _, at := range own {
		data := i.address(at+classData) &^ 7
		i.classes = append(i.classes, i.name(i.address(data+dataName)))
	}
	for _, at := range i.pointers("__objc_catlist") {
		class := i.address(at + categoryClass)
		i.categories = append(i.categories, category{i.name(i.address(at)), !slices.Contains(own, class)})
	}
	slices.Sort(i.classes)
	i.loads = len(i.pointers("__objc_nlclslist")) + len(i.pointers("__objc_nlcatlist"))
	for _, s := range i.file.Sections {
		switch s.Flags & sectionMask {
		case sectionStarts:
			i.starts += int(min(s.Size/pointer, maxExports))
		case sectionOffsets:
			i.starts += int(min(s.Size/4, maxExports))
		}
	}
}

// pointers are those that a section holds.
func (i *image) pointers(section string) (found []uint64) {
	for _, s := range i.file.Sections {
		if s.Name != section {
			continue
		}
		for at := s.Addr; at < s.Addr+min(s.Size, maxExports*pointer); at += pointer {
			found = append(found, i.address(at))
		}
	}
	return found
}

// address is the pointer that stands at an address; 0 where nothing does. What
// dyld has to know of it stands in its upper bits.
func (i *image) address(at uint64) uint64 {
	b := i.at(at)
	if len(b) < pointer {
		return 0
	}
	return binary.LittleEndian.Uint64(b) & (1<<36 - 1)
}

func (i *image) name(at uint64) string { return text(i.at(at), 0) }

// at is the file from an address on, to the end of its segment.
func (i *image) at(address uint64) []byte {
	for _, l := range i.file.Loads {
		s, ok := l.(*macho.Segment)
		if !ok || address < s.Addr || address-s.Addr >= s.Filesz {
			continue
		}
		from, to := s.Offset+address-s.Addr, s.Offset+s.Filesz
		if from > to || to > uint64(len(i.raw)) {
			return nil
		}
		return i.raw[from:to]
	}
	return nil
}
