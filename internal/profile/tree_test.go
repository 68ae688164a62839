package profile

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/plist"
)

// sample is one of the four published profiles.
func sample(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("../../testdata/profiles", name))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestTreeReadsWhatTheStrictReaderReads: on files that are well formed the
// tolerant reader sees the same values at the same places.
func TestTreeReadsWhatTheStrictReaderReads(t *testing.T) {
	for _, name := range []string{"jamf-pro.plist", "kandji.mobileconfig", "workspace-one.fragment.xml"} {
		b, found := tree(sample(t, name))
		strict, err := plist.ParseFragment(sample(t, name))
		if err != nil || len(found) != 0 {
			t.Fatalf("%s: %v, %v", name, err, found)
		}
		if !alike(b.root, strict.Root) || b.root.At != strict.Root.At {
			t.Errorf("%s: %+v, want %+v", name, b.root, strict.Root)
		}
	}
}

// TestPublishedIntuneSample: the string that is open on line 14 is what the
// person has to look at, and line 76 is where a parser gives up.
func TestPublishedIntuneSample(t *testing.T) {
	b, found := tree(sample(t, "intune-malformed.mobileconfig"))
	if len(found) != 1 || found[0].Line != 14 || found[0].Column != 9 || found[0].Rule != "xml-unclosed" || !found[0].Fixable {
		t.Fatalf("%v", found)
	}
	if e, _ := b.root.Get("PayloadDisplayName"); e.Value.Text != "Microsoft Intune DMFA" {
		t.Errorf("%q", e.Value.Text)
	}
	if e, _ := b.root.Get("PayloadScope"); e.Value.Text != "System" {
		t.Errorf("what follows is not read: %q", e.Value.Text)
	}
}
