package terminal

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files anew")

func plainLook() look {
	return look{bar: plainText, title: plainText, strong: plainText, dim: plainText, focused: plainText, info: plainText, bad: plainText, qr: plainText, colours: true}
}

// sitting is a model with what it has reported.
type sitting struct {
	*model
	acts  []wire.Act
	paces []time.Duration
}

func sit(width, height int) *sitting {
	s := &sitting{}
	s.model = newModel(noon, plainLook(), func(a wire.Act) { s.acts = append(s.acts, a) }, func(every time.Duration) { s.paces = append(s.paces, every) })
	s.Update(tea.WindowSizeMsg{Width: width, Height: height})
	return s
}

func (s *sitting) show(screen wire.Screen) { s.Update(showMsg{screen}) }

// press presses named keys, and types everything else.
func (s *sitting) press(keys ...string) {
	codes := map[string]tea.KeyPressMsg{"enter": {Code: tea.KeyEnter}, "esc": {Code: tea.KeyEscape}, "tab": {Code: tea.KeyTab},
		"shift+tab": {Code: tea.KeyTab, Mod: tea.ModShift}, "up": {Code: tea.KeyUp}, "down": {Code: tea.KeyDown}, "left": {Code: tea.KeyLeft},
		"right": {Code: tea.KeyRight}, "backspace": {Code: tea.KeyBackspace}, "home": {Code: tea.KeyHome}, "f1": {Code: tea.KeyF1}, "delete": {Code: tea.KeyDelete},
		"ctrl+u": {Code: 'u', Mod: tea.ModCtrl}, "ctrl+c": {Code: 'c', Mod: tea.ModCtrl}}
	for _, key := range keys {
		if k, named := codes[key]; named {
			s.Update(k)
			continue
		}
		for _, r := range key {
			s.Update(tea.KeyPressMsg{Code: r, Text: string(r)})
		}
	}
}

func (s *sitting) text() string {
	text, _, _ := s.draw()
	return text
}

func TestEachKindOfScreenIsDrawn(t *testing.T) {
	all := screens()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, size := range [][2]int{{100, 30}, {60, 20}} {
			t.Run(fmt.Sprintf("%s-%dx%d", name, size[0], size[1]), func(t *testing.T) {
				s := sit(size[0], size[1])
				s.show(all[name])
				golden(t, fmt.Sprintf("%s-%dx%d.txt", name, size[0], size[1]), s.text()+"\n")
			})
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestTheWindowIsNeverLeft(t *testing.T) {
	all := screens()
	names := slices.Sorted(maps.Keys(all))
	rapid.Check(t, func(t *rapid.T) {
		width, height := rapid.IntRange(1, 150).Draw(t, "width"), rapid.IntRange(1, 60).Draw(t, "height")
		s := sit(width, height)
		s.show(all[rapid.SampledFrom(names).Draw(t, "name")])
		s.press(rapid.SliceOfN(rapid.SampledFrom([]string{"tab", "up", "left", "1", "7", "x", "backspace", "home", "enter"}), 0, 12).Draw(t, "keys")...)
		text, x, y := s.draw()
		lines := strings.Split(text, "\n")
		if len(lines) > max(height, 2) {
			t.Fatalf("%d lines in a window of %d", len(lines), height)
		}
		for _, line := range lines {
			if lipgloss.Width(line) > width {
				t.Fatalf("%d cells in a window of %d: %q", lipgloss.Width(line), width, line)
			}
		}
		if height >= 8 && width >= 30 && (x >= width || y >= height) {
			t.Fatalf("caret at %d,%d", x, y)
		}
		// A person must see what has the focus.
		if _, focused := s.focused(); focused && height >= 8 && width >= 30 && !strings.Contains(text, "▸") {
			t.Fatalf("the focus is out of sight:\n%s", text)
		}
	})
}

func TestWhatKeysDo(t *testing.T) {
	submit := func(seq uint64, values map[string]string) wire.Act {
		return wire.Act{Seq: seq, Action: wire.ActionSubmit, Values: values}
	}
	none := map[string]string{}
	for _, c := range []struct {
		name, screen string
		keys         []string
		want         []wire.Act
	}{
		{"a PIN as it is read aloud", "pin", []string{"539 902-792", "enter"}, []wire.Act{submit(3, map[string]string{"pin": "539902792"})}},
		{"a PIN with a slip", "pin", []string{"5399x9", "backspace", "02792", "enter"}, []wire.Act{submit(3, map[string]string{"pin": "539902792"})}},
		{"a digit put in the middle", "pin", []string{"59902792", "home", "right", "3", "enter"}, []wire.Act{submit(3, map[string]string{"pin": "539902792"})}},
		{"a tenth digit is not taken", "pin", []string{"5399027921", "enter"}, []wire.Act{submit(3, map[string]string{"pin": "539902792"})}},
		{"too few digits are not sent", "pin", []string{"53990279", "enter"}, nil},
		{"return twice is one act", "pin", []string{"539902792", "enter", "enter"}, []wire.Act{submit(3, map[string]string{"pin": "539902792"})}},
		{"escape goes back", "pin", []string{"12", "esc"}, []wire.Act{{Seq: 3, Action: wire.ActionBack, Values: none}}},
		{"control-c goes back", "code", []string{"ctrl+c"}, []wire.Act{{Seq: 2, Action: wire.ActionBack, Values: none}}},
		{"first choice", "choose", []string{"enter"}, []wire.Act{{Seq: 1, Action: wire.ActionSubmit, Choice: "pin", Values: none}}},
		{"arrow skips what is not enabled", "choose", []string{"down", "enter"}, []wire.Act{{Seq: 1, Action: wire.ActionSubmit, Choice: "totp", Values: none}}},
		{"a digit chooses", "choose", []string{"3", "enter"}, []wire.Act{{Seq: 1, Action: wire.ActionSubmit, Choice: "totp", Values: none}}},
		{"a digit does not choose what is not enabled", "choose", []string{"2", "enter"}, []wire.Act{{Seq: 1, Action: wire.ActionSubmit, Choice: "pin", Values: none}}},
		{"a letter moves and does not press", "choose", []string{"b"}, nil},
		{"letter, then return", "choose", []string{"b", "enter"}, []wire.Act{{Seq: 1, Action: wire.ActionBack, Values: none}}},
		{"the default keeps the choice", "choose", []string{"3", "tab", "enter"}, []wire.Act{{Seq: 1, Action: wire.ActionSubmit, Choice: "totp", Values: none}}},
		{"a letter out of a code field", "code", []string{"c", "enter"}, []wire.Act{{Seq: 2, Action: wire.ActionContact, Values: none}}},
		{"F1 asks for help", "code", []string{"12", "f1"}, []wire.Act{{Seq: 2, Action: wire.ActionContact, Values: none}}},
		{"tab around and back", "pin", []string{"tab", "tab", "tab", "539902792", "shift+tab", "tab", "enter"}, []wire.Act{submit(3, map[string]string{"pin": "539902792"})}},
		{"another way while it waits", "push", []string{"enter"}, []wire.Act{{Seq: 4, Action: wire.ActionAnother, Values: none}}},
		{"text is added to what is there", "link", []string{"x y", "enter"}, []wire.Act{submit(6, map[string]string{"login": "anna@x y"})}},
		{"letters are text in a text field", "link", []string{"ctrl+u", "bob", "enter"}, []wire.Act{submit(6, map[string]string{"login": "bob"})}},
		{"skip", "grace", []string{"n", "enter"}, []wire.Act{{Seq: 9, Action: wire.ActionSkip, Values: none}}},
		{"notice", "notice", []string{"enter"}, []wire.Act{submit(11, none)}},
		{"unknown kind", "unknown", []string{"enter"}, []wire.Act{submit(12, none)}},
		{"locked leads to help", "locked", []string{"enter"}, []wire.Act{{Seq: 10, Action: wire.ActionContact, Values: none}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := sit(80, 24)
			s.show(screens()[c.screen])
			s.press(c.keys...)
			if diff := cmp.Diff(c.want, s.acts); diff != "" {
				t.Errorf("(-want +got):\n%s\n%s", diff, s.text())
			}
		})
	}
}

func TestWhatIsMissingIsSaid(t *testing.T) {
	s := sit(80, 24)
	s.show(screens()["pin"])
	s.press("enter")
	if !strings.Contains(s.text(), "type 9 digits") {
		t.Error(s.text())
	}
	s.press("5399", "enter")
	if !strings.Contains(s.text(), "539 9__ ___") || !strings.Contains(s.text(), "5 digits are missing") {
		t.Error(s.text())
	}
	s.press("0")
	if strings.Contains(s.text(), "missing") {
		t.Error("the remark stays while the person types on")
	}
}

func TestWhatWasTyped(t *testing.T) {
	first := screens()["code"]
	first.Seq++
	t.Run("stays when the screen is only brought up to date", func(t *testing.T) {
		s := sit(80, 24)
		s.show(screens()["code"])
		s.press("123", "tab")
		s.show(first)
		if !strings.Contains(s.text(), "123 ___") || !strings.Contains(s.text(), "▸ [ Sign in ]") {
			t.Error(s.text())
		}
	})
	t.Run("goes when the screen is an answer", func(t *testing.T) {
		s := sit(80, 24)
		s.show(screens()["code"])
		s.press("123456", "enter")
		s.show(first)
		if !strings.Contains(s.text(), "___ ___") || strings.Contains(s.text(), "456") {
			t.Error(s.text())
		}
		s.press("654321", "enter")
		if len(s.acts) != 2 || s.acts[1].Seq != first.Seq {
			t.Errorf("%+v", s.acts)
		}
	})
	t.Run("goes with another screen", func(t *testing.T) {
		s := sit(80, 24)
		s.show(screens()["pin"])
		s.press("123")
		s.show(screens()["contact"])
		if strings.Contains(s.text(), "123") {
			t.Error(s.text())
		}
	})
}

// TestAKeysPINIsNeverDrawn: it is good beyond this login. Spaces and hyphens
// are part of it.
func TestAKeysPINIsNeverDrawn(t *testing.T) {
	s := sit(80, 24)
	s.show(screens()["key-pin"])
	s.press("a", "-", " ", "9")
	if text := s.text(); !strings.Contains(text, "▸ ••••_") || strings.Contains(text, "a-") {
		t.Error(text)
	}
	s.press("enter")
	if len(s.acts) != 1 || s.acts[0].Values["pin"] != "a- 9" {
		t.Errorf("%+v", s.acts)
	}
}

func TestTextFromOutsideCannotSteerTheTerminal(t *testing.T) {
	evil := "a\x1b[2J\x07\u009b2J\u202eb\r\n\tc"
	s := sit(80, 30)
	s.show(wire.Screen{Title: evil, Text: evil, Note: &wire.Note{Text: evil}, Number: evil,
		Fields: []wire.Field{{Name: "n", Label: evil, Value: evil}}, Choices: []wire.Choice{{ID: "x", Label: evil, Reason: evil}, {ID: "y", Label: evil, Enabled: true}},
		Actions: []wire.Action{{ID: "submit", Label: evil}}, Facts: []wire.Fact{{Label: evil, Value: evil, Spoken: evil}}})
	s.Update(tea.PasteMsg{Content: evil})
	for _, r := range s.text() {
		if r != '\n' && (r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u202e') {
			t.Fatalf("%q reached the terminal:\n%q", r, s.text())
		}
	}
}

func TestTheCountdownTicksAndEnds(t *testing.T) {
	now := noon()
	s := sit(80, 24)
	m := s.model
	m.now = func() time.Time { return now }
	s.show(screens()["code"])
	s.press("123456", "enter")
	s.show(screens()["pin"])
	if diff := cmp.Diff([]time.Duration{tickEvery, spinEvery, 0}, s.paces); diff != "" {
		t.Errorf("counting, waiting, at rest (-want +got):\n%s", diff)
	}
	s.show(screens()["code"])
	for after, want := range map[time.Duration]string{0: "Time left 4:30", 30*time.Second + 1: "Time left 4:00", time.Hour: "Time left 0:00"} {
		now = noon().Add(after)
		if text, _, _ := m.draw(); !strings.Contains(text, want) {
			t.Errorf("after %v not %q:\n%s", after, want, text)
		}
	}
	now = noon().Add(-48 * time.Hour)
	if text, _, _ := m.draw(); strings.Contains(text, "Time left") {
		t.Error("a countdown of days: the clocks differ")
	}
}

func TestADefectEndsThePanelInOrder(t *testing.T) {
	s := sit(80, 24)
	s.show(screens()["pin"])
	s.model.act = nil
	s.press("539902792")
	_, cmd := s.Update(tea.KeyPressMsg{Code: tea.KeyEnter})
	if cmd == nil || s.failed == nil {
		t.Fatal("a panic was not noticed")
	}
	if _, quits := cmd().(tea.QuitMsg); !quits {
		t.Error("the panel goes on")
	}
	if strings.Contains(s.failed.Error(), "539") {
		t.Error("the error holds what was typed")
	}
}

func TestColoursAreLeftOutWhereThereAreNone(t *testing.T) {
	for _, c := range []struct {
		env  []string
		want bool
	}{{[]string{"TERM=xterm-256color"}, true}, {[]string{"TERM=xterm", "NO_COLOR=1"}, false}, {[]string{"TERM=xterm", "NO_COLOR="}, true},
		{[]string{"TERM=dumb"}, false}, {[]string{"TERM=vt100"}, false}, {[]string{"TERM="}, false}} {
		if got := hasColours(c.env); got != c.want {
			t.Errorf("hasColours(%v) = %v", c.env, got)
		}
	}
}
