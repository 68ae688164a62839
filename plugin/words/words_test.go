package words_test

import (
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/locale"
	"github.com/latchkey-mfa/latchkey/plugin/words"
)

// TestFiles reads the files as a translator leaves them.
func TestFiles(t *testing.T) {
	f, err := locale.Read(words.Files(), ".")
	if err != nil {
		t.Fatal(err)
	}
	if len(f) < 2 {
		t.Errorf("%d languages", len(f))
	}
	for _, gap := range f.Gaps() {
		t.Error(gap)
	}
}

func TestFor(t *testing.T) {
	for _, c := range []struct {
		wanted         []string
		language, says string
	}{
		{[]string{"de-AT"}, "de", "PIN: 3 Ziffern fehlen."},
		{[]string{"fr"}, "en", "PIN: 3 digits are missing."},
		{nil, "en", "PIN: 3 digits are missing."},
	} {
		w := words.For(c.wanted)
		if got := w.Text("missing", "label", "PIN", "digits", "3"); w.Language() != c.language || got != c.says {
			t.Errorf("%q: %q says %q, want %q", c.wanted, w.Language(), got, c.says)
		}
	}
}
