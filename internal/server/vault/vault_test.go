package vault_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/server/vault"
	"pgregory.net/rapid"
)

func newVault(t *testing.T) *vault.Vault {
	t.Helper()
	v, err := vault.Create(filepath.Join(t.TempDir(), "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSealedValueOpensOnlyInItsPlace(t *testing.T) {
	v, other := newVault(t), newVault(t)
	rapid.Check(t, func(rt *rapid.T) {
		plain := rapid.SliceOf(rapid.Byte()).Draw(rt, "plain")
		place := rapid.SliceOfN(rapid.String(), 1, 4).Draw(rt, "place")
		sealed, err := v.Seal(vault.ForRecovery, plain, place...)
		if err != nil {
			rt.Fatal(err)
		}
		got, err := v.Open(vault.ForRecovery, sealed, place...)
		if err != nil || !bytes.Equal(got, plain) {
			rt.Fatalf("open: %v, equal %v", err, bytes.Equal(got, plain))
		}
		elsewhere := append([]string{place[0] + "x"}, place[1:]...)
		for what, open := range map[string]func() ([]byte, error){
			"another place":   func() ([]byte, error) { return v.Open(vault.ForRecovery, sealed, elsewhere...) },
			"joined fields":   func() ([]byte, error) { return v.Open(vault.ForRecovery, sealed, strings.Join(place, "")+"-") },
			"another purpose": func() ([]byte, error) { return v.Open(vault.ForPKI, sealed, place...) },
			"another key":     func() ([]byte, error) { return other.Open(vault.ForRecovery, sealed, place...) },
			"a cut value":     func() ([]byte, error) { return v.Open(vault.ForRecovery, sealed[:len(sealed)/2], place...) },
		} {
			if _, err := open(); !errors.Is(err, vault.ErrSealed) {
				rt.Fatalf("%s: %v", what, err)
			}
		}
	})
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	made, err := vault.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := vault.Create(path); !errors.Is(err, os.ErrExist) {
		t.Fatalf("a second key replaced the first: %v", err)
	}
	again, err := vault.Open(path)
	if err != nil || again.Check() != made.Check() {
		t.Fatalf("the file does not hold the key: %v", err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v", info.Mode())
	}
	if shown := fmt.Sprintf("%v %#v %s", made, made, made); shown != "[vault] [vault] [vault]" {
		t.Fatalf("a vault prints %s", shown)
	}
}

func TestKeyFileRefused(t *testing.T) {
	write := func(text string, mode os.FileMode) func(string) error {
		return func(path string) error {
			return errors.Join(os.WriteFile(path, []byte(text), mode), os.Chmod(path, mode))
		}
	}
	good := strings.Repeat("A", 43) + "="
	for name, c := range map[string]struct {
		make func(path string) error
		want string
	}{
		"readable by others": {write(good, 0o644), "mode 0644, want 0600"},
		"readable by group":  {write(good, 0o640), "mode 0640, want 0600"},
		"too short":          {write("c2VjcmV0", 0o600), "want 32 bytes in base64"},
		"not base64":         {write("s3cr3t!!", 0o600), "want 32 bytes in base64"},
		"empty":              {write("", 0o600), "want 32 bytes in base64"},
		"a folder":           {func(p string) error { return os.Mkdir(p, 0o700) }, "not a regular file"},
		"a link":             {func(p string) error { return os.Symlink("/dev/null", p) }, "open the master key"},
		"missing":            {func(string) error { return nil }, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "k")
			if err := c.make(path); err != nil {
				t.Fatal(err)
			}
			_, err := vault.Open(path)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if strings.Contains(err.Error(), "s3cr3t") || strings.Contains(err.Error(), "c2VjcmV0") {
				t.Fatalf("the error quotes the file: %v", err)
			}
		})
	}
}
