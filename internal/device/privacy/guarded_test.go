package privacy

import (
	"os"
	"strings"
	"testing"
)

// TestGuardedIsInTheManual: who sets Macs up reads there what to allow, and that
// is nothing.
func TestGuardedIsInTheManual(t *testing.T) {
	raw, err := os.ReadFile("../../../docs/on-a-mac.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range Guarded() {
		if row := "| " + a.What + " | " + a.Guard + " | "; !strings.Contains(string(raw), row) || !strings.Contains(string(raw), a.Why) {
			t.Errorf("docs/on-a-mac.md has no row %q with its reason", row)
		}
		if a.Needed {
			t.Errorf("%s: a daemon at the login window has nobody who could allow it; do it another way", a.What)
		}
	}
}
