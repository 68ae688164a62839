package latchkey

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/plist"
	"github.com/latchkey-mfa/latchkey/internal/policy"
)

// guides are the pages for each MDM, by path.
func guides(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for page, text := range documents(t) {
		if filepath.Dir(page) == "docs/mdm" && filepath.Base(page) != "README.md" {
			found[page] = text
		}
	}
	if len(found) != 4 {
		t.Fatalf("%d guides: %q", len(found), slices.Sorted(maps.Keys(found)))
	}
	return found
}

// TestGuidesAgree: what does not depend on the MDM is said in each guide, so
// that one page is enough, and in the same words, so that none is left behind.
func TestGuidesAgree(t *testing.T) {
	first := map[string]string{}
	for page, text := range guides(t) {
		parts := regexp.MustCompile(`(?s)<!-- common: ([a-z]+) -->\n(.*?)<!-- end -->`).FindAllStringSubmatch(text, -1)
		if len(parts) != 9 {
			t.Errorf("%s has %d common parts, want 9", page, len(parts))
		}
		for _, p := range parts {
			if first[p[1]] == "" {
				first[p[1]] = p[2]
			} else if first[p[1]] != p[2] {
				t.Errorf("%s: the part %q differs from another guide's: change it in all four", page, p[1])
			}
		}
	}
}

// settingsOf finds the settings of a profile in whatever shape it is shown.
func settingsOf(v plist.Value) (plist.Value, bool) {
	if _, bare := v.Get("DMFAClientID"); bare {
		return v, true
	}
	for _, inside := range slices.Concat(v.Items, inner(v)) {
		if found, there := settingsOf(inside); there {
			return found, true
		}
	}
	return plist.Value{}, false
}

func inner(v plist.Value) []plist.Value {
	out := make([]plist.Value, len(v.Entries))
	for i, e := range v.Entries {
		out[i] = e.Value
	}
	return out
}

// TestGuidesShowGoodProfiles: what somebody copies from a guide is read by a Mac
// without a word, and shares no UUID with anything else that they copy.
func TestGuidesShowGoodProfiles(t *testing.T) {
	uuids, good := map[string]string{}, map[string]bool{}
	for page, text := range guides(t) {
		for _, m := range regexp.MustCompile("(?s)```xml\n(.*?)```").FindAllStringSubmatch(text, -1) {
			d, err := plist.ParseFragment([]byte(m[1]))
			if err != nil {
				t.Errorf("%s: %v", page, err)
				continue
			}
			for _, u := range regexp.MustCompile(`[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}`).FindAllString(m[1], -1) {
				if uuids[u] != "" {
					t.Errorf("%s shows a UUID that stands in %s already", page, uuids[u])
				}
				uuids[u] = page
			}
			settings, there := settingsOf(d.Root)
			if !there {
				continue
			}
			good[page] = true
			if p, problems := policy.FromDocument(plist.Document{Root: settings}); p == nil || len(problems) > 0 || !p.Observes() {
				t.Errorf("%s: a Mac says %v; observing: %v", page, problems, p != nil && p.Observes())
			}
		}
		if !good[page] {
			t.Errorf("%s shows no profile", page)
		}
	}
}

// TestGuidesNameKeys: the file that profiles are made from has keys that there
// are, and no secret.
func TestGuidesNameKeys(t *testing.T) {
	known := map[string]bool{}
	for _, d := range policy.Definitions() {
		known[d.Key] = !d.Secret
	}
	for page, text := range guides(t) {
		for _, m := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(text, -1) {
			for line := range strings.Lines(m[1]) {
				if key, _, _ := strings.Cut(line, ":"); !known[key] {
					t.Errorf("%s: %s has no place there", page, key)
				}
			}
		}
	}
}

// TestReadmeIsShort: two screens, with a way to everything.
func TestReadmeIsShort(t *testing.T) {
	raw, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if n := lines(raw); n > 100 {
		t.Errorf("README.md has %d lines: move something to docs", n)
	}
	for page := range documents(t) {
		if folder := filepath.Dir(page); folder != "." && !strings.Contains(string(raw), "]("+page+")") {
			t.Errorf("README.md does not lead to %s", page)
		}
	}
}
