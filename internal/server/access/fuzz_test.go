package access

import (
	"strings"
	"testing"
)

// FuzzToken: a token is taken apart into what it was made of, or is none.
func FuzzToken(f *testing.F) {
	for _, seed := range []string{"lks_tok123_SECRET", "lks_", "lks__", "tok_x", "lks_a_b_c", strings.Repeat("x", 200)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, secret, ok := split(text)
		if ok && (prefix+id+"_"+secret != text || strings.Contains(id, "_") || len(text) > 128) {
			t.Errorf("%q is %q and %q", text, id, secret)
		}
	})
}
