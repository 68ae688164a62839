package authhost

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestTheConsoleRightIsTheShippedOne(t *testing.T) {
	read, err := ReadRight("system.login.console", "../../testdata/rights/system.login.console.v11.plist")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(read, ConsoleRight()); diff != "" {
		t.Errorf("(-file +built in):\n%s", diff)
	}
}

func TestLatchkeyStandsWhereTheProductPutsIt(t *testing.T) {
	for _, c := range []struct{ before, after string }{
		{"builtin:authenticate,privileged PKINITMechanism:auth,privileged builtin:login-success",
			"builtin:authenticate,privileged PKINITMechanism:auth,privileged Latchkey:prompt Latchkey:gate,privileged builtin:login-success"},
		{"builtin:prelogin builtin:authenticate,privileged", "builtin:prelogin builtin:authenticate,privileged Latchkey:prompt Latchkey:gate,privileged"},
		{"builtin:authenticate,privileged Latchkey:prompt Latchkey:gate,privileged", "builtin:authenticate,privileged Latchkey:prompt Latchkey:gate,privileged"},
		// Halves, a wrong order and strays, as an update or another tool leaves them.
		{"builtin:authenticate,privileged Latchkey:gate,privileged a:b", "builtin:authenticate,privileged Latchkey:prompt Latchkey:gate,privileged a:b"},
		{"Latchkey:prompt builtin:authenticate,privileged a:b", "builtin:authenticate,privileged Latchkey:prompt Latchkey:gate,privileged a:b"},
		{"builtin:authenticate,privileged Latchkey:gate,privileged Latchkey:prompt", "builtin:authenticate,privileged Latchkey:prompt Latchkey:gate,privileged"},
		{"builtin:authenticate,privileged a:b Latchkey:prompt Latchkey:gate,privileged", "builtin:authenticate,privileged Latchkey:prompt Latchkey:gate,privileged a:b"},
		{"Latchkey:prompt Latchkey:gate,privileged", ""},
		{"builtin:prelogin", ""},
		{"builtin:authenticate", ""}, // the unprivileged one only asks
	} {
		before := right(t, strings.Fields(c.before)...)
		with, err := before.WithLatchkey()
		if (err != nil) != (c.after == "") {
			t.Errorf("%s: %v", c.before, err)
		}
		if err != nil {
			continue
		}
		if got := listed(with); got != c.after {
			t.Errorf("got  %s\nwant %s", got, c.after)
		}
		if listed(before) != c.before {
			t.Error("the list given was changed")
		}
		if again, err := with.WithLatchkey(); err != nil || listed(again) != c.after {
			t.Errorf("twice: %s, %v", listed(again), err)
		}
	}
}

func listed(r Right) string {
	var names []string
	for _, m := range r.Mechanisms {
		names = append(names, m.String())
	}
	return strings.Join(names, " ")
}

func TestBadRightsAreNamed(t *testing.T) {
	list := func(body string) string {
		return `<?xml version="1.0"?><plist version="1.0"><dict><key>class</key><string>evaluate-mechanisms</string>` + body + `</dict></plist>`
	}
	for _, c := range []struct{ text, want string }{
		{"", "property list"},
		{"{ class = x; }", "property list"},
		{`<plist version="1.0"><array/></plist>`, "array"},
		{`<plist version="1.0"><dict><key>class</key><string>rule</string></dict></plist>`, `"class" is "rule"`},
		{list(``), `"mechanisms": missing`},
		{list(`<key>mechanisms</key><string>builtin:x</string>`), "no array"},
		{list(`<key>mechanisms</key><array><integer>1</integer></array>`), "entry 0 is a integer"},
		{list(`<key>mechanisms</key><array><string>a:b</string><string>nothing</string></array>`), `entry 1: "nothing" is no mechanism`},
		{list(`<key>mechanisms</key><array><string>a:b,root</string></array>`), "',privileged'"},
		{list(`<key>mechanisms</key><array><string>a:b:c</string></array>`), "no mechanism"},
		{list(`<key>mechanisms</key><array/><key>tries</key><integer>0</integer>`), `"tries"`},
		{list(`<key>mechanisms</key><array/><key>tries</key><string>3</string>`), `"tries"`},
	} {
		if _, err := ParseRight("r", []byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.text, err, c.want)
		}
	}
	path := filepath.Join(t.TempDir(), "none.plist")
	if _, err := ReadRight("r", path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("missing file: %v", err)
	}
	path = filepath.Join(t.TempDir(), "three.plist")
	if err := os.WriteFile(path, []byte(list(`<key>mechanisms</key><array><string>Escrow Buddy:Invoke,privileged</string></array><key>tries</key><integer>3</integer>`)), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := ReadRight("r", path)
	if err != nil || r.Tries != 3 || r.Mechanisms[0] != (Mechanism{"Escrow Buddy", "Invoke", true}) {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestFramesComeBackAsTheyWent(t *testing.T) {
	drawn := func(t *rapid.T, label string) values {
		m := rapid.MapOfN(rapid.String(), rapid.SliceOf(rapid.Byte()), 0, 5).Draw(t, label)
		v := values{}
		for key, data := range m {
			v[key] = value{rapid.Uint32().Draw(t, "flags"), data}
		}
		return v
	}
	rapid.Check(t, func(t *rapid.T) {
		hints, context := drawn(t, "hints"), drawn(t, "context")
		var w writer
		w.number(7)
		w.number(1)
		w.values(hints)
		w.values(context)
		frame, err := w.frame(opResult)
		if err != nil {
			t.Fatal(err)
		}
		m, err := readMessage(bytes.NewReader(frame))
		if err != nil {
			t.Fatal(err)
		}
		if m.id != 7 || m.code != 1 || m.hints.changes(hints) != "" || m.context.changes(context) != "" || len(m.hints) != len(hints) {
			t.Fatalf("%v became %v", hints, m.hints)
		}
		cut := rapid.IntRange(0, len(frame)-1).Draw(t, "cut")
		if _, err := readMessage(bytes.NewReader(frame[:cut])); err == nil || (err == io.EOF) != (cut == 0) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
	})
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte{20, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{17, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 'x'})
	f.Add([]byte{24, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 {
			return
		}
		m, err := parseMessage(op(data[0]), data[1:])
		if err == nil && len(m.hints)+len(m.context) > len(data) {
			t.Fatalf("%d bytes became %d values", len(data), len(m.hints)+len(m.context))
		}
	})
}

func FuzzRight(f *testing.F) {
	data, err := os.ReadFile("../../testdata/rights/system.login.console.v11.plist")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("bplist00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ParseRight("r", data)
		if err != nil {
			return
		}
		for _, m := range r.Mechanisms {
			again, err := ParseMechanism(m.String())
			if err != nil || again != m {
				t.Fatalf("%+v reads back as %+v, %v", m, again, err)
			}
		}
	})
}

func TestValuesNeverPrint(t *testing.T) {
	v := values{}
	v.setText(keyPassword, flagExtractable, "correct horse")
	before := values{}
	if text := v.changes(before) + fmt.Sprint(Outcome{Result: Deny, Cause: "x"}); strings.Contains(text, "horse") {
		t.Error(text)
	}
	v.wipe()
	if bytes.Contains(v[keyPassword].data, []byte("horse")) {
		t.Error("wiped values stay in memory")
	}
}
