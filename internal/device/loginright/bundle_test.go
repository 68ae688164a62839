package loginright

import (
	"bytes"
	"context"
	"debug/macho"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// part is a small bundle of Mach-O for one processor.
func part(cpu macho.Cpu, fileType macho.Type, symbol string) []byte {
	var b bytes.Buffer
	word := func(v ...uint32) { _ = binary.Write(&b, binary.LittleEndian, v) }
	text := "\x00" + symbol + "\x00"
	const header, segment, symtab, one = 32, 72, 24, 16
	at := uint32(header + segment + symtab)
	word(macho.Magic64, uint32(cpu), 0, uint32(fileType), 2, segment+symtab, 0, 0)
	word(uint32(macho.LoadCmdSegment64), segment)
	b.WriteString("__TEXT\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	_ = binary.Write(&b, binary.LittleEndian, []uint64{0, 4096, 0, uint64(at) + one + uint64(len(text))})
	word(5, 5, 0, 0)
	word(uint32(macho.LoadCmdSymtab), symtab, at, 1, at+one, uint32(len(text)))
	word(1)
	b.Write([]byte{0x0f, 1, 0, 0}) // external, in a section
	word(0, 0)
	b.WriteString(text)
	return b.Bytes()
}

// universal is a file of those parts.
func universal(parts ...[]byte) []byte {
	var b bytes.Buffer
	word := func(v ...uint32) { _ = binary.Write(&b, binary.BigEndian, v) }
	word(macho.MagicFat, uint32(len(parts)))
	at := uint32(4096)
	for _, p := range parts {
		word(binary.LittleEndian.Uint32(p[4:]), 0, at, uint32(len(p)), 12)
		at += 4096
	}
	for i, p := range parts {
		b.Write(make([]byte, 4096*(i+1)-b.Len()))
		b.Write(p)
	}
	return b.Bytes()
}

// longer is a part that says that its segment has more bytes than are there.
func longer(p []byte) []byte {
	p = bytes.Clone(p)
	binary.LittleEndian.PutUint64(p[80:], uint64(len(p))+100)
	return p
}

func good() []byte {
	return universal(part(macho.CpuArm64, macho.TypeBundle, entryPoint), part(macho.CpuAmd64, macho.TypeBundle, entryPoint))
}

func both() []string { return []string{"arm64", "amd64"} }

func TestCodeThatMacOSWouldNotLoad(t *testing.T) {
	arm, intel := part(macho.CpuArm64, macho.TypeBundle, entryPoint), part(macho.CpuAmd64, macho.TypeBundle, entryPoint)
	for name, c := range map[string]struct {
		raw  []byte
		want string
	}{
		"as it is to be":       {good(), ""},
		"nothing":              {nil, "is no program for a Mac"},
		"text":                 {[]byte("#!/bin/sh\n"), "is no program for a Mac"},
		"for Apple's alone":    {arm, "has no part for amd64"},
		"for Intel's alone":    {universal(intel), "has no part for arm64"},
		"half copied":          {good()[:len(good())-20], "is not whole"},
		"half of one":          {arm[:len(arm)-10], "is not whole"},
		"a segment is missing": {universal(longer(arm), intel), "its segment __TEXT goes beyond its end (arm64)"},
		"a program":            {universal(part(macho.CpuArm64, macho.TypeExec, entryPoint), part(macho.CpuAmd64, macho.TypeExec, entryPoint)), "is no bundle"},
		"something else in it": {universal(arm, part(macho.CpuAmd64, macho.TypeBundle, "_main")), "has no _AuthorizationPluginCreate (amd64)"},
	} {
		if got := codeProblem(c.raw, both()); c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

type signed struct{ err error }

func (s signed) Check(context.Context, string) error { return s.err }

// installed is a bundle as it has to be, in a folder of the test's.
func installed(t *testing.T) Bundle {
	t.Helper()
	info, err := os.ReadFile("../../../packaging/darwin/Info.plist")
	if err != nil {
		t.Fatal(err)
	}
	above := t.TempDir()
	for _, folder := range []string{above, filepath.Dir(above)} {
		if err := os.Chmod(folder, 0o755); err != nil { // #nosec G302 -- as /Library is
			t.Fatal(err)
		}
	}
	dir := filepath.Join(above, BundleName)
	for _, folder := range []string{"", "Contents", "Contents/MacOS"} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range map[string][]byte{"Contents/Info.plist": info, "Contents/MacOS/Latchkey": good()} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return Bundle{Dir: dir, Owners: []uint32{0, uint32(os.Geteuid())}, Architectures: both(), Signature: signed{}}
}

func TestABundleThatIsNotAsItHasToBe(t *testing.T) {
	for name, c := range map[string]struct {
		breaks func(b *Bundle, at func(string) string) error
		want   string
	}{
		"as it is to be": {func(*Bundle, func(string) string) error { return nil }, ""},
		"missing":        {func(b *Bundle, _ func(string) string) error { return os.RemoveAll(b.Dir) }, "Latchkey.bundle is not there"},
		"no executable":  {func(_ *Bundle, at func(string) string) error { return os.Remove(at("Contents/MacOS/Latchkey")) }, "Contents/MacOS/Latchkey is not there"},
		"no Info.plist":  {func(_ *Bundle, at func(string) string) error { return os.Remove(at("Contents/Info.plist")) }, "Info.plist is not there"},
		"another's Info.plist": {func(_ *Bundle, at func(string) string) error {
			return os.WriteFile(at("Contents/Info.plist"), []byte(`<plist version="1.0"><dict><key>CFBundleExecutable</key><string>Other</string></dict></plist>`), 0o644)
		}, `has "Other" for CFBundleExecutable`},
		"half copied":                        {func(_ *Bundle, at func(string) string) error { return os.Truncate(at("Contents/MacOS/Latchkey"), 5000) }, "is not whole"},
		"user-writable":                      {func(_ *Bundle, at func(string) string) error { return os.Chmod(at("Contents/MacOS/Latchkey"), 0o666) }, "others than its owner can change it"},
		"a folder that a group may write to": {func(_ *Bundle, at func(string) string) error { return os.Chmod(at("Contents"), 0o775) }, "others than its owner can change it"},
		"a folder above":                     {func(b *Bundle, _ func(string) string) error { return os.Chmod(filepath.Dir(b.Dir), 0o777) }, "others than its owner can change it"},
		"for root's eyes alone":              {func(_ *Bundle, at func(string) string) error { return os.Chmod(at("Contents/MacOS/Latchkey"), 0o700) }, "the login window's user cannot read it"},
		"another owner":                      {func(b *Bundle, _ func(string) string) error { b.Owners = []uint32{12345}; return nil }, "does not belong to root"},
		"a link in place of a file": {func(_ *Bundle, at func(string) string) error {
			return errors.Join(os.Rename(at("Contents/MacOS/Latchkey"), at("Contents/MacOS/real")), os.Symlink("real", at("Contents/MacOS/Latchkey")))
		}, "is a link"},
		"a link in place of the bundle": {func(b *Bundle, _ func(string) string) error {
			return errors.Join(os.Rename(b.Dir, b.Dir+".real"), os.Symlink(b.Dir+".real", b.Dir))
		}, "is a link"},
		"unsigned": {func(b *Bundle, _ func(string) string) error { b.Signature = signed{ErrUnsigned}; return nil }, "not signed"},
	} {
		t.Run(name, func(t *testing.T) {
			b := installed(t)
			before, err := b.Look()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.breaks(&b, func(p string) string { return filepath.Join(b.Dir, p) }); err != nil {
				t.Fatal(err)
			}
			after, err := b.Look()
			if err == nil {
				err = b.Verify(t.Context())
			}
			if c.want == "" {
				if err != nil || after != before {
					t.Errorf("%v, %s then %s", err, before, after)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if after == before && c.want != "not signed" {
				t.Error("the fingerprint is as before")
			}
		})
	}
}

// tool is a program in the test's folder.
func tool(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tool")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755); err != nil { // #nosec G306 -- it is run
		t.Fatal(err)
	}
	return path
}

func TestCodesignsAnswers(t *testing.T) {
	const team, runtime = "echo TeamIdentifier=ABCDE12345 >&2\n", "echo 'CodeDirectory v=20500 size=1 flags=0x10000(runtime) hashes=1' >&2\n"
	for name, c := range map[string]struct {
		script string
		want   error
	}{
		"signed by the same team": {team + runtime, nil},
		"latchkeyd is not signed": {"echo 'code object is not signed at all' >&2\nexit 1", ErrNoTeam},
		"signed ad hoc":           {"echo TeamIdentifier=not set >&2\n" + runtime, ErrNoTeam},
		"a team that is none":     {`echo 'TeamIdentifier=A" or anchor apple' >&2` + "\n" + runtime, ErrNoTeam},
		"by somebody else":        {team + runtime + `[ "$1" != --verify ] || exit 3`, ErrUnsigned},
		"without the runtime":     {team + "echo 'CodeDirectory v=20500 size=1 flags=0x0(none) hashes=1' >&2\n", ErrNotRuntime},
		"prints something new":    {team + "echo 'CodeDirectory: version 3' >&2\n", ErrNotRuntime},
	} {
		if err := (Codesign{Path: tool(t, c.script), Own: "/own"}).Check(t.Context(), "/bundle"); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestAuthdIsAskedOfItsOwnRightsAlone(t *testing.T) {
	record := filepath.Join(t.TempDir(), "record")
	a := Authd{Path: tool(t, `echo "$@" >> '`+record+`'; cat > /dev/null; echo out; echo 'NO (-60005)' >&2; [ "$1" != authorize ] || exit 1`)}
	for _, err := range []error{
		a.Write(t.Context(), "system.preferences", nil), a.Remove(t.Context(), Console), a.Evaluate(t.Context(), Console),
		func() error { _, err := a.Read(t.Context(), "--help"); return err }(),
	} {
		if err == nil {
			t.Error("it was done")
		}
	}
	if raw, err := os.ReadFile(record); err == nil {
		t.Errorf("it was asked %s", raw)
	}
	if out, err := a.Read(t.Context(), Console); err != nil || string(out) != "out\n" {
		t.Errorf("%q, %v", out, err)
	}
	if err := a.Evaluate(t.Context(), RehearsalRight); !errors.Is(err, ErrDenied) {
		t.Error(err)
	}
	fails := Authd{Path: tool(t, "echo 'NO (-60008)' >&2; exit 1")}
	if err := fails.Evaluate(t.Context(), RehearsalRight); err == nil || errors.Is(err, ErrDenied) {
		t.Error(err)
	}
}

func TestOnlyOneEditsAtATime(t *testing.T) {
	lock := FileLock(filepath.Join(t.TempDir(), LockName), PatienceOfPeople)
	unlock, err := lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := lock(short); !errors.Is(err, ErrLocked) {
		t.Errorf("two at a time: %v", err)
	}
	unlock()
	unlock, err = lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}

func FuzzCode(f *testing.F) {
	f.Add(good())
	f.Add(part(macho.CpuArm64, macho.TypeBundle, entryPoint))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if codeProblem(raw, both()) == "" && !bytes.Contains(raw, []byte(entryPoint)) {
			t.Error("it is taken for a plug-in, and has no entry point")
		}
	})
}

func FuzzInfo(f *testing.F) {
	raw, err := os.ReadFile("../../../packaging/darwin/Info.plist")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if infoProblem(raw) == "" && !bytes.HasPrefix(raw, []byte("bplist")) && !bytes.Contains(raw, []byte("CFBundle")) {
			t.Error("it is taken for ours")
		}
	})
}

func FuzzSignature(f *testing.F) {
	f.Add([]byte("Executable=/x\nTeamIdentifier=ABCDE12345\nCodeDirectory v=20500 size=1 flags=0x10000(runtime) hashes=1\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		team := teamIn(raw)
		if strings.ContainsFunc(team, func(r rune) bool { return (r < '0' || r > '9') && (r < 'A' || r > 'Z') }) || team != "" && len(team) != 10 {
			t.Errorf("the team %q", team)
		}
		runtimeIn(raw)
	})
}
