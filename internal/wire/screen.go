package wire

import (
	"fmt"
	"time"
)

// Bounds of what a screen holds and of what a person types into it.
const (
	MaxText   = 4096 // bytes of any text on a screen
	MaxName   = 64   // bytes of a name or an id
	MaxValue  = 64   // bytes of a typed value
	MaxItems  = 32   // entries of any list on a screen
	MaxQRData = 1024 // bytes behind a QR code
)

// ScreenKind says what a screen is for. A panel draws one that it does not
// know as KindNotice.
type ScreenKind string

// The kinds of screen.
const (
	KindChoose  ScreenKind = "choose"
	KindCode    ScreenKind = "code"
	KindPIN     ScreenKind = "pin"
	KindPush    ScreenKind = "push"
	KindKey     ScreenKind = "key"
	KindLink    ScreenKind = "link"
	KindEnrol   ScreenKind = "enrol"
	KindContact ScreenKind = "contact"
	KindGrace   ScreenKind = "grace"
	KindLocked  ScreenKind = "locked"
	KindNotice  ScreenKind = "notice"
)

// The kinds of field, which are the values of Field.Kind.
const (
	FieldCode = "code"
	FieldPIN  = "pin"
	FieldText = "text"
)

// The ids of actions, the values of Action.ID and Act.Action.
const (
	ActionSubmit  = "submit"
	ActionBack    = "back"
	ActionContact = "contact"
	ActionAnother = "another"
	ActionSkip    = "skip"
	ActionCancel  = "cancel"
	ActionRetry   = "retry"
)

// The roles of actions: what Return and Escape press, and the rest.
const (
	RoleDefault = "default"
	RoleCancel  = "cancel"
	RoleOther   = "other"
)

// The levels of a note.
const (
	LevelInfo  = "info"
	LevelError = "error"
)

// Screen is all that a panel draws. A new one replaces the old one whole.
type Screen struct {
	Seq      uint64
	Kind     ScreenKind
	Title    string
	Text     string
	Note     *Note
	Fields   []Field
	Choices  []Choice
	Actions  []Action
	Facts    []Fact
	Number   string    // to match on a phone
	QR       string    // payload of a QR code
	Busy     bool      // something runs; the panel shows that it does
	Deadline time.Time // when the screen ends or changes by itself; zero for never
}

// Note is a remark above the fields: why a code was refused, what was done.
type Note struct{ Level, Text string }

// Field is something to type. Digits, when not zero, is how many are wanted.
// A FieldPIN without digits is the PIN of a security key: any text, which is
// good beyond this login, so a panel never draws it.
type Field struct {
	Name, Kind, Label string
	Digits            int
	Value             string // what it holds when the screen opens
}

// Hidden reports whether what is typed must not be seen.
func (f Field) Hidden() bool { return f.Kind == FieldPIN && f.Digits == 0 }

// Choice is one way to go on. One that is not enabled says why in Reason.
type Choice struct {
	ID, Label string
	Enabled   bool
	Reason    string
}

// Action is a button.
type Action struct{ ID, Label, Role string }

// Fact is something to read aloud to the help desk. Spoken is how VoiceOver
// says it.
type Fact struct{ Label, Value, Spoken string }

// Dictionary is the screen as the prompt socket carries it.
func (s Screen) Dictionary() Dictionary {
	d := Dictionary{
		"seq": s.Seq, "kind": string(s.Kind), "title": s.Title, "text": s.Text,
		"fields": []any{}, "choices": []any{}, "actions": []any{}, "facts": []any{}, "busy": s.Busy,
	}
	if s.Note != nil {
		d["note"] = Dictionary{"level": s.Note.Level, "text": s.Note.Text}
	}
	d["fields"] = list(s.Fields, Field.dictionary)
	d["choices"] = list(s.Choices, Choice.dictionary)
	d["actions"] = list(s.Actions, func(a Action) Dictionary {
		return Dictionary{"id": a.ID, "label": a.Label, "role": a.Role}
	})
	d["facts"] = list(s.Facts, func(f Fact) Dictionary {
		return Dictionary{"label": f.Label, "value": f.Value, "spoken": f.Spoken}
	})
	putText(d, "number", s.Number)
	putText(d, "qr", s.QR)
	putTime(d, "deadline", s.Deadline)
	return d
}

func (f Field) dictionary() Dictionary {
	d := Dictionary{"name": f.Name, "kind": f.Kind, "label": f.Label}
	if f.Digits != 0 {
		d["digits"] = uint64(f.Digits)
	}
	putText(d, "value", f.Value)
	return d
}

func (c Choice) dictionary() Dictionary {
	d := Dictionary{"id": c.ID, "label": c.Label, "enabled": c.Enabled}
	putText(d, "reason", c.Reason)
	return d
}

func list[T any](items []T, one func(T) Dictionary) []any {
	out := make([]any, 0, len(items))
	for _, item := range items {
		out = append(out, one(item))
	}
	return out
}

// ScreenFrom reads a screen and refuses one that is out of bounds.
func ScreenFrom(d Dictionary) (Screen, error) {
	r := &reader{from: d}
	s := Screen{
		Seq: need[uint64](r, "seq"), Kind: ScreenKind(r.text("kind", MaxName)),
		Title: r.text("title", MaxText), Text: r.text("text", MaxText), Busy: need[bool](r, "busy"),
		Number: r.optional("number", MaxName), QR: r.optional("qr", MaxQRData),
	}
	s.Deadline, _ = maybe[time.Time](r, "deadline")
	if note, there := maybe[Dictionary](r, "note"); there {
		n := &reader{from: note}
		s.Note = &Note{Level: n.text("level", MaxName), Text: n.text("text", MaxText)}
		if n.err != nil {
			r.err = fmt.Errorf("field \"note\": %w", n.err)
		}
	}
	r.each("fields", MaxItems, func(f *reader) {
		digits, _ := maybe[uint64](f, "digits")
		s.Fields = append(s.Fields, Field{Name: f.text("name", MaxName), Kind: f.text("kind", MaxName),
			Label: f.text("label", MaxText), Digits: int(min(digits, MaxValue)), Value: f.optional("value", MaxText)})
	})
	r.each("choices", MaxItems, func(c *reader) {
		s.Choices = append(s.Choices, Choice{ID: c.text("id", MaxName), Label: c.text("label", MaxText),
			Enabled: need[bool](c, "enabled"), Reason: c.optional("reason", MaxText)})
	})
	r.each("actions", MaxItems, func(a *reader) {
		s.Actions = append(s.Actions, Action{ID: a.text("id", MaxName), Label: a.text("label", MaxText), Role: a.text("role", MaxName)})
	})
	r.each("facts", MaxItems, func(f *reader) {
		s.Facts = append(s.Facts, Fact{Label: f.text("label", MaxText), Value: f.text("value", MaxText), Spoken: f.text("spoken", MaxText)})
	})
	return s, r.err
}
