package profile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/latchkey-mfa/latchkey/internal/plist"
	"github.com/latchkey-mfa/latchkey/internal/policy"
)

// anySettings are settings that a Mac takes, each key there or not.
func anySettings(t *rapid.T) Settings {
	s := Settings{}
	words := rapid.StringMatching(`[A-Za-z0-9Äé][A-Za-z0-9ÄéΩ&<>"' .-]{1,20}[A-Za-z0-9]`)
	names := rapid.StringMatching(`[a-z][a-z0-9._-]{0,12}`)
	for _, d := range policy.Definitions() {
		if !d.Required && !rapid.Bool().Draw(t, "has "+d.Key) {
			continue
		}
		switch d.Kind {
		case policy.URL:
			s[d.Key] = textValue("https://" + rapid.StringMatching(`[a-z][a-z0-9]{2,10}`).Draw(t, "host") + ".example.com")
		case policy.Text:
			s[d.Key] = textValue(words.Draw(t, d.Key))
		case policy.Number:
			n := math.Round(rapid.Float64Range(d.Min, math.Min(d.Max, 8000)).Draw(t, d.Key)*4) / 4
			s[d.Key] = plist.Value{Kind: plist.Real, Float: n}
		case policy.Boolean:
			s[d.Key] = truth(rapid.Bool().Draw(t, d.Key))
		case policy.Choice:
			s[d.Key] = textValue(rapid.SampledFrom(d.Choices).Draw(t, d.Key))
		case policy.Names:
			s[d.Key] = strings2(rapid.SliceOfN(names, 0, 4).Draw(t, d.Key))
		case policy.Choices:
			s[d.Key] = strings2(rapid.SliceOfNDistinct(rapid.SampledFrom(d.Choices), 1, 5, rapid.ID[string]).Draw(t, d.Key))
		}
	}
	return s
}

func strings2(list []string) plist.Value {
	v := plist.Value{Kind: plist.Array}
	for _, s := range list {
		v.Items = append(v.Items, textValue(s))
	}
	return v
}

// meant are findings that a person may have meant: they come from the values
// that were drawn, not from how the profile was made.
func meantSo(f Finding) bool {
	switch f.Rule {
	case "no-factor", "offline-only", "linking", "nobody-governed", "no-break-glass", "recovery-periods", "offline-off", "contact", "placeholder", "doubt":
		return true
	}
	return false
}

// TestRoundTrip: new → lint → explain → convert through all shapes → lint, and
// the settings are the same at the end, by two readers.
func TestRoundTrip(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		settings := anySettings(t)
		m := rapid.SampledFrom(MDMs()).Draw(t, "mdm")
		made, err := New(Request{For: m, Settings: settings, Organization: "R&D <GmbH>"})
		if err != nil {
			t.Fatal(err)
		}
		first := readClean(t, made)
		if first.Shape != m.Shape() {
			t.Fatalf("%s is read as %s", m, first.Shape)
		}
		p, problems := first.Policy()
		if p == nil {
			t.Fatal(problems)
		}
		explained, err := json.Marshal(Explain(p, now))
		if err != nil || bytes.Contains(explained, []byte(settings["DMFAClientSecret"].Text)) && len(settings["DMFAClientSecret"].Text) > 12 {
			t.Fatalf("%s, %v", explained, err)
		}
		current := first
		for _, to := range rapid.SliceOfN(rapid.SampledFrom([]Shape{List, Fragment, MobileConfig}), 1, 4).Draw(t, "to") {
			made, err = Convert(current, to)
			if err != nil {
				t.Fatal(err)
			}
			current = readClean(t, made)
			if current.Shape != to || !alike(current.Settings(), first.Settings()) {
				t.Fatalf("as %s: %s", to, made)
			}
		}
		strict, err := plist.ParseFragment(made)
		if err != nil || !alike(strict.Root, current.Root) {
			t.Fatalf("the strict reader: %v", err)
		}
		last, _ := current.Policy()
		if c := Compare(p, last, now); len(c.Users)+len(c.Settings) != 0 {
			t.Fatalf("%+v", c)
		}
	})
}

func readClean(t *rapid.T, data []byte) *Profile {
	p, err := Read(data)
	if err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	r, err := new(Linter).Lint(File{Name: "made", Data: data})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Findings {
		if !meantSo(f) {
			t.Fatalf("%s\n%s", f, data)
		}
	}
	return p
}

// TestUUIDsAreStable: made again, a profile has the same names; for another
// client, or under another name, it has others.
func TestUUIDsAreStable(t *testing.T) {
	make := func(client, name string) string {
		s := Settings{}
		for key, v := range map[string]string{"DMFAOrgURL": "https://acme.example.com", "DMFAClientID": client} {
			if err := s.Set(key, v); err != nil {
				t.Fatal(err)
			}
		}
		s.SetSecret("not-a-real-one\n")
		made, err := New(Request{For: Intune, Settings: s, Name: name})
		if err != nil {
			t.Fatal(err)
		}
		return string(made)
	}
	if first := make("a", ""); first != make("a", "") {
		t.Error("the same input makes another profile")
	}
	var linter Linter
	for i, data := range []string{make("a", ""), make("b", ""), make("a", "Pilot")} {
		r, err := linter.Lint(File{Name: fmt.Sprint(i), Data: []byte(data)})
		if err != nil || Failed(r.Findings) {
			t.Errorf("%d: %v, %v", i, r.Findings, err)
		}
	}
}

// TestConvertKeepsOthers: payloads of others survive a rewrite, and a shape that
// has no room for them is refused, by name.
func TestConvertKeepsOthers(t *testing.T) {
	raw, err := os.ReadFile("testdata/good/others-and-domains-binary.mobileconfig")
	if err != nil {
		t.Fatal(err)
	}
	p, err := Read(raw)
	if err != nil {
		t.Fatal(err)
	}
	made, err := Convert(p, MobileConfig)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Read(made)
	if err != nil || !alike(p.Root, again.Root) || again.Format != plist.XML {
		t.Errorf("%v\n%s", err, made)
	}
	for _, to := range []Shape{List, Fragment} {
		_, err := Convert(p, to)
		for _, name := range []string{"com.apple.wifi.managed", "com.apple.security.root", "com.vendor.agent", "com.example.other"} {
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("as %s: %v does not name %s", to, err, name)
			}
		}
	}
}

// TestIndependentReaders: what is written here, Python and libplist read as the
// same values.
func TestIndependentReaders(t *testing.T) {
	scep := &SCEP{Kind: Static, URL: "https://latchkey.example.com/scep", Challenge: "challenge", CommonName: "$SERIAL_NUMBER", Fingerprint: strings.Repeat("ab", 32)}
	dir := t.TempDir()
	for i, m := range MDMs() {
		settings := rapid.Custom(anySettings).Example(i)
		r := Request{For: m, Settings: settings, Organization: "R&D"}
		if m.Shape() == MobileConfig {
			r.SCEP, r.ServiceManagement, r.LoginWindow = scep, true, true
		}
		made, err := New(r)
		if err != nil {
			t.Fatal(err)
		}
		if m.Shape() == Fragment { // these readers want <plist> around it
			made = []byte(head + "<plist version=\"1.0\">\n" + string(made) + "</plist>\n")
		}
		file := filepath.Join(dir, string(m)+".plist")
		if err := os.WriteFile(file, made, 0o600); err != nil {
			t.Fatal(err)
		}
		ours, err := Read(made)
		if err != nil {
			t.Fatal(err)
		}
		for name, read := range map[string]func(*testing.T, string) []byte{"plistlib": byPlistlib, "plistutil": byPlistutil} {
			theirs, err := plist.Parse(read(t, file))
			if err != nil || !alike(theirs.Root, ours.Root) {
				t.Errorf("%s reads another value of %s: %v", name, m, err)
			}
		}
	}
}

// tool is the path of a program, or why the test cannot run.
func tool(t *testing.T, name, debian string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is missing; Debian's package is %s", name, debian)
		}
		t.Skipf("%s is not installed (Debian's package is %s)", name, debian)
	}
	return path
}

// byPlistlib reads with Python and writes a binary list.
func byPlistlib(t *testing.T, file string) []byte {
	code := "import plistlib,sys; sys.stdout.buffer.write(plistlib.dumps(plistlib.load(open(sys.argv[1],'rb')),fmt=plistlib.FMT_BINARY,sort_keys=False))"
	return output(t, tool(t, "python3", "python3"), "-c", code, file)
}

func byPlistutil(t *testing.T, file string) []byte {
	out := file + ".bin"
	output(t, tool(t, "plistutil", "libplist-utils"), "-i", file, "-f", "bin", "-o", out)
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func output(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).Output()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return out
}
