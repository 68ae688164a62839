package store_test

import (
	"os"
	"regexp"
	"testing"
)

// modernc.org/sqlite works only with the very version of modernc.org/libc that
// it was generated for. v1.62.0 names v1.80.1 in its go.mod; whoever raises one
// raises the other.
func TestLibcIsPinned(t *testing.T) {
	raw, err := os.ReadFile("../../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	version := func(module string) string {
		m := regexp.MustCompile(`(?m)^\s*` + regexp.QuoteMeta(module) + ` (v\S+)`).FindSubmatch(raw)
		if m == nil {
			t.Fatalf("go.mod does not require %s", module)
		}
		return string(m[1])
	}
	if s, c := version("modernc.org/sqlite"), version("modernc.org/libc"); s != "v1.62.0" || c != "v1.80.1" {
		t.Fatalf("sqlite %s with libc %s: look up in sqlite's go.mod which libc belongs to it, and set both here", s, c)
	}
}
