package native

import (
	"reflect"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

func codeScreen(seq uint64) wire.Screen {
	return wire.Screen{Seq: seq, Kind: wire.KindCode, Title: "Enter the code",
		Fields:  []wire.Field{{Name: "code", Kind: wire.FieldCode, Label: "Code", Digits: 6}},
		Choices: []wire.Choice{{ID: "a", Enabled: true}, {ID: "b"}},
		Actions: []wire.Action{{ID: "submit", Label: "Sign in", Role: wire.RoleDefault}, {ID: "back", Label: "Back", Role: wire.RoleCancel}}}
}

func TestPress(t *testing.T) {
	typed := func(text string) map[string]string { return map[string]string{"code": text, "stray": "x"} }
	for _, c := range []struct {
		name   string
		event  event
		act    *wire.Act
		remark string
	}{
		{"all digits", event{Seq: 3, Action: "submit", Choice: "a", Values: typed("123456")},
			&wire.Act{Seq: 3, Action: "submit", Choice: "a", Values: map[string]string{"code": "123456"}}, ""},
		{"nothing", event{Seq: 3, Action: "submit"}, nil, "Code: type 6 digits."},
		{"one short", event{Seq: 3, Action: "submit", Values: typed("12345")}, nil, "Code: one digit is missing."},
		{"two short", event{Seq: 3, Action: "submit", Values: typed("1234")}, nil, "Code: 2 digits are missing."},
		{"a choice that cannot be made", event{Seq: 3, Action: "submit", Choice: "b", Values: typed("123456")},
			&wire.Act{Seq: 3, Action: "submit", Values: map[string]string{"code": "123456"}}, ""},
		{"back sends nothing that was typed", event{Seq: 3, Action: "back", Choice: "a", Values: typed("123456")}, &wire.Act{Seq: 3, Action: "back", Values: map[string]string{}}, ""},
		{"another screen's", event{Seq: 2, Action: "back"}, nil, ""},
		{"what is not offered", event{Seq: 3, Action: "skip"}, nil, ""},
	} {
		m := &model{words: english()}
		m.show(codeScreen(3))
		act, remarked := m.press(c.event, noon())
		if !reflect.DeepEqual(act, c.act) {
			t.Errorf("%s: sends %+v, want %+v", c.name, act, c.act)
		}
		if (remarked != nil) != (c.remark != "") || remarked != nil && (remarked.Remark != c.remark || !remarked.Keep || remarked.Focus != "field code" || remarked.Announce != c.remark) {
			t.Errorf("%s: %+v, want the remark %q", c.name, remarked, c.remark)
		}
	}
}

// TestOnceUntilAnswered: a key that is held down signs in once; a daemon that does
// not take an act leaves nobody without a button.
func TestOnceUntilAnswered(t *testing.T) {
	m := &model{words: english()}
	m.show(codeScreen(1))
	press := func(action string, after time.Duration) bool {
		act, _ := m.press(event{Seq: m.screen.Seq, Action: action, Values: map[string]string{"code": "123456"}}, noon().Add(after))
		return act != nil
	}
	for i, c := range []struct {
		action string
		after  time.Duration
		sent   bool
	}{{"submit", 0, true}, {"submit", time.Second, false}, {"submit", 3 * time.Second, true}, {"back", 3 * time.Second, true}, {"back", 4 * time.Second, false}} {
		if press(c.action, c.after) != c.sent {
			t.Errorf("press %d: sent is %v", i, !c.sent)
		}
	}
	m.show(codeScreen(2))
	if !press("back", 4*time.Second) {
		t.Error("a new screen still remembers what was sent on the last one")
	}
}

func TestWhatStays(t *testing.T) {
	note := &wire.Note{Level: wire.LevelError, Text: "Wrong."}
	m := &model{words: english()}
	if v := m.show(codeScreen(1)); v.Keep {
		t.Error("the first screen keeps something")
	}
	update := codeScreen(2)
	update.Note = note
	if v := m.show(update); !v.Keep || v.Announce != "Error: Wrong." {
		t.Errorf("an update: keep %v, says %q", v.Keep, v.Announce)
	}
	update.Seq = 3
	if v := m.show(update); !v.Keep || v.Announce != "" {
		t.Errorf("the same once more: keep %v, says %q", v.Keep, v.Announce)
	}
	m.press(event{Seq: 3, Action: "submit", Values: map[string]string{"code": "123456"}}, noon())
	if v := m.waiting(); !v.Keep || !v.Busy || v.BusyText == "" {
		t.Errorf("while it is waited for: %+v", v)
	}
	if v := m.show(codeScreen(4)); v.Keep || v.Busy {
		t.Errorf("an answer keeps what was typed, or waits on: %+v", v)
	}
	other := codeScreen(5)
	other.Fields[0].Name = "pin"
	if v := m.show(other); v.Keep {
		t.Error("what was typed goes into another field")
	}
}
