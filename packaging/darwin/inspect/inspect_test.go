package main

import (
	"debug/buildinfo"
	"debug/macho"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
)

// TestTheBundle builds the plug-in as it ships, for one architecture, and finds
// nothing in it that is not meant to be there. Then it is spoiled, once for each
// rule, and the rule's name is in what is said.
func TestTheBundle(t *testing.T) {
	needTools(t)
	folder := t.TempDir()
	build(t, root, folder)
	said, code := inspect(folder)
	if code != 0 || !strings.Contains(said, "exports: _AuthorizationPluginCreate\n") || !strings.Contains(said, "macOS 12.0 and later") {
		t.Fatalf("exit code %d of what was just built:\n%s", code, said)
	}
	t.Run("spoiled", func(t *testing.T) { spoiled(t, folder) })
	t.Run("asked for more", func(t *testing.T) { asked(t, folder) })
	t.Run("again, elsewhere", func(t *testing.T) { sameElsewhere(t, folder) })
	t.Run("folders of a machine", func(t *testing.T) {
		content, err := os.ReadFile(filepath.Join(folder, program))
		if err != nil {
			t.Fatal(err)
		}
		if found := textSurprises(append(content, "/home/somebody/x.go"...), bundleKind(), []string{"/home/"}, version); len(found) != 1 {
			t.Errorf("found: %q", found)
		}
		if found := textSurprises(content, kind{version: true}, nil, "99.98.97"); len(found) != 1 {
			t.Errorf("a version that is not there: %q", found)
		}
	})
}

func spoiled(t *testing.T, folder string) {
	const appKit = "/System/Library/Frameworks/AppKit.framework/Versions/C/AppKit"
	tests := []struct {
		name   string
		spoil  func([]byte) []byte
		wanted string
	}{
		{"a library of the bundle's own", replaced(appKit, "@rpath/AppKit"), "it needs the library @rpath/AppKit"},
		{"a library beside it", replaced(appKit, "@loader_path/AppKit"), "it needs the library @loader_path/AppKit"},
		{"a library that nobody named", replaced(appKit, "/usr/lib/libcurl.4.dylib"), "it needs the library /usr/lib/libcurl.4.dylib"},
		{"a search path", command(macho.LoadCmdRpath), "load command 0x8000001c"},
		{"a symbol that no stub lists", replaced("_objc_alloc_init\x00", "_objc_allow_init\x00"), "it uses _objc_allow_init of libobjc.A.dylib"},
		{"a symbol of any library", ordinal("_objc_alloc_init", 0xfe), "it takes _objc_alloc_init from whatever library has it"},
		{"another export", replaced("_AuthorizationPluginCreate\x00", "_AuthorizationPluginDelete\x00"), `it exports ["_AuthorizationPluginDelete"]`},
		{"a class by somebody else's name", replaced("\x00LatchkeyButton\x00", "\x00CorporateButton"), `Objective-C class "CorporateButton`},
		{"a class that runs by itself", replaced("__objc_catlist\x00\x00", "__objc_nlcatlist"), "1 of its classes run code when it is loaded"},
		{"a class of the system changed", foreign, `category "Focus" changes a class that is not ours`},
		{"a start that is missing", starts, "0 functions run when it is loaded: wanted are 1"},
		{"a later macOS", minimum(13 << 16), "it is for macOS 13.0 and later"},
		{"a stack that runs", header(24, 0x20000), "its stack can be executed"},
		{"imports by name alone", header(24, 0x100), "its imports do not name their libraries"},
		{"memory to write and run", header(32+60, 7), "segment __TEXT can be written and executed"},
		{"a program", func(b []byte) []byte { binary.LittleEndian.PutUint32(b[thin(b)+12:], 2); return b }, "it is a Exec: wanted is a Bundle"},
		{"other settings of Go", replaced("-trimpath=true", "-trimpath=nope"), "it was built with -trimpath=nope"},
		{"another package", replaced("path\tgithub.com/latchkey-mfa/latchkey/plugin\n", "path\tgithub.com/latchkey-mfa/latchkey/plugim\n"), "latchkey/plugim"},
		{"nothing", func([]byte) []byte { return nil }, "it is no Mach-O"},
		{"half of it", func(b []byte) []byte { return b[:len(b)/2] }, "it is no Mach-O"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			said, code := inspect(copyOf(t, folder, tt.spoil))
			if code != exitSurprise || !strings.Contains(said, "surprise: Latchkey.bundle") || !strings.Contains(said, tt.wanted) {
				t.Errorf("exit code %d without %q:\n%s", code, tt.wanted, said)
			}
		})
	}
}

// asked are things that are wanted, and that a bundle for one architecture, which
// is not signed, has not.
func asked(t *testing.T, folder string) {
	tests := []struct {
		more   []string
		wanted string
	}{
		{[]string{"-archs", "arm64 amd64"}, `it is for ["arm64"]: wanted are ["amd64" "arm64"]`},
		{[]string{"-signed"}, `signature: "ad hoc": wanted is "by a certificate, hardened runtime"`},
		{[]string{"-version", "1.2.4"}, `LatchkeyVersion "` + version + `": wanted is "1.2.4"`},
		{[]string{"-programs", "latchkeyd"}, "surprise: latchkeyd: read what was built"},
	}
	for _, tt := range tests {
		if said, code := inspect(folder, tt.more...); code != exitSurprise || !strings.Contains(said, tt.wanted) {
			t.Errorf("%q: exit code %d without %q:\n%s", tt.more, code, tt.wanted, said)
		}
	}
	other := copyOf(t, folder, func(b []byte) []byte { return b })
	if err := os.WriteFile(filepath.Join(other, "Latchkey.bundle/Contents/notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if said, code := inspect(other); code != exitSurprise || !strings.Contains(said, `"Contents/notes.txt"]`) {
		t.Errorf("a further file: exit code %d:\n%s", code, said)
	}
}

// sameElsewhere builds from a copy in another folder: to the byte the same.
func sameElsewhere(t *testing.T, folder string) {
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	list := exec.Command("git", "ls-files", "-z", "go.mod", "go.sum", "internal", "plugin", "packaging/darwin")
	list.Dir = root
	names, err := list.Output()
	if err != nil {
		t.Skipf("this is no checkout of git: %v", err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		copyFile(t, filepath.Join(root, name), filepath.Join(elsewhere, name))
	}
	out := t.TempDir()
	build(t, elsewhere, out)
	for _, name := range []string{program, "Latchkey.bundle/Contents/Info.plist", "Latchkey.bundle/Contents/PkgInfo"} {
		one, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		two, err := os.ReadFile(filepath.Join(out, name))
		if err != nil || string(one) != string(two) {
			t.Errorf("%s is another when it is built elsewhere (%v)", name, err)
		}
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if os.IsNotExist(err) {
		return // taken out, and not committed yet
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, content, 0o700); err != nil {
		t.Fatal(err)
	}
}

// thin is where the one architecture of a universal file begins.
func thin(b []byte) int {
	return int(binary.BigEndian.Uint32(b[8+8:]))
}

// header sets bits in a word of it, or of what follows.
func header(at int, bits uint32) func([]byte) []byte {
	return func(b []byte) []byte {
		at := thin(b) + at
		binary.LittleEndian.PutUint32(b[at:], binary.LittleEndian.Uint32(b[at:])|bits)
		return b
	}
}

// each calls with every load command.
func each(b []byte, see func(cmd macho.LoadCmd, raw []byte)) {
	from := thin(b)
	at := from + 32
	for range binary.LittleEndian.Uint32(b[from+16:]) {
		size := int(binary.LittleEndian.Uint32(b[at+4:]))
		see(macho.LoadCmd(binary.LittleEndian.Uint32(b[at:])), b[at:at+size])
		at += size
	}
}

// command makes another one of that which lists the starts of functions.
func command(other macho.LoadCmd) func([]byte) []byte {
	return func(b []byte) []byte {
		each(b, func(cmd macho.LoadCmd, raw []byte) {
			if cmd == cmdFunctions {
				binary.LittleEndian.PutUint32(raw, uint32(other))
				binary.LittleEndian.PutUint32(raw[8:], 12)
			}
		})
		return b
	}
}

// foreign has the first category be one of a class that is elsewhere.
func foreign(b []byte) []byte {
	images, err := open(b)
	if err != nil {
		panic(err)
	}
	i := images[0]
	binary.LittleEndian.PutUint64(i.at(i.pointers("__objc_catlist")[0]+categoryClass), 0)
	return b
}

// starts makes the list of what runs at the load a list of nothing in particular.
func starts(b []byte) []byte {
	each(b, func(cmd macho.LoadCmd, raw []byte) {
		if cmd != macho.LoadCmdSegment64 {
			return
		}
		for at := 72; at+80 <= len(raw); at += 80 {
			if text(raw[at:], 0) == "__mod_init_func" {
				binary.LittleEndian.PutUint32(raw[at+64:], 0)
			}
		}
	})
	return b
}

// TestTheKeychainIsIn: a daemon that was built without cgo has another way to its
// key than the one that was decided on.
func TestTheKeychainIsIn(t *testing.T) {
	const library = "github.com/keybase/go-keychain"
	i := &image{build: &buildinfo.BuildInfo{Path: modulePrefix + "cmd/latchkeyd"}}
	missing := func() bool {
		return strings.Contains(strings.Join(i.buildSurprises(programKind("latchkeyd")), "\n"), "the library "+library+" is not in it")
	}
	if !missing() {
		t.Error("a daemon without it was taken")
	}
	i.build.Deps = []*debug.Module{{Path: library}}
	if missing() {
		t.Error("a daemon with it was refused")
	}
}

func minimum(version uint32) func([]byte) []byte {
	return func(b []byte) []byte {
		each(b, func(cmd macho.LoadCmd, raw []byte) {
			if cmd == cmdBuild {
				binary.LittleEndian.PutUint32(raw[12:], version)
			}
		})
		return b
	}
}

// ordinal says that a symbol comes from another library.
func ordinal(symbol string, library uint8) func([]byte) []byte {
	return func(b []byte) []byte {
		each(b, func(cmd macho.LoadCmd, raw []byte) {
			if cmd != macho.LoadCmdSymtab {
				return
			}
			word := func(at int) int { return int(binary.LittleEndian.Uint32(raw[at:])) }
			for n := range word(12) {
				entry := b[thin(b)+word(8)+16*n:]
				if text(b[thin(b)+word(16):], binary.LittleEndian.Uint32(entry)) == symbol {
					entry[7] = library
				}
			}
		})
		return b
	}
}

// TestThePrograms links what a change of theirs may have brought along: a call
// of the system that no stub lists fails here, and not on somebody's Mac.
func TestThePrograms(t *testing.T) {
	needTools(t)
	out := t.TempDir()
	build(t, root, out, "latchkeyd", "latchkey")
	if said, code := inspect(out, "-programs", "latchkeyd latchkey"); code != 0 || !strings.Contains(said, "no surprise") {
		t.Errorf("it ended with %d\n%s", code, said)
	}
}
