package native

import (
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/plugin/words"
)

func english() Words { return words.For(nil) }

func TestWhatVoiceOverSays(t *testing.T) {
	v := viewOf(wire.Screen{Seq: 1, Kind: wire.KindContact, Title: "T", Number: "47",
		Note:   &wire.Note{Level: wire.LevelError, Text: "That is not it."},
		Facts:  []wire.Fact{{Label: "Serial number", Value: "C02XL0GTJGH5", Spoken: "C 0 2 X L 0 G T J G H 5"}, {Label: "Name", Value: "Mac of Anna", Spoken: "Mac of Anna"}},
		Fields: []wire.Field{{Name: "pin", Kind: wire.FieldPIN, Label: "Recovery PIN", Digits: 9}, {Name: "key", Kind: wire.FieldPIN, Label: "PIN of the key", Value: "1234"}},
		QR:     "otpauth://totp/x?secret=A"}, english())
	for name, got := range map[string][2]string{
		"note":         {v.Note.Spoken, "Error: That is not it."},
		"announcement": {v.Announce, "Error: That is not it."},
		"number":       {v.NumberSpoken, "4 7"},
		"serial":       {v.Facts[0].Spoken, "Serial number: C 0 2 X L 0 G T J G H 5"},
		"name":         {v.Facts[1].Spoken, "Name: Mac of Anna"},
		"PIN":          {v.Fields[0].Help, "9 digits"},
		"key's PIN":    {v.Fields[1].Help, "What you type is not shown."},
		"QR":           {v.QRSpoken, "QR code. It can be typed instead: the key stands below."},
		"seen serial":  {v.Facts[0].Value, "C02X L0GT JGH5"},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %q, want %q", name, got[0], got[1])
		}
	}
	if !v.Fields[1].Hidden || v.Fields[1].Value != "" || v.Fields[0].Hidden {
		t.Errorf("what is typed is shown, or hidden, wrongly: %+v", v.Fields)
	}
	if len(v.QR) < 29 || strings.Contains(v.QR[0], "1") || !strings.Contains(v.QR[4], "1111111") || len(v.QR[0]) != len(v.QR) {
		t.Errorf("no QR code with a quiet zone: %q", v.QR)
	}
}

// TestNothingHides: names and messages come from outside.
func TestNothingHides(t *testing.T) {
	v := viewOf(wire.Screen{Title: "a\u202eb\nc", Text: "x\u200b\x07y\nz", Actions: []wire.Action{{ID: "submit", Label: "Sign\x1b[31m in"}}}, english())
	if v.Title != "ab c" || v.Text != "xy\nz" || v.Actions[0].Label != "Sign[31m in" {
		t.Errorf("%q, %q, %q", v.Title, v.Text, v.Actions[0].Label)
	}
}

func TestWhereThePersonGoesOn(t *testing.T) {
	submit := wire.Action{ID: "submit", Label: "Go", Role: wire.RoleDefault}
	back := wire.Action{ID: "back", Label: "Back", Role: wire.RoleCancel}
	ways := []wire.Choice{{ID: "push", Label: "Push", Reason: "not now"}, {ID: "totp", Label: "Code", Enabled: true}, {ID: "key", Label: "Key", Enabled: true}}
	for want, s := range map[string]wire.Screen{
		"field code":    {Fields: []wire.Field{{Name: "code"}}, Choices: ways, Actions: []wire.Action{submit}},
		"choice totp":   {Choices: ways, Actions: []wire.Action{submit}},
		"action submit": {Choices: ways[:1], Actions: []wire.Action{back, submit}},
		"":              {Actions: []wire.Action{back}}, // a stray Return does not end a wait
	} {
		if v := viewOf(s, english()); v.Focus != want {
			t.Errorf("the focus is at %q, want %q", v.Focus, want)
		}
	}
}

func noon() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) }

func TestTheCountdown(t *testing.T) {
	for left, want := range map[time.Duration]string{
		4*time.Minute + 29*time.Second + time.Millisecond: "Time left 4:30",
		time.Hour + time.Minute:                           "Time left 1:01:00",
		-time.Minute:                                      "Time left 0:00",
		25 * time.Hour:                                    "", // another clock's
		-25 * time.Hour:                                   "",
	} {
		m := &model{words: english()}
		m.show(wire.Screen{Deadline: noon().Add(left)})
		if got := m.count(noon()); got != want {
			t.Errorf("%v: %q, want %q", left, got, want)
		}
	}
	if got := (&model{words: english()}).count(noon()); got != "" {
		t.Errorf("without a deadline: %q", got)
	}
}
