package schema

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/policy"
)

var update = flag.Bool("update", false, "write the files in packaging/schemas anew, after a change that was meant")

// folder is where the generated files are checked in.
const folder = "../../../packaging/schemas"

// made are the files as they are made now, by name.
func made(t *testing.T) map[string][]byte {
	t.Helper()
	jamf, err := JamfSchema()
	if err != nil {
		t.Fatal(err)
	}
	editor, err := JSONSchema()
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{
		policy.Domain + ".plist":       Manifest(),
		policy.Domain + ".jamf.json":   jamf,
		policy.Domain + ".schema.json": editor,
	}
}

// TestFilesAreFresh: what people take from packaging/schemas is what the table
// says, and nothing else lies there.
func TestFilesAreFresh(t *testing.T) {
	files := made(t)
	for name, want := range files {
		path := filepath.Join(folder, name)
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is stale (%v): go test -run TestFilesAreFresh -update ./internal/policy/schema", name, err)
		}
	}
	lying, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range lying {
		if files[f.Name()] == nil {
			t.Errorf("nothing makes packaging/schemas/%s", f.Name())
		}
	}
}

// TestNothingForWindows: a key that does nothing on a Mac is offered by none.
func TestNothingForWindows(t *testing.T) {
	page, err := os.ReadFile("../../../docs/settings.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, there := strings.Cut(string(page), "keys of Okta's Windows product")
	list, _, _ = strings.Cut(list, "\n\n")
	names := strings.FieldsFunc(list, func(r rune) bool {
		return !strings.ContainsRune("`ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", r)
	})
	names = slices.DeleteFunc(names, func(w string) bool { return !strings.HasPrefix(w, "`") })
	if !there || len(names) < 8 {
		t.Fatalf("docs/settings.md names %q", names)
	}
	for name, raw := range made(t) {
		for _, key := range names {
			if bytes.Contains(raw, []byte(strings.Trim(key, "`"))) {
				t.Errorf("%s has %s", name, key)
			}
		}
	}
}

// TestEveryChoiceHasWords: a list to pick from shows no bare name of a value.
func TestEveryChoiceHasWords(t *testing.T) {
	for _, d := range policy.Definitions() {
		titles := choiceLabels(d)
		for i, c := range choices(d) {
			if titles[i] == c || titles[i] == "" || slices.Contains(titles[:i], titles[i]) {
				t.Errorf("%s: %s is shown as %q", d.Key, c, titles[i])
			}
		}
	}
}

func TestLabel(t *testing.T) {
	for key, want := range map[string]string{
		"DMFAClientID": "DMFA Client ID", "MFANotRequiredList": "MFA Not Required List", "DeviceRecoveryPINDuration": "Device Recovery PIN Duration",
		"AdminEmail": "Admin Email", "LatchkeyRecoveryURL": "Latchkey Recovery URL", "": "",
	} {
		if got := label(key); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
}

// tree is a file as JSON values, from its bytes.
func tree(t *testing.T, raw []byte) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// at goes down into JSON values; nil where there is nothing.
func at(v any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[step]
		case int:
			list, _ := v.([]any)
			if step >= len(list) {
				return nil
			}
			v = list[step]
		}
	}
	return v
}

// same compares by what JSON makes of both.
func same(t *testing.T, got, want any) bool {
	t.Helper()
	a, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Equal(a, b)
}
