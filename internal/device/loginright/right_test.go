package loginright_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/latchkey-mfa/latchkey/internal/device/loginright"
	"github.com/latchkey-mfa/latchkey/internal/device/loginright/righttest"
)

// lists are every right of testdata: those of each macOS, and those that other
// products have edited.
func lists(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(righttest.Folder(), "*.plist"))
	if err != nil || len(paths) < 10 {
		t.Fatalf("%d lists, %v", len(paths), err)
	}
	found := map[string][]byte{}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found[filepath.Base(path)] = raw
	}
	return found
}

func parse(t testing.TB, raw []byte) loginright.Right {
	t.Helper()
	r, err := loginright.Parse(raw)
	if err != nil {
		t.Fatalf("%v\n%s", err, raw)
	}
	return r
}

func TestEveryListIsArmedAndComesBackToTheByte(t *testing.T) {
	for name, raw := range lists(t) {
		before := parse(t, raw)
		armed, err := before.Arm()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		was, is := before.Mechanisms(), armed.Mechanisms()
		at := slices.Index(is, loginright.Prompt)
		if at < 1 || is[at-1] != "PKINITMechanism:auth,privileged" || is[at+1] != loginright.Gate || len(is) != len(was)+2 {
			t.Errorf("%s: %q", name, is)
		}
		if armed.Standing() != loginright.Armed || before.Standing() != loginright.Absent {
			t.Errorf("%s: %v, armed %v", name, before.Standing(), armed.Standing())
		}
		if again, err := armed.Arm(); err != nil || !bytes.Equal(again.XML(), armed.XML()) {
			t.Errorf("%s: armed twice: %v", name, err)
		}
		back, err := armed.Disarm()
		if err != nil || !bytes.Equal(back.XML(), raw) {
			t.Errorf("%s: it came back as\n%s\n%v", name, back.XML(), err)
		}
		lines := len(strings.Split(string(armed.XML()), "\n")) - len(strings.Split(string(raw), "\n"))
		if lines != 2 || !strings.Contains(string(armed.XML()), "\n\t\t<string>Latchkey:prompt</string>\n\t\t<string>Latchkey:gate,privileged</string>\n") {
			t.Errorf("%s: %d lines more:\n%s", name, lines, armed.XML())
		}
	}
}

// others are entries as other products and macOS write them, and what looks
// like ours.
func others() *rapid.Generator[string] {
	return rapid.OneOf(rapid.SampledFrom([]string{"builtin:prelogin", "loginwindow:login", "Escrow Buddy:Invoke,privileged", "Crypt:Check,privileged",
		"HomeDirMechanism:login,privileged", "latchkey:prompt", "LatchkeyX:gate", "a&b:<c>,privileged"}), rapid.StringMatching(`[A-Za-z ]{1,8}:[a-zA-Z-]{1,8}(,privileged)?`))
}

func without(list []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(m string) bool { return strings.HasPrefix(m, "Latchkey:") })
}

func TestAnyListKeepsWhatIsNotOurs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(rapid.OneOf(others(), rapid.SampledFrom([]string{loginright.Prompt, loginright.Gate, "Latchkey:old",
			"PKINITMechanism:auth,privileged", "builtin:authenticate,privileged", "builtin:login-success"})), 0, 20).Draw(t, "list")
		before := slices.Clone(list)
		in, err := loginright.Inserted(list)
		if !slices.Equal(list, before) {
			t.Fatal("the list given was changed")
		}
		if err != nil && !errors.Is(err, loginright.ErrNoAnchor) {
			t.Fatal(err)
		}
		if err == nil {
			if !slices.Equal(without(in), without(list)) || len(in) != len(without(list))+2 || loginright.StandingIn(in) != loginright.Armed {
				t.Fatalf("%q became %q", list, in)
			}
			// Never the first, directly one after the other, with the password proven
			// before and nobody let in before.
			at := slices.Index(in, loginright.Prompt)
			if at < 1 || in[at+1] != loginright.Gate || slices.Contains(in[:at], "builtin:login-success") || slices.Contains(in[at:], "builtin:authenticate,privileged") {
				t.Fatalf("%q became %q", list, in)
			}
			again, err := loginright.Inserted(in)
			if err != nil || !slices.Equal(again, in) {
				t.Fatalf("twice: %q, %v", again, err)
			}
			out, err := loginright.Removed(in)
			if err != nil || !slices.Equal(out, without(list)) {
				t.Fatalf("back: %q, %v", out, err)
			}
		}
		out, err := loginright.Removed(list)
		switch {
		case len(list) > 0 && len(without(list)) == 0:
			if !errors.Is(err, loginright.ErrEmpty) {
				t.Fatalf("%q became %q, %v", list, out, err)
			}
		case err != nil || !slices.Equal(out, without(list)):
			t.Fatalf("%q became %q, %v", list, out, err)
		}
	})
}

// written is a right with that list, as somebody writes it.
func written(list []string, between string) []byte {
	var s strings.Builder
	s.WriteString(`<?xml version="1.0"?><plist version="1.0"><dict><key>class</key><string>evaluate-mechanisms</string><key>further</key><dict><key>mechanisms</key><array><string>Latchkey:prompt</string></array></dict><key>mechanisms</key>` + between + `<array>`)
	for _, m := range list {
		s.WriteString(between + "<string>" + strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(m) + "</string>")
	}
	s.WriteString(between + `</array><key>version</key><integer>11</integer></dict></plist>`)
	return []byte(s.String())
}

func TestAnyRightComesBackToTheByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(others(), 0, 10).Draw(t, "list")
		at := rapid.IntRange(0, len(list)).Draw(t, "at")
		anchor := rapid.SampledFrom([]string{"PKINITMechanism:auth,privileged", "builtin:authenticate,privileged"}).Draw(t, "anchor")
		raw := written(slices.Insert(list, at, anchor), rapid.SampledFrom([]string{"", "\n\t\t", " ", "\r\n", "<!-- <string>Latchkey:gate</string> -->"}).Draw(t, "between"))
		before := parseRapid(t, raw)
		armed, err := before.Arm()
		if err != nil {
			t.Fatal(err)
		}
		back, err := armed.Disarm()
		if err != nil || !bytes.Equal(back.XML(), raw) {
			t.Fatalf("%v\n%s\n%s", err, raw, back.XML())
		}
	})
}

func parseRapid(t *rapid.T, raw []byte) loginright.Right {
	r, err := loginright.Parse(raw)
	if err != nil {
		t.Fatalf("%v\n%s", err, raw)
	}
	return r
}

func TestPlacesThatAreNone(t *testing.T) {
	for _, c := range []struct{ list, want string }{
		{"builtin:prelogin loginwindow:done", "neither"},
		{"builtin:authenticate", "neither"}, // the unprivileged one only asks
		{"builtin:login-success PKINITMechanism:auth,privileged", "builtin:login-success comes before"},
		{"loginwindow:success builtin:authenticate,privileged", "loginwindow:success comes before"},
		{"PKINITMechanism:auth,privileged builtin:authenticate,privileged", "builtin:authenticate,privileged comes after"},
		{"builtin:authenticate,privileged PKINITMechanism:auth,privileged a:b PKINITMechanism:auth,privileged", "more than once"},
		{"builtin:authenticate,privileged builtin:authenticate,privileged", "more than once"},
	} {
		list := strings.Fields(c.list)
		if got, err := loginright.Inserted(list); !errors.Is(err, loginright.ErrNoAnchor) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %q, %v, want %q", c.list, got, err, c.want)
		}
	}
}

func TestBadRightsAreNamed(t *testing.T) {
	list := func(body string) string {
		return `<?xml version="1.0"?><plist version="1.0"><dict><key>class</key><string>evaluate-mechanisms</string>` + body + `</dict></plist>`
	}
	for _, c := range []struct{ text, want string }{
		{"", "property list"},
		{"YES (0)\n" + list(`<key>mechanisms</key><array/>`), ""},
		{`<plist version="1.0"><array/></plist>`, "array"},
		{`<plist version="1.0"><dict><key>class</key><string>rule</string></dict></plist>`, `"class" is "rule"`},
		{list(``), `"mechanisms": missing`},
		{list(`<key>mechanisms</key><array><integer>1</integer></array>`), "entry 0"},
		{list(`<key>mechanisms</key><array><string></string></array>`), "entry 0"},
		{list(`<key>mechanisms</key><array><string>` + strings.Repeat("x", 256) + `</string></array>`), "entry 0"},
		{list(`<key>mechanisms</key><array>` + strings.Repeat("<string>a:b</string>", 257) + `</array>`), "257 entries"},
	} {
		if _, err := loginright.Parse([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.80s: %v, want %q", c.text, err, c.want)
		}
	}
}

func TestTheDiffSaysWhatComesAndGoes(t *testing.T) {
	before := parse(t, written([]string{"Latchkey:gate,privileged", "a:b", "builtin:authenticate,privileged", "c:d"}, "\n"))
	after, err := before.Arm()
	if err != nil {
		t.Fatal(err)
	}
	want := "- Latchkey:gate,privileged\n  a:b\n  builtin:authenticate,privileged\n+ Latchkey:prompt\n+ Latchkey:gate,privileged\n  c:d\n"
	if got := loginright.Diff(before, after); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func FuzzRight(f *testing.F) {
	for _, raw := range lists(f) {
		f.Add(raw)
	}
	f.Add(written([]string{"Latchkey:prompt", "builtin:authenticate,privileged"}, ""))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := loginright.Parse(raw)
		if err != nil {
			return
		}
		if !bytes.Equal(r.XML(), raw) {
			t.Fatal("what was read is not what was given")
		}
		armed, err := r.Arm()
		if err != nil {
			if !errors.Is(err, loginright.ErrNoAnchor) {
				t.Fatalf("%v\n%s", err, raw)
			}
			return
		}
		back, err := armed.Disarm()
		if err != nil || r.Standing() == loginright.Absent && !bytes.Equal(back.XML(), raw) {
			t.Fatalf("%v\n%s\n%s", err, raw, back.XML())
		}
	})
}
