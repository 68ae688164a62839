package password

import (
	"errors"
	"strings"
	"testing"
)

// FuzzHash: a stored password is read as it was written, costs no more than the
// bounds, and is quoted by no error.
func FuzzHash(f *testing.F) {
	f.Add(hash{Cost{3, 65536, 1}, make([]byte, 16), make([]byte, 32)}.text())
	f.Add("$argon2id$v=19$m=4294967295,t=1,p=1$AAAAAAAAAAA$" + strings.Repeat("A", 43))
	f.Add("$argon2i$v=19$m=8,t=1,p=1$AAAAAAAAAAA$" + strings.Repeat("A", 43))
	f.Add("$$$$$")
	f.Fuzz(func(t *testing.T, stored string) {
		h, err := parseHash(stored)
		switch {
		case err != nil && (!errors.Is(err, errHash) || h.key != nil || err.Error() != errHash.Error()):
			t.Errorf("%q: %v", stored, err)
		case err == nil && (h.text() != stored || h.cost.Memory > maxArgonMemory || h.cost.Time > maxArgonTime || h.cost.Time < 1 || len(h.key) != argonKey):
			t.Errorf("%q was read", stored)
		}
	})
}
