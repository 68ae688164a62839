package profile

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestRulesAreDescribed: a rule that a finding names can be looked up, and the
// page tells of no other.
func TestRulesAreDescribed(t *testing.T) {
	page, err := os.ReadFile("../../docs/profile.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	rules := map[string]bool{}
	named := regexp.MustCompile(`Rule: "([a-z0-9-]+)"|b\.wrong\([^"]*, "([a-z-]+)"|contradiction\{\{?"([a-z-]+)"|f\.Rule, .* = "([a-z-]+)"|c\.unique\(.*what, "([a-z-]+)"`)
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllStringSubmatch(string(raw), -1) {
			if !strings.HasSuffix(name, "_test.go") {
				rules[strings.Join(m[1:], "")] = true
			}
		}
	}
	for _, name := range faultFiles(t) {
		_, r := lintFile(t, name)
		for _, f := range r.Findings {
			rules[f.Rule] = true
		}
	}
	if len(rules) < 45 {
		t.Errorf("only %d rules: %v", len(rules), rules)
	}
	_, table, _ := strings.Cut(string(page), "| rule | severity |")
	table, _, _ = strings.Cut(table, "\n\n")
	var described []string
	for line := range strings.Lines(table) {
		first, _, _ := strings.Cut(strings.TrimPrefix(line, "|"), "|")
		for _, m := range regexp.MustCompile("`([a-z0-9-]+)`").FindAllStringSubmatch(first, -1) {
			described = append(described, m[1])
		}
	}
	for rule := range rules {
		if !slices.Contains(described, rule) {
			t.Errorf("docs/profile.md does not tell of %s", rule)
		}
	}
	for _, rule := range described {
		if !rules[rule] {
			t.Errorf("docs/profile.md tells of %s, which is no rule", rule)
		}
	}
}
