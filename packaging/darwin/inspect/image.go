package main

import (
	"bytes"
	"debug/buildinfo"
	"debug/macho"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// image is what one file has for one architecture.
type image struct {
	file          *macho.File
	raw           []byte
	architecture  string // Go's name
	commands      []macho.LoadCmd
	minOS, sdk    string
	platform      uint32
	uuid          string
	libraries     []string
	linker        string // LC_LOAD_DYLINKER
	exports       []string
	imports       []wanted
	flat          []string // imports that come from whatever library has them
	classes       []string
	categories    []category
	loads, starts int // classes with +load, and what runs when the file is loaded
	signature     string
	build         *buildinfo.BuildInfo
	buildErr      error
}

// wanted is a symbol of a library.
type wanted struct{ library, symbol string }

// category is one of Objective-C; foreign when the class is not of this file.
type category struct {
	name    string
	foreign bool
}

// Load commands (mach-o/loader.h) that debug/macho has no name for.
const (
	cmdDylinker    macho.LoadCmd = 0xe
	cmdUUID        macho.LoadCmd = 0x1b
	cmdSignature   macho.LoadCmd = 0x1d
	cmdDyldInfo    macho.LoadCmd = 0x80000022
	cmdFunctions   macho.LoadCmd = 0x26
	cmdMain        macho.LoadCmd = 0x80000028
	cmdDataInCode  macho.LoadCmd = 0x29
	cmdSource      macho.LoadCmd = 0x2a
	cmdBuild       macho.LoadCmd = 0x32
	cmdExportsTrie macho.LoadCmd = 0x80000033
	cmdFixups      macho.LoadCmd = 0x80000034
)

// open takes a universal file, or one for a single architecture, apart.
func open(content []byte) ([]*image, error) {
	fat, err := macho.NewFatFile(bytes.NewReader(content))
	if err != nil {
		one, thinErr := macho.NewFile(bytes.NewReader(content))
		if thinErr != nil {
			return nil, fmt.Errorf("it is no Mach-O: %w", err)
		}
		i, err := newImage(one, content)
		return []*image{i}, err
	}
	var found []*image
	for _, a := range fat.Arches {
		if uint64(a.Offset)+uint64(a.Size) > uint64(len(content)) {
			return nil, fmt.Errorf("the part for %v reaches beyond the file", a.Cpu)
		}
		i, err := newImage(a.File, content[a.Offset:a.Offset+a.Size])
		if err != nil {
			return nil, err
		}
		found = append(found, i)
	}
	return found, nil
}

func newImage(f *macho.File, raw []byte) (*image, error) {
	names := map[macho.Cpu]string{macho.CpuArm64: "arm64", macho.CpuAmd64: "amd64"}
	i := &image{file: f, raw: raw, architecture: names[f.Cpu]}
	if i.architecture == "" || f.ByteOrder != binary.LittleEndian {
		return nil, fmt.Errorf("it has a part for %v: wanted are arm64 and x86_64", f.Cpu)
	}
	for _, l := range f.Loads {
		if err := i.command(l.Raw()); err != nil {
			return nil, err
		}
	}
	i.symbols()
	i.objects()
	i.build, i.buildErr = buildinfo.Read(bytes.NewReader(raw))
	return i, nil
}

// command takes one load command. debug/macho has looked at those it knows.
func (i *image) command(raw []byte) error {
	word := func(at int) uint32 {
		if at+4 > len(raw) {
			return 0
		}
		return binary.LittleEndian.Uint32(raw[at:])
	}
	cmd := macho.LoadCmd(word(0))
	i.commands = append(i.commands, cmd)
	var err error
	switch cmd {
	case macho.LoadCmdDylib:
		i.libraries = append(i.libraries, text(raw, word(8)))
	case cmdDylinker:
		i.linker = text(raw, word(8))
	case cmdUUID:
		i.uuid = fmt.Sprintf("%x", raw[min(8, len(raw)):])
	case cmdBuild:
		i.platform, i.minOS, i.sdk = word(8), dotted(word(12)), dotted(word(16))
	case cmdDyldInfo:
		i.exports, err = i.trie(word(40), word(44))
	case cmdExportsTrie:
		i.exports, err = i.trie(word(8), word(12))
	case cmdSignature:
		i.signature = i.signed(word(8), word(12))
	}
	return err
}

func (i *image) trie(offset, size uint32) ([]string, error) {
	part, ok := i.part(offset, size)
	if !ok {
		return nil, fmt.Errorf("the list of exports reaches beyond the file")
	}
	return exported(part)
}

func (i *image) part(offset, size uint32) ([]byte, bool) {
	end := uint64(offset) + uint64(size)
	if end > uint64(len(i.raw)) {
		return nil, false
	}
	return i.raw[offset:end], true
}

func text(raw []byte, at uint32) string {
	if uint64(at) >= uint64(len(raw)) {
		return ""
	}
	found, _, _ := bytes.Cut(raw[at:], []byte{0})
	return string(found)
}

// dotted is a version as load commands have it: xxxx.yy.zz.
func dotted(v uint32) string {
	out := fmt.Sprintf("%d.%d", v>>16, v>>8&0xff)
	if v&0xff != 0 {
		out += fmt.Sprintf(".%d", v&0xff)
	}
	return out
}

// Bits of a symbol (mach-o/nlist.h).
const (
	symbolDebug    = 0xe0
	symbolExternal = 0x01
	symbolKind     = 0x0e
	ordinalSelf    = 0x00
	ordinalMain    = 0xff // and 0xfe: whatever library has it
	ordinalFlat    = 0xfe
)

// symbols takes what is asked of libraries, each by the library it is asked of.
func (i *image) symbols() {
	if i.file.Symtab == nil {
		return
	}
	for _, s := range i.file.Symtab.Syms {
		if s.Type&symbolDebug != 0 || s.Type&symbolExternal == 0 || s.Type&symbolKind != 0 {
			continue
		}
		ordinal := int(s.Desc >> 8)
		if ordinal == ordinalSelf || ordinal == ordinalMain || ordinal == ordinalFlat || ordinal > len(i.libraries) {
			i.flat = append(i.flat, s.Name)
			continue
		}
		i.imports = append(i.imports, wanted{i.libraries[ordinal-1], s.Name})
	}
	slices.SortFunc(i.imports, func(a, b wanted) int {
		return strings.Compare(a.library+" "+a.symbol, b.library+" "+b.symbol)
	})
}

// signed says how the file is signed, from the flags of its code directory
// (bsd/kern/cs_blobs.h), which are big-endian.
func (i *image) signed(offset, size uint32) string {
	const magic, adHoc, hardened = 0xfade0c02, 0x2, 0x10000
	part, ok := i.part(offset, size)
	for at := 0; ok && at+16 <= len(part); at += 4 {
		if binary.BigEndian.Uint32(part[at:]) != magic {
			continue
		}
		flags, out := binary.BigEndian.Uint32(part[at+12:]), "by a certificate"
		if flags&adHoc != 0 {
			out = "ad hoc"
		}
		if flags&hardened != 0 {
			out += ", hardened runtime"
		}
		return out
	}
	return "unreadable"
}
