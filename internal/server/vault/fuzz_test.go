package vault

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzSealed: nothing opens but what was sealed, and only in its place.
func FuzzSealed(f *testing.F) {
	v := &Vault{}
	sealed, err := v.Seal(ForRecovery, []byte("secret"), "dev1", "acc1")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed, "dev1", "acc1")
	f.Add(sealed, "dev1a", "cc1")
	f.Add("", "dev1", "acc1")
	f.Add("AAAA", "", "")
	f.Fuzz(func(t *testing.T, text, one, other string) {
		plain, err := v.Open(ForRecovery, text, one, other)
		if err != nil {
			if !errors.Is(err, ErrSealed) || plain != nil {
				t.Errorf("%q, %v", plain, err)
			}
			return
		}
		if one != "dev1" || other != "acc1" || string(plain) != "secret" {
			t.Errorf("%q opened at %q, %q as %q", text, one, other, plain)
		}
	})
}

// FuzzKeyFile: a master key has its length, and no error quotes it.
func FuzzKeyFile(f *testing.F) {
	f.Add([]byte("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"))
	f.Add([]byte("AAEC"))
	f.Add([]byte("\n\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path)
		if err != nil && len(raw) > 16 && strings.Contains(err.Error(), strings.TrimSpace(string(raw))) {
			t.Errorf("quotes the key: %v", err)
		}
	})
}
