package events_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/device/events"
)

const notSent = "not sent yet"

// parsed is a Go file of the product.
func parsed(t *testing.T, path string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func text(t *testing.T, e ast.Expr) string {
	t.Helper()
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	s, err := strconv.Unquote(lit.Value)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// names are the constants of names.go, by identifier.
func names(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	ast.Inspect(parsed(t, "names.go"), func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			found[spec.Names[0].Name] = text(t, spec.Values[0])
		}
		return true
	})
	return found
}

// used is what the daemon's packages do with each name: present when they use
// it, with the names of details that stand beside it in a call.
func used(t *testing.T, names map[string]string) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	see := func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == "events" && names[n.Sel.Name] != "" {
				found[names[n.Sel.Name]] = append(found[names[n.Sel.Name]], "")
			}
		case *ast.CallExpr:
			name, keys := call(t, n)
			if name = names[name]; name != "" {
				found[name] = append(found[name], keys...)
			}
		}
		return true
	}
	err := filepath.WalkDir("..", func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			ast.Inspect(parsed(t, path), see)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// call reads Stage, Hold or Record with a name of this package: after it come
// the account and then pairs of detail.
func call(t *testing.T, c *ast.CallExpr) (name string, keys []string) {
	t.Helper()
	for i, arg := range c.Args {
		sel, ok := arg.(*ast.SelectorExpr)
		if !ok {
			continue
		}
		if x, ok := sel.X.(*ast.Ident); !ok || x.Name != "events" {
			continue
		}
		for j := i + 2; j < len(c.Args); j += 2 {
			keys = append(keys, text(t, c.Args[j]))
		}
		return sel.Sel.Name, keys
	}
	return "", nil
}

// rows are the lines of the Mac's table in docs/events.md, by event.
func rows(t *testing.T) map[string]string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "events.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, mac, ok := strings.Cut(string(raw), "## Reported by the Mac\n")
	mac, _, end := strings.Cut(mac, "## Written by the server\n")
	if !ok || !end {
		t.Fatal("docs/events.md: a heading is missing")
	}
	found := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+\\.[a-z_.]+)` \\|(.*)$").FindAllStringSubmatch(mac, -1) {
		if _, twice := found[m[1]]; twice {
			t.Errorf("docs/events.md: %s has two rows", m[1])
		}
		found[m[1]] = m[2]
	}
	return found
}

func TestAllIsEveryName(t *testing.T) {
	all := events.All()
	for id, name := range names(t) {
		if !slices.Contains(all, name) {
			t.Errorf("All lacks %s (%s)", id, name)
		}
	}
	if len(all) != len(names(t)) {
		t.Errorf("All has %d names, names.go has %d", len(all), len(names(t)))
	}
}

// TestDocs: an administrator who builds an alert goes by the table.
func TestDocs(t *testing.T) {
	rows, used := rows(t), used(t, names(t))
	for _, name := range events.All() {
		row, there := rows[name]
		details, sent := used[name]
		switch {
		case !there:
			t.Errorf("docs/events.md has no row for %s", name)
		case sent == strings.Contains(row, notSent):
			t.Errorf("docs/events.md: %s: the code sends it: %v, the row is %q", name, sent, row)
		}
		for _, d := range details {
			if d != "" && !strings.Contains(row, "`"+d+"`") {
				t.Errorf("docs/events.md: the row of %s does not name the detail %s", name, d)
			}
		}
	}
	for name := range rows {
		if !slices.Contains(events.All(), name) {
			t.Errorf("docs/events.md has a row for %s, which no Mac sends", name)
		}
	}
}
