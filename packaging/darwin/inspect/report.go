package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/plist"
)

// inspection is one look at a folder.
type inspection struct {
	known         imports
	version       string
	architectures []string
	signed        bool
	places        []string
	out           io.Writer
	surprises     []string
	used          map[string]bool // symbols of other libraries
}

func (i *inspection) surprise(format string, args ...any) {
	i.surprises = append(i.surprises, fmt.Sprintf(format, args...))
}

func (i *inspection) print(format string, args ...any) {
	_, _ = fmt.Fprintf(i.out, format+"\n", args...)
}

// folder looks at the bundle and the programs in it.
func (i *inspection) folder(folder string, programs []string) {
	bundle := filepath.Join(folder, "Latchkey.bundle")
	i.bundle(bundle)
	i.machO(filepath.Join(bundle, "Contents", "MacOS", "Latchkey"), "Latchkey.bundle", bundleKind())
	for _, name := range programs {
		i.machO(filepath.Join(folder, name), name, programKind(name))
	}
}

// unused are the symbols that stubs list for nothing. That is no surprise: other
// compilers ask for other ones.
func (i *inspection) unused() {
	var names []string
	for key, symbols := range i.known {
		library, _, _ := strings.Cut(key, " ")
		for s := range symbols {
			if library == "" && !i.used[s] && !strings.HasPrefix(s, "_OBJC_METACLASS_") && !slices.Contains(names, s) {
				names = append(names, s)
			}
		}
	}
	slices.Sort(names)
	for _, name := range names {
		i.print("listed in a stub, and used by nothing: %s", name)
	}
}

// machO reports on one file, for each architecture.
func (i *inspection) machO(file, name string, k kind) {
	content, err := readFile(file)
	if err != nil {
		i.surprise("%s: %v", name, err)
		return
	}
	images, err := open(content)
	if err != nil {
		i.surprise("%s: %v", name, err)
		return
	}
	i.print("\n%s  %d bytes  sha256 %x", name, len(content), sha256.Sum256(content))
	var have []string
	for _, image := range images {
		have = append(have, image.architecture)
		i.image(image)
		for _, w := range image.imports {
			i.used[w.symbol] = true
		}
		for _, s := range image.surprises(k, i.known) {
			i.surprise("%s (%s): %s", name, image.architecture, s)
		}
		if signed := "by a certificate, hardened runtime"; i.signed && image.signature != signed {
			i.surprise("%s (%s): signature: %q: wanted is %q", name, image.architecture, image.signature, signed)
		}
	}
	if want := slices.Sorted(slices.Values(i.architectures)); !slices.Equal(slices.Sorted(slices.Values(have)), want) {
		i.surprise("%s: it is for %q: wanted are %q", name, have, want)
	}
	for _, s := range textSurprises(content, k, i.places, i.version) {
		i.surprise("%s: %s", name, s)
	}
}

func (i *inspection) image(m *image) {
	signature := m.signature
	if signature == "" {
		signature = "none"
	}
	i.print("  %s  %v, macOS %s and later (SDK %s), UUID %s, signature: %s", m.architecture, m.file.Type, m.minOS, m.sdk, m.uuid, signature)
	i.print("    exports: %s", strings.Join(m.exports, " "))
	for _, l := range m.libraries {
		var symbols []string
		for _, w := range m.imports {
			if w.library == l {
				symbols = append(symbols, w.symbol)
			}
		}
		i.print("    %s: %d symbols", l, len(symbols))
	}
	if len(m.classes) > 0 {
		i.print("    classes: %s; categories: %d", strings.Join(m.classes, " "), len(m.categories))
	}
	if m.build != nil {
		i.print("    %s, %s, %d modules", m.build.GoVersion, strings.TrimPrefix(m.build.Path, modulePrefix), len(m.build.Deps))
	}
}

// bundle looks at what is in the bundle beside the program.
func (i *inspection) bundle(bundle string) {
	wanted := []string{"Contents/Info.plist", "Contents/MacOS/Latchkey", "Contents/PkgInfo"}
	var have []string
	err := filepath.WalkDir(bundle, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			inside, _ := filepath.Rel(bundle, path)
			have = append(have, filepath.ToSlash(inside))
			if !entry.Type().IsRegular() {
				i.surprise("Latchkey.bundle: %s is no plain file", inside)
			}
		}
		return err
	})
	if err != nil {
		i.surprise("Latchkey.bundle: %v", err)
		return
	}
	if i.signed {
		wanted = append(wanted, "Contents/_CodeSignature/CodeResources")
	}
	if !slices.Equal(have, wanted) {
		i.surprise("Latchkey.bundle: it holds %q: wanted are %q", have, wanted)
	}
	i.information(filepath.Join(bundle, "Contents"))
}

// information looks at Info.plist and PkgInfo.
func (i *inspection) information(contents string) {
	if kind, err := readFile(filepath.Join(contents, "PkgInfo")); err != nil || string(kind) != "BNDL????" {
		i.surprise("Latchkey.bundle: PkgInfo is %q (%v): wanted is \"BNDL????\"", kind, err)
	}
	content, err := readFile(filepath.Join(contents, "Info.plist"))
	if err != nil {
		i.surprise("Latchkey.bundle: %v", err)
		return
	}
	document, err := plist.Parse(content)
	if err != nil {
		i.surprise("Latchkey.bundle: Info.plist: %v", err)
		return
	}
	numbers, _, _ := strings.Cut(i.version, "-")
	wanted := [][2]string{{"CFBundleExecutable", "Latchkey"}, {"CFBundleIdentifier", "dev.latchkey.plugin"}, {"CFBundlePackageType", "BNDL"},
		{"LSMinimumSystemVersion", oldest}, {"CFBundleShortVersionString", numbers}, {"CFBundleVersion", numbers}, {"LatchkeyVersion", i.version}}
	for _, w := range wanted {
		if have, _ := document.Root.Get(w[0]); have.Value.Text != w[1] {
			i.surprise("Latchkey.bundle: Info.plist has %s %q: wanted is %q", w[0], have.Value.Text, w[1])
		}
	}
}
