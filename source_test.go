package latchkey

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// The size that a file and a function may have, in lines.
const (
	maxFile     = 400
	maxFunction = 80
)

// source is one Go file of the repository.
type source struct {
	path  string // slash-separated, below the root
	lines int
	files *token.FileSet
	ast   *ast.File
}

func (s source) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", s.path, s.files.Position(n.Pos()).Line)
}

func (s source) test() bool { return strings.HasSuffix(s.path, "_test.go") }

// sources are all Go files below a root, for whatever system and build tag.
func sources(t *testing.T, root fs.FS) []source {
	t.Helper()
	var found []source
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && ours(name):
			return nil
		case entry.IsDir():
			return fs.SkipDir
		case path.Ext(name) != ".go":
			return nil
		}
		raw, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		s := source{path: name, lines: lines(raw), files: token.NewFileSet()}
		s.ast, err = parser.ParseFile(s.files, name, raw, parser.ParseComments)
		found = append(found, s)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// osRoot is the repository: a test runs in its package's folder.
func osRoot() fs.FS { return os.DirFS(".") }

// ours: a folder that holds what was written here, and by hand.
func ours(name string) bool {
	base := path.Base(name)
	return name == "." || !strings.HasPrefix(base, ".") && !slices.Contains([]string{"bin", "dist", "testdata"}, base)
}

func lines(raw []byte) int {
	n := strings.Count(string(raw), "\n")
	if len(raw) > 0 && raw[len(raw)-1] != '\n' {
		n++
	}
	return n
}

// rule finds in one file what must not be there, as "file:line: what; do".
type rule func(source) []string

func rules() map[string]rule {
	return map[string]rule{
		"file size":     fileSize,
		"function size": functionSize,
		"init":          noInit,
		"package name":  packageName,
		"system":        noSystemBranch,
		"state":         noState,
		"comment":       documented,
		"context":       contextFirst,
		"left over":     nothingLeft,
	}
}

func fileSize(s source) []string {
	if s.lines <= maxFile {
		return nil
	}
	return []string{fmt.Sprintf("%s:%d: the file has %d lines, at most %d: put one of its subjects into a file of its own", s.path, maxFile+1, s.lines, maxFile)}
}

func functionSize(s source) (broken []string) {
	for _, d := range s.ast.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		if n := s.files.Position(f.End()).Line - s.files.Position(f.Pos()).Line + 1; n > maxFunction {
			broken = append(broken, fmt.Sprintf("%s: %s has %d lines, at most %d: name its steps", s.at(f), f.Name.Name, n, maxFunction))
		}
	}
	return broken
}

func noInit(s source) (broken []string) {
	for _, d := range s.ast.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
			broken = append(broken, s.at(f)+": init runs before anyone can choose, or see its error: call it from where it is needed")
		}
	}
	return broken
}

func packageName(s source) []string {
	name := strings.TrimSuffix(s.ast.Name.Name, "_test")
	if slices.Contains([]string{"util", "utils", "common", "helper", "helpers", "types", "misc", "shared", "base", "lib"}, name) {
		return []string{s.at(s.ast.Name) + ": a package is named for what it knows, not " + name}
	}
	return nil
}

func noSystemBranch(s source) (broken []string) {
	ast.Inspect(s.ast, func(n ast.Node) bool {
		var decides []ast.Expr
		switch n := n.(type) {
		case *ast.BinaryExpr:
			decides = []ast.Expr{n.X, n.Y}
		case *ast.SwitchStmt:
			decides = []ast.Expr{n.Tag}
		case *ast.IndexExpr:
			decides = []ast.Expr{n.Index}
		}
		if slices.ContainsFunc(decides, func(e ast.Expr) bool { return named(e, "runtime", "GOOS") }) {
			broken = append(broken, s.at(n)+": no branch by system: put each system's part into a file _darwin.go, _linux.go or _stub.go")
		}
		return true
	})
	return broken
}

// named: an expression is pkg.name.
func named(e ast.Expr, pkg, name string) bool {
	sel, ok := e.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != name {
		return false
	}
	x, ok := sel.X.(*ast.Ident)
	return ok && x.Name == pkg
}

// TestHouseRules goes through every Go file of the repository.
func TestHouseRules(t *testing.T) {
	all := sources(t, osRoot())
	if len(all) < 300 {
		t.Errorf("only %d files were looked at", len(all))
	}
	for name, broken := range rules() {
		for _, s := range all {
			for _, finding := range broken(s) {
				t.Errorf("%s [%s]", finding, name)
			}
		}
	}
}

// TestOtherCodeIsShort: C and scripts are read by people as well.
func TestOtherCodeIsShort(t *testing.T) {
	err := fs.WalkDir(osRoot(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			if err == nil && !ours(name) && name != ".ci" {
				return fs.SkipDir
			}
			return err
		}
		if !slices.Contains([]string{".c", ".h", ".m", ".sh"}, path.Ext(name)) && path.Dir(name) != ".ci" {
			return nil
		}
		raw, err := os.ReadFile(name)
		if n := lines(raw); n > maxFile {
			t.Errorf("%s:%d: the file has %d lines, at most %d", name, maxFile+1, n, maxFile)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestTheRulesFind: each rule is broken once, so that none of them sleeps.
func TestTheRulesFind(t *testing.T) {
	long := strings.Repeat("\t_ = 1\n", maxFunction)
	for name, c := range map[string]struct{ code, at string }{
		"file size":     {"package a\n" + strings.Repeat("//\n", maxFile), "a.go:401: the file has 401 lines"},
		"function size": {"package a\n\nfunc (x T) Long() {\n" + long + "}\n", "a.go:3: Long has 82 lines"},
		"init":          {"package a\n\nfunc init() {}\n", "a.go:3: init"},
		"package name":  {"package util\n", "a.go:1: a package is named"},
		"system":        {"package a\n\nimport \"runtime\"\n\nconst mac = runtime.GOOS == \"darwin\"\n", "a.go:5: no branch"},
		"state":         {"package a\n\nvar count int\n", "a.go:3: count"},
		"comment":       {"package a\n\n// T is.\ntype T int\n\nfunc (t T) Do() {}\n", "a.go:6: Do has no comment"},
		"context":       {"package a\n\nfunc f(n int, ctx context.Context) {}\n", "a.go:3: the context"},
		"left over":     {"package a\n\n// TO" + "DO\n", "a.go:3: do it"},
	} {
		t.Run(name, func(t *testing.T) {
			broken := rules()[name](sources(t, fstest.MapFS{"a.go": {Data: []byte(c.code)}})[0])
			if len(broken) != 1 || !strings.HasPrefix(broken[0], c.at) {
				t.Errorf("found %q, want %q", broken, c.at)
			}
			good := "package a\n\nfunc (x T) init() {}\n\n// Short is.\nfunc Short(ctx context.Context) {\n" + strings.Repeat("\t_ = 1\n", maxFunction-2) + "}\n"
			if broken := rules()[name](sources(t, fstest.MapFS{"a.go": {Data: []byte(good)}})[0]); len(broken) != 0 {
				t.Errorf("a good file: %q", broken)
			}
		})
	}
	if len(rules()) != 9 {
		t.Error("a rule has no case here")
	}
}
