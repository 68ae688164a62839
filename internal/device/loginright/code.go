package loginright

import (
	"bytes"
	"debug/macho"
	"fmt"
	"slices"
	"strings"
)

// entryPoint is what authd's helper looks for in the plug-in.
const entryPoint = "_AuthorizationPluginCreate"

// architectures are the parts of a universal file that we know.
func architectures() map[macho.Cpu]string {
	return map[macho.Cpu]string{macho.CpuArm64: "arm64", macho.CpuAmd64: "amd64"}
}

// checkCode holds what the program in the bundle has to be for macOS to load
// it: whole, a bundle, with the entry point, in each of the architectures.
// *BundleError.
func checkCode(path string, wanted []string) error {
	raw, err := readUpTo(path, maxCode)
	if err != nil {
		return err
	}
	if problem := codeProblem(raw, wanted); problem != "" {
		return &BundleError{path, problem}
	}
	return nil
}

// codeProblem is what is wrong with the program, or "".
func codeProblem(raw []byte, wanted []string) string {
	parts, err := macho.NewFatFile(bytes.NewReader(raw))
	if err != nil {
		return oneOnly(raw, wanted)
	}
	defer func() { _ = parts.Close() }() // it holds nothing but memory
	var have []string
	for _, a := range parts.Arches {
		name := architectures()[a.Cpu]
		if uint64(a.Offset)+uint64(a.Size) > uint64(len(raw)) {
			return "is not whole: its part for " + name + " goes beyond its end"
		}
		if problem := partProblem(a.File, uint64(a.Size)); problem != "" {
			return strings.TrimSpace(problem + " (" + name + ")")
		}
		have = append(have, name)
	}
	return lacking(have, wanted)
}

// oneOnly is the problem of a file that is not universal.
func oneOnly(raw []byte, wanted []string) string {
	f, err := macho.NewFile(bytes.NewReader(raw))
	if err != nil {
		return "is no program for a Mac, or is not whole"
	}
	defer func() { _ = f.Close() }()
	if problem := partProblem(f, uint64(len(raw))); problem != "" {
		return problem
	}
	return lacking([]string{architectures()[f.Cpu]}, wanted)
}

func lacking(have, wanted []string) string {
	for _, w := range wanted {
		if !slices.Contains(have, w) {
			return fmt.Sprintf("has no part for %s: the login window's process of such a Mac cannot load it", w)
		}
	}
	return ""
}

func partProblem(f *macho.File, size uint64) string {
	if f.Type != macho.TypeBundle {
		return "is no bundle that can be loaded"
	}
	for _, l := range f.Loads {
		if s, ok := l.(*macho.Segment); ok && (s.Offset > size || s.Filesz > size-s.Offset) {
			return "is not whole: its segment " + s.Name + " goes beyond its end"
		}
	}
	const external, section, kind = 0x01, 0x0e, 0x0e // mach-o/nlist.h
	if f.Symtab != nil && slices.ContainsFunc(f.Symtab.Syms, func(s macho.Symbol) bool {
		return s.Name == entryPoint && s.Type&external != 0 && s.Type&kind == section
	}) {
		return ""
	}
	return "has no " + entryPoint
}
