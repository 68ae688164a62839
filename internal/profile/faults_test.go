package profile

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the expected findings anew, to be read before they are kept")

// want is a finding in the form of the files beside the faults.
func want(f Finding) string {
	s := fmt.Sprintf("%d:%d %s %s", f.Line, f.Column, f.Severity, f.Rule)
	if f.Key != "" {
		s += " " + f.Key
	}
	if f.Fixable {
		s += " fixable"
	}
	return s
}

func lintFile(t testing.TB, name string) (File, Report) {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	f := File{Name: filepath.Base(name), Data: raw}
	r, err := new(Linter).Lint(f)
	if err != nil {
		t.Fatal(err)
	}
	return f, r
}

// faultFiles are the crafted faults, one a file.
func faultFiles(t testing.TB) (names []string) {
	t.Helper()
	all, err := filepath.Glob("testdata/faults/*")
	if err != nil || len(all) < 60 {
		t.Fatalf("%d files, %v", len(all), err)
	}
	return slices.DeleteFunc(all, func(n string) bool { return strings.HasSuffix(n, ".want") })
}

// TestFaults: each fault is found where it is, and nothing else is.
func TestFaults(t *testing.T) {
	for _, name := range faultFiles(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			_, r := lintFile(t, name)
			var lines []string
			for _, f := range r.Findings {
				lines = append(lines, want(f))
				if f.Fix == "" && f.Allowed == "" {
					t.Errorf("%s: neither what is allowed nor what to do", f)
				}
			}
			got := strings.Join(lines, "\n") + "\n"
			if *update {
				if err := os.WriteFile(name+".want", []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			expected, err := os.ReadFile(name + ".want")
			if err != nil || got != string(expected) {
				t.Errorf("%v; found\n%swant\n%s", err, got, expected)
			}
			if len(lines) == 0 {
				t.Error("nothing is found")
			}
		})
	}
}

// TestNothingToFind: the profiles that the faults were made from are clean.
func TestNothingToFind(t *testing.T) {
	good, err := filepath.Glob("testdata/good/*")
	if err != nil || len(good) < 2 {
		t.Fatalf("%d files, %v", len(good), err)
	}
	for _, name := range good {
		f, r := lintFile(t, name)
		if len(r.Findings) != 0 {
			t.Errorf("%s: %v", name, r.Findings)
		}
		fixed, err := Fix(f)
		if err != nil || string(fixed.Data) != string(f.Data) {
			t.Errorf("%s: a clean file is changed: %v", name, err)
		}
	}
}

// TestFixMends: what has one safe answer is gone afterwards, and the rest of the
// file is as it was.
func TestFixMends(t *testing.T) {
	mended := 0
	for _, name := range faultFiles(t) {
		f, before := lintFile(t, name)
		fixed, err := Fix(f)
		if err != nil {
			t.Fatal(err)
		}
		after, err := new(Linter).Lint(File{Name: f.Name, Data: fixed.Data})
		if err != nil {
			t.Fatal(err)
		}
		if i := slices.IndexFunc(after.Findings, func(f Finding) bool { return f.Fixable }); i >= 0 {
			t.Errorf("%s: still there: %s", name, after.Findings[i])
		}
		if !slices.ContainsFunc(before.Findings, func(f Finding) bool { return f.Fixable }) {
			if string(fixed.Data) != string(f.Data) {
				t.Errorf("%s: it is changed without a reason", name)
			}
			continue
		}
		mended++
		if len(after.Findings) >= len(before.Findings) {
			t.Errorf("%s: %d findings before, %d after: %v", name, len(before.Findings), len(after.Findings), after.Findings)
		}
		if changed := changedLines(f.Data, fixed.Data); changed > 6 {
			t.Errorf("%s: %d lines are others", name, changed)
		}
	}
	if mended < 30 {
		t.Errorf("only %d faults were mended", mended)
	}
}

// changedLines counts the lines of a difference.
func changedLines(a, b []byte) (n int) {
	for line := range strings.Lines(string(Diff("a", a, b))) {
		if strings.HasPrefix(line, "+") && !strings.HasPrefix(line, "+++") || strings.HasPrefix(line, "-") && !strings.HasPrefix(line, "---") {
			n++
		}
	}
	return n
}

// TestTheSecretIsNeverShown: wherever a fault is put, and whatever is mended.
func TestTheSecretIsNeverShown(t *testing.T) {
	for _, name := range faultFiles(t) {
		f, r := lintFile(t, name)
		fixed, err := Fix(f)
		if err != nil {
			t.Fatal(err)
		}
		shown := string(Diff(f.Name, f.Data, fixed.Data))
		for _, finding := range append(r.Findings, fixed.Done...) {
			shown += finding.String() + finding.GitHub()
		}
		if strings.Contains(shown, "not-a-real-one") {
			t.Errorf("%s: the secret is shown:\n%s", name, shown)
		}
	}
}
