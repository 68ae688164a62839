package latchkey

import (
	"fmt"
	"go/ast"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The pages that show what they claim by naming a test.
const (
	threatModel    = "docs/threat-model.md"
	lockoutStories = "docs/lockout-stories.md"
	storiesTold    = 40
)

// testNames are the tests and fuzz targets of all packages, each with its file.
func testNames(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, s := range sources(t, osRoot()) {
		if !s.test() {
			continue
		}
		for _, d := range s.ast.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && regexp.MustCompile(`^(Test|Fuzz)[A-Z]`).MatchString(f.Name.Name) {
				found[f.Name.Name] = s.path
			}
		}
	}
	return found
}

// TestClaimsHaveTests: a page that says what a test shows names one that is
// there, and no attack or story that is played is left untold.
func TestClaimsHaveTests(t *testing.T) {
	tests := testNames(t)
	cited := map[string]map[string]bool{}
	for page, text := range documents(t) {
		cited[page] = map[string]bool{}
		for _, m := range regexp.MustCompile("`((?:Test|Fuzz)[A-Z][A-Za-z0-9_]*)`").FindAllStringSubmatch(text, -1) {
			cited[page][m[1]] = true
			if tests[m[1]] == "" {
				t.Errorf("%s is shown by %s, which is no test", page, m[1])
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		for prefix, page := range map[string]string{"TestAttack": threatModel, "TestStory": lockoutStories} {
			if strings.HasPrefix(name, prefix) && !cited[page][name] {
				t.Errorf("%s: %s does not tell of %s", tests[name], page, name)
			}
		}
	}
}

// TestEveryStoryHasItsRow: in order, and a test that is named in a row is that
// story's.
func TestEveryStoryHasItsRow(t *testing.T) {
	raw, err := os.ReadFile(lockoutStories)
	if err != nil {
		t.Fatal(err)
	}
	next := 1
	for _, row := range regexp.MustCompile(`(?m)^\| (\d+) \|(.*)$`).FindAllStringSubmatch(string(raw), -1) {
		if row[1] != fmt.Sprint(next) {
			t.Fatalf("%s: row %s stands where %d belongs", lockoutStories, row[1], next)
		}
		played := regexp.MustCompile(`TestStory(\d\d)_`).FindAllStringSubmatch(row[2], -1)
		for _, p := range played {
			if p[1] != fmt.Sprintf("%02d", next) {
				t.Errorf("%s: row %d names %s", lockoutStories, next, p[0])
			}
		}
		if cells := strings.Split(strings.Trim(row[2], "| "), "|"); len(cells) != 3 || strings.TrimSpace(cells[2]) == "" {
			t.Errorf("%s: row %d does not say what covers it", lockoutStories, next)
		}
		next++
	}
	if next != storiesTold+1 {
		t.Errorf("%s has %d stories of %d", lockoutStories, next-1, storiesTold)
	}
}
