package latchkey

import (
	"go/ast"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// documents are the texts for people, by path.
func documents(t *testing.T) map[string]string {
	t.Helper()
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	mdm, err := filepath.Glob("docs/mdm/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, page := range slices.Concat(pages, mdm, []string{"README.md", "SECURITY.md", "CHANGELOG.md"}) {
		raw, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		found[page] = string(raw)
	}
	return found
}

// literals are the strings in the product's code that match, with a place each.
func literals(all []source, pattern string) map[string]string {
	found, like := map[string]string{}, regexp.MustCompile("^(?:"+pattern+")$")
	for _, s := range all {
		if s.test() || harness(s.path) {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil && like.MatchString(text) {
					found[text] = s.at(lit)
				}
			}
			return true
		})
	}
	return found
}

// TestEnvironmentIsDescribed: what the environment can set is a setting. The
// twins of the server's flags are held by cmd/latchkey-server.
func TestEnvironmentIsDescribed(t *testing.T) {
	const name = `LATCHKEY_[A-Z_]*[A-Z]`
	known := literals(sources(t, osRoot()), name)
	headers, err := filepath.Glob("plugin/panel/native/*.h") // what the window asks for itself
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range headers {
		raw, err := os.ReadFile(header)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`@"(`+name+`)"`).FindAllStringSubmatch(string(raw), -1) {
			known[m[1]] = header
		}
	}
	text := strings.Join(slices.Collect(values(documents(t))), "\n")
	for variable, at := range known {
		if !regexp.MustCompile(variable + `\b`).MatchString(text) {
			t.Errorf("%s: no page tells of %s", at, variable)
		}
	}
	server, err := os.ReadFile("docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for page, text := range documents(t) {
		for _, variable := range regexp.MustCompile(name).FindAllString(text, -1) {
			if known[variable] == "" && !strings.Contains(string(server), "` | `"+variable+"` |") {
				t.Errorf("%s tells of %s, which nothing reads", page, variable)
			}
		}
	}
}

func values(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, v := range m {
			if !yield(v) {
				return
			}
		}
	}
}

// metrics are the names that a program registers: of Prometheus' options, and
// of expvar.
func metrics(all []source) map[string]string {
	found := map[string]string{}
	for _, s := range all {
		if s.test() {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CompositeLit:
				if sel, ok := n.Type.(*ast.SelectorExpr); ok && named(sel, "prometheus", sel.Sel.Name) && strings.HasSuffix(sel.Sel.Name, "Opts") {
					found[metric(n)] = s.at(n)
				}
			case *ast.CallExpr:
				sel, ok := n.Fun.(*ast.SelectorExpr)
				if !ok || len(n.Args) == 0 {
					return true
				}
				if named(sel, "prometheus", "NewDesc") || named(sel, "expvar", sel.Sel.Name) {
					found[word(n.Args[0])] = s.at(n)
				}
			}
			return true
		})
	}
	return found
}

// metric is the name that Prometheus makes of Namespace, Subsystem and Name. A
// part that is no literal cannot be looked up, and shows as "?".
func metric(options *ast.CompositeLit) string {
	var parts [3]string
	for _, e := range options.Elts {
		if field, ok := e.(*ast.KeyValueExpr); ok {
			if key, ok := field.Key.(*ast.Ident); ok {
				if i := slices.Index([]string{"Namespace", "Subsystem", "Name"}, key.Name); i >= 0 {
					parts[i] = word(field.Value)
				}
			}
		}
	}
	return strings.Join(slices.DeleteFunc(parts[:], func(p string) bool { return p == "" }), "_")
}

func word(e ast.Expr) string {
	if lit, ok := e.(*ast.BasicLit); ok {
		if text, err := strconv.Unquote(lit.Value); err == nil {
			return text
		}
	}
	return "?"
}

// TestMetricsAreDescribed: a number that nobody can read is not watched.
func TestMetricsAreDescribed(t *testing.T) {
	text := strings.Join(slices.Collect(values(documents(t))), "\n")
	for name, at := range metrics(sources(t, osRoot())) {
		if !strings.Contains(text, "`"+name+"`") {
			t.Errorf("%s: no page tells of the metric %s: add it to docs/operations.md, written out as a literal", at, name)
		}
	}
	found := metrics(sources(t, fstest.MapFS{"a.go": {Data: []byte(`package a

var pins = prometheus.NewCounter(prometheus.CounterOpts{Namespace: "latchkey", Name: "pins_total"})
var old = expvar.NewInt("pins")
`)}}))
	if len(found) != 2 || found["latchkey_pins_total"] == "" || found["pins"] == "" {
		t.Errorf("%q", found)
	}
}

// TestLinksLead: a page that is named is there.
func TestLinksLead(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s#]+)(?:#[^)]*)?\)`)
	for page, text := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			if _, err := fs.Stat(osRoot(), filepath.ToSlash(filepath.Join(filepath.Dir(page), m[1]))); err != nil {
				t.Errorf("%s: the link to %s leads nowhere", page, m[1])
			}
		}
	}
}

// TestTargetsAreTold: every target of the Makefile that people call says what
// it does.
func TestTargetsAreTold(t *testing.T) {
	raw, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{"clean": true}
	for _, m := range regexp.MustCompile(`(?m)^## ([a-z-]+): \S`).FindAllStringSubmatch(string(raw), -1) {
		told[m[1]] = true
	}
	phony := regexp.MustCompile(`(?m)^\.PHONY: (.*)$`).FindStringSubmatch(string(raw))
	if phony == nil {
		t.Fatal("Makefile has no .PHONY")
	}
	for _, target := range strings.Fields(phony[1]) {
		if !told[target] && !strings.HasSuffix(target, "-build") {
			t.Errorf("Makefile: %s has no line `## %s: what it does`", target, target)
		}
	}
	called := regexp.MustCompile("`make ([a-z-]+)")
	for page, text := range documents(t) {
		for _, m := range called.FindAllStringSubmatch(text, -1) {
			if !slices.Contains(strings.Fields(phony[1]), m[1]) {
				t.Errorf("%s tells of `make %s`, which is no target", page, m[1])
			}
		}
	}
}
