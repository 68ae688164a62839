package macos

import (
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"strings"
	"testing"
)

// library is go-keychain and what it needs, from its source for a Mac with cgo.
// What C would say stays open: its names are taken as they are.
type librarySource struct {
	t      *testing.T
	files  *token.FileSet
	others types.Importer
	known  map[string]*types.Package
}

func (l librarySource) Import(path string) (*types.Package, error) {
	switch known := l.known[path]; {
	case known != nil:
		return known, nil
	case path != "github.com/keybase/go-keychain":
		return l.others.Import(path)
	}
	found, err := forAMac().Import(path, ".", 0)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, name := range append(found.GoFiles, found.CgoFiles...) {
		names = append(names, filepath.Join(found.Dir, name))
	}
	l.known[path] = l.check(path, names)
	return l.known[path], nil
}

func (l librarySource) check(path string, names []string) *types.Package {
	l.t.Helper()
	var parsed []*ast.File
	for _, name := range names {
		file, err := parser.ParseFile(l.files, name, nil, 0)
		if err != nil {
			l.t.Fatal(err)
		}
		parsed = append(parsed, file)
	}
	config := types.Config{FakeImportC: true, Importer: l, Error: func(err error) { l.t.Error(err) }}
	checked, _ := config.Check(path, l.files, parsed, nil) // its errors were told
	return checked
}

func forAMac() *build.Context {
	mac := build.Default
	mac.GOOS, mac.GOARCH, mac.CgoEnabled = "darwin", "arm64", true
	return &mac
}

// TestWithGoKeychain: no machine without Apple's headers compiles the file that
// uses go-keychain. Its types are checked here against the library's own source.
func TestWithGoKeychain(t *testing.T) {
	files := token.NewFileSet()
	own, err := forAMac().ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	if joined := strings.Join(own.GoFiles, " "); !strings.Contains(joined, "sealing_cgo_darwin.go") || strings.Contains(joined, "sealing_nocgo_darwin.go") {
		t.Fatalf("with cgo, the files are %s", joined)
	}
	before := build.Default
	t.Cleanup(func() { build.Default = before })
	build.Default.GOOS, build.Default.GOARCH, build.Default.CgoEnabled = "darwin", "arm64", false // of the other libraries
	l := librarySource{t, files, importer.ForCompiler(files, "source", nil), map[string]*types.Package{}}
	l.check("macos", own.GoFiles)
}
