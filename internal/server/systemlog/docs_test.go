package systemlog_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// types are the event types of event.go: its string constants with a dot.
func types(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "event.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for _, v := range spec.Values {
			if lit, ok := v.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if s, err := strconv.Unquote(lit.Value); err == nil && strings.Contains(s, ".") {
					found[s] = true
				}
			}
		}
		return true
	})
	if len(found) < 10 {
		t.Fatalf("event.go names only %d types: is this test still looking at the right place?", len(found))
	}
	return slices.Collect(maps.Keys(found))
}

// TestDocs: an administrator who builds an alert goes by the table.
func TestDocs(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "events.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, server, ok := strings.Cut(string(raw), "## Written by the server\n")
	if !ok {
		t.Fatal("docs/events.md: a heading is missing")
	}
	rows := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+\\.[a-z0-9_.]+)` \\|").FindAllStringSubmatch(server, -1) {
		rows[m[1]] = true
	}
	for _, kind := range types(t) {
		if !rows[kind] {
			t.Errorf("docs/events.md has no row for %s", kind)
		}
		delete(rows, kind)
	}
	for kind := range rows {
		t.Errorf("docs/events.md has a row for %s, which the server does not write", kind)
	}
}
