package main

import (
	"bytes"
	"debug/macho"
	"fmt"
	"maps"
	"path"
	"runtime/debug"
	"slices"
	"strings"
)

// oldest is the first macOS that runs it.
const oldest = "12.0"

// kind is what a file is to be.
type kind struct {
	fileType macho.Type
	pack     string   // the package that Go says it is
	exports  []string // all of them
	linker   string
	starts   int    // what may run when it is loaded: the start of Go's runtime in a library
	version  bool   // the version stands in it
	module   string // a library that has to be in it
}

func bundleKind() kind {
	return kind{fileType: macho.TypeBundle, pack: "plugin", exports: []string{"_AuthorizationPluginCreate"}, starts: 1}
}

func programKind(name string) kind {
	k := kind{fileType: macho.TypeExec, pack: "cmd/" + name, exports: []string{"__mh_execute_header"}, linker: "/usr/lib/dyld", version: true}
	if name == "latchkeyd" {
		k.module = "github.com/keybase/go-keychain" // which a build without cgo leaves out
	}
	return k
}

// allowedCommands are the load commands that are known to do no harm. Not among
// them: another place to look for libraries (LC_RPATH), libraries that may be
// missing or that are passed on, and settings for the linker.
func allowedCommands() []macho.LoadCmd {
	return []macho.LoadCmd{macho.LoadCmdSegment64, macho.LoadCmdSymtab, macho.LoadCmdDysymtab, macho.LoadCmdDylib, cmdDylinker, cmdUUID, cmdSignature,
		cmdDyldInfo, cmdFunctions, cmdMain, cmdDataInCode, cmdSource, cmdBuild, cmdExportsTrie, cmdFixups}
}

// Flags of a file (mach-o/loader.h).
const (
	twoLevels    = 0x80     // each import names its library
	flatNames    = 0x100    // MH_FORCE_FLAT
	stackRuns    = 0x20000  // MH_ALLOW_STACK_EXECUTION
	anywhere     = 0x200000 // MH_PIE
	writable     = 2
	executable   = 4
	ourClasses   = "Latchkey"
	platformMac  = 1
	modulePrefix = "github.com/latchkey-mfa/latchkey/"
)

// surprises are what an image has that it must not have, or lacks.
func (i *image) surprises(k kind, known imports) (found []string) {
	say := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	if i.file.Type != k.fileType {
		say("it is a %v: wanted is a %v", i.file.Type, k.fileType)
	}
	for _, c := range i.commands {
		if !slices.Contains(allowedCommands(), c) {
			say("load command 0x%x: none of the known ones", uint32(c))
		}
	}
	if i.platform != platformMac || i.minOS != oldest {
		say("it is for macOS %s and later (platform %d): wanted is %s", i.minOS, i.platform, oldest)
	}
	if i.linker != k.linker {
		say("it is started by %q: wanted is %q", i.linker, k.linker)
	}
	if strings.Trim(i.uuid, "0") == "" {
		say("it has no UUID, by which crash reports are told apart")
	}
	if !slices.Equal(i.exports, k.exports) {
		say("it exports %q: wanted is %q and nothing else", i.exports, k.exports)
	}
	return slices.Concat(found, i.memorySurprises(), i.importSurprises(known), i.objectSurprises(k), i.buildSurprises(k))
}

func (i *image) memorySurprises() (found []string) {
	say := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	if i.file.Flags&stackRuns != 0 {
		say("its stack can be executed")
	}
	if i.file.Type == macho.TypeExec && i.file.Flags&anywhere == 0 {
		say("it is always at the same address (no MH_PIE)")
	}
	for _, l := range i.file.Loads {
		if s, ok := l.(*macho.Segment); ok && (s.Prot|s.Maxprot)&(writable|executable) == writable|executable {
			say("segment %s can be written and executed", s.Name)
		}
	}
	return found
}

func (i *image) importSurprises(known imports) (found []string) {
	say := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	if i.file.Flags&twoLevels == 0 || i.file.Flags&flatNames != 0 {
		say("its imports do not name their libraries")
	}
	for _, name := range i.flat {
		say("it takes %s from whatever library has it", name)
	}
	for _, l := range i.libraries {
		if known[l+" "+i.architecture] == nil {
			say("it needs the library %s: there is no stub of it", l)
		}
	}
	for _, w := range i.imports {
		if !known[" "+i.architecture][w.symbol] {
			say("it uses %s of %s: no stub lists it", w.symbol, path.Base(w.library))
		}
	}
	return found
}

func (i *image) objectSurprises(k kind) (found []string) {
	say := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	for _, c := range i.classes {
		if !strings.HasPrefix(c, ourClasses) {
			say("Objective-C class %q: in the host's process ours begin with %s", c, ourClasses)
		}
	}
	for _, c := range i.categories {
		if c.foreign {
			say("category %q changes a class that is not ours, for the whole host", c.name)
		}
	}
	if i.loads != 0 {
		say("%d of its classes run code when it is loaded (+load)", i.loads)
	}
	if i.starts != k.starts {
		say("%d functions run when it is loaded: wanted are %d", i.starts, k.starts)
	}
	return found
}

// buildSurprises are what Go says of the build.
func (i *image) buildSurprises(k kind) []string {
	if i.buildErr != nil {
		return []string{fmt.Sprintf("Go's account of the build cannot be read: %v", i.buildErr)}
	}
	var found []string
	say := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	if i.build.Path != modulePrefix+k.pack {
		say("it is the package %s: wanted is %s", i.build.Path, modulePrefix+k.pack)
	}
	if k.module != "" && !slices.ContainsFunc(i.build.Deps, func(m *debug.Module) bool { return m.Path == k.module }) {
		say("the library %s is not in it", k.module)
	}
	set := map[string]string{}
	for _, s := range i.build.Settings {
		set[s.Key] = s.Value
	}
	wanted := map[string]string{"-trimpath": "true", "CGO_ENABLED": "1", "GOOS": "darwin", "GOARCH": i.architecture}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if set[name] != wanted[name] {
			say("it was built with %s=%s: wanted is %s", name, set[name], wanted[name])
		}
	}
	for _, name := range []string{"-race", "-cover", "-gcflags", "-asmflags"} {
		if set[name] != "" {
			say("it was built with %s=%s: that does not ship", name, set[name])
		}
	}
	if set["-tags"] != "" {
		say("it was built with the tags %s: what ships has none", set["-tags"])
	}
	return found
}

// textSurprises are folders of the machine in a file, and a version that is not.
func textSurprises(content []byte, k kind, places []string, version string) (found []string) {
	for _, place := range places {
		if at := bytes.Index(content, []byte(place)); at >= 0 {
			around, _, _ := bytes.Cut(content[at:min(at+120, len(content))], []byte{0})
			found = append(found, fmt.Sprintf("it names a folder of the machine that built it: %q", around))
		}
	}
	if k.version && !bytes.Contains(content, []byte(version)) {
		found = append(found, fmt.Sprintf("the version %s is not in it", version))
	}
	return found
}
