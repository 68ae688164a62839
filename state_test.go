package latchkey

import (
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// stateful are the variables of packages that are no constant tables, each
// with its reason.
func stateful() map[string]string {
	return map[string]string{
		"cmd/latchkey/main.go version":                          "set by the linker",
		"cmd/latchkey-server/main.go version":                   "set by the linker",
		"cmd/latchkeyd/main.go version":                         "set by the linker",
		"internal/clock/clocktest/clocktest.go Start":           "a moment, which Go has no constants for",
		"internal/server/store/storetest/storetest.go migrated": "made once for a program of tests, and never changed",
		"internal/server/servertest/keys.go authorities":        "made once for a program of tests, and never changed",
		"internal/server/servertest/keys.go keyRing":            "keys of a program of tests, which are slow to make",
		"internal/trial/made.go orgs":                           "made once for a program of tests, and copied",
		"internal/server/store/storetest/postgres.go server":    "started once for a program of tests, which it ends with",
	}
}

// noState: a variable of a package may be an error, a table, a pattern, an
// embedded file or a check of an interface. Whatever can change is passed in.
// Tests' own variables are theirs.
func noState(s source) (broken []string) {
	if s.test() {
		return nil
	}
	for _, d := range s.ast.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.VAR {
			continue
		}
		for _, sp := range g.Specs {
			spec := sp.(*ast.ValueSpec)
			for i, name := range spec.Names {
				if name.Name == "_" || embedded(g, spec) || stateful()[s.path+" "+name.Name] != "" {
					continue
				}
				if len(spec.Values) <= i || !constant(spec.Values[i]) {
					broken = append(broken, s.at(name)+": "+name.Name+" is state of the package: pass it in, or make it a constant, an error, a table or a pattern")
				}
			}
		}
	}
	return broken
}

func embedded(g *ast.GenDecl, spec *ast.ValueSpec) bool {
	for _, doc := range []*ast.CommentGroup{g.Doc, spec.Doc} {
		if doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") }) {
			return true
		}
	}
	return false
}

// constant: the value is one that nothing changes by using it, down to the
// last row of a table.
func constant(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit, *ast.FuncLit, *ast.Ident:
		return true
	case *ast.SelectorExpr:
		return !named(e, "os", e.Sel.Name) && !named(e, "http", e.Sel.Name) // os.Stdout, http.DefaultClient
	case *ast.CompositeLit:
		return !slices.ContainsFunc(e.Elts, func(e ast.Expr) bool { return !constant(e) })
	case *ast.KeyValueExpr:
		return constant(e.Value)
	case *ast.BinaryExpr:
		return constant(e.X) && constant(e.Y)
	case *ast.UnaryExpr:
		return e.Op != token.AND && constant(e.X)
	case *ast.CallExpr:
		if _, conversion := e.Fun.(*ast.ArrayType); conversion {
			return constant(e.Args[0])
		}
		makers := [][2]string{{"errors", "New"}, {"fmt", "Errorf"}, {"regexp", "MustCompile"}, {"strings", "NewReplacer"}}
		return slices.ContainsFunc(makers, func(m [2]string) bool { return named(e.Fun, m[0], m[1]) })
	}
	return false
}

// writes finds where a package's own variable is changed: assigned, counted,
// taken the address of, or emptied.
func writes(folder []source) (broken []string) {
	vars := map[string]bool{}
	for _, s := range folder {
		for _, d := range s.ast.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR && !s.test() {
				for _, spec := range g.Specs {
					for _, name := range spec.(*ast.ValueSpec).Names {
						vars[name.Name] = name.Name != "_"
					}
				}
			}
		}
	}
	for _, s := range folder {
		change := func(e ast.Expr) {
			if id := root(e); id != nil && vars[id.Name] && !local(s, id) {
				broken = append(broken, s.at(id)+": "+id.Name+" is a variable of the package, and is changed here: pass it in")
			}
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, e := range n.Lhs {
					if n.Tok != token.DEFINE {
						change(e)
					}
				}
			case *ast.IncDecStmt:
				change(n.X)
			case *ast.UnaryExpr:
				if n.Op == token.AND {
					change(n.X)
				}
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.Ident); ok && slices.Contains([]string{"delete", "clear", "copy"}, f.Name) {
					change(n.Args[0])
				}
			}
			return true
		})
	}
	return broken
}

// root is the name at the beginning of x, x.y, x[i] and *x.
func root(e ast.Expr) *ast.Ident {
	switch e := e.(type) {
	case *ast.Ident:
		return e
	case *ast.IndexExpr:
		return root(e.X)
	case *ast.SelectorExpr:
		return root(e.X)
	case *ast.StarExpr:
		return root(e.X)
	case *ast.ParenExpr:
		return root(e.X)
	}
	return nil
}

// local: the parser found the name's declaration inside a function of the
// same file, and not among the file's own.
func local(s source, id *ast.Ident) bool {
	return id.Obj != nil && s.ast.Scope.Lookup(id.Name) != id.Obj
}

// folders groups the files of the repository by package.
func folders(all []source) map[string][]source {
	found := map[string][]source{}
	for _, s := range all {
		key := path.Dir(s.path) + " " + s.ast.Name.Name
		found[key] = append(found[key], s)
	}
	return found
}

// TestTablesStayAsTheyAre: also no test changes what others share.
func TestTablesStayAsTheyAre(t *testing.T) {
	for _, folder := range folders(sources(t, osRoot())) {
		for _, finding := range writes(folder) {
			t.Error(finding)
		}
	}
	for _, code := range []string{"table[1] = 2", "table = nil", "delete(table, 1)", "take(&table)", "number++"} {
		file := fstest.MapFS{"a.go": {Data: []byte("package a\n\nvar table = map[int]int{1: 1}\nvar number = 1\n\nfunc f() {\n\t" + code + "\n}\n")}}
		if broken := writes(sources(t, file)); len(broken) != 1 || !strings.HasPrefix(broken[0], "a.go:7: ") {
			t.Errorf("%s: %q", code, broken)
		}
	}
	shadow := fstest.MapFS{"a.go": {Data: []byte("package a\n\nvar table = 1\n\nfunc f() {\n\ttable := 2\n\ttable = 3\n}\n")}}
	if broken := writes(sources(t, shadow)); len(broken) != 0 {
		t.Errorf("a local variable: %q", broken)
	}
}
