package native

import (
	"strconv"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/qrcode"
	"github.com/latchkey-mfa/latchkey/internal/wire"
	"github.com/latchkey-mfa/latchkey/plugin/panel"
)

// view is a screen as the window is told of it (content.m reads it).
type view struct {
	Seq          uint64            `json:"seq"`
	Title        string            `json:"title"`
	Text         string            `json:"text"`
	Note         *note             `json:"note,omitempty"`
	Number       string            `json:"number"`
	NumberSpoken string            `json:"numberSpoken"`
	QR           []string          `json:"qr"` // rows of modules, 1 is dark
	QRSpoken     string            `json:"qrSpoken"`
	Facts        []fact            `json:"facts"`
	Choices      []choice          `json:"choices"`
	Fields       []field           `json:"fields"`
	Actions      []action          `json:"actions"`
	Busy         bool              `json:"busy"`
	BusyText     string            `json:"busyText"`
	Remark       string            `json:"remark"`   // below the fields: what is missing
	Count        string            `json:"count"`    // the time that is left
	Focus        string            `json:"focus"`    // "field NAME", "choice ID", "action ID"
	Keep         bool              `json:"keep"`     // what was typed and chosen stays
	Announce     string            `json:"announce"` // what VoiceOver says at once
	Words        map[string]string `json:"words"`
}

type note struct {
	Text   string `json:"text"`
	Spoken string `json:"spoken"`
	Error  bool   `json:"error"`
}

type fact struct {
	Label  string `json:"label"`
	Value  string `json:"value"`
	Spoken string `json:"spoken"`
}

type choice struct {
	ID      string `json:"id"`
	Label   string `json:"label"`
	Enabled bool   `json:"enabled"`
	Reason  string `json:"reason"`
	Chosen  bool   `json:"chosen"`
}

type field struct {
	Name   string `json:"name"`
	Label  string `json:"label"`
	Help   string `json:"help"`
	Value  string `json:"value"`
	Digits int    `json:"digits"` // 0: any text
	Group  int    `json:"group"`  // how many digits stand together
	Most   int    `json:"most"`   // bytes
	Hidden bool   `json:"hidden"`
}

type action struct {
	ID    string `json:"id"`
	Label string `json:"label"`
	Role  string `json:"role"`
}

// Words are the panel's own texts.
type Words interface {
	Text(key string, namesAndValues ...string) string
}

// viewOf is the screen as it first stands.
func viewOf(s wire.Screen, words Words) view {
	v := view{Seq: s.Seq, Title: panel.OneLine(s.Title), Text: panel.Clean(s.Text), Number: panel.OneLine(s.Number), NumberSpoken: spelled(s.Number),
		Busy: s.Busy, BusyText: busyText(s.Kind, words), Words: map[string]string{}}
	for _, key := range []string{"restart", "shutdown", "sleep", "powerFailed", "capsLock", "keyboard"} {
		v.Words[key] = words.Text(key)
	}
	if s.Note != nil && s.Note.Text != "" {
		v.Note = &note{Text: panel.Clean(s.Note.Text), Spoken: panel.Clean(s.Note.Text), Error: s.Note.Level == wire.LevelError}
		if v.Note.Error {
			v.Note.Spoken = words.Text("error", "text", v.Note.Text)
		}
		v.Announce = v.Note.Spoken
	}
	if s.QR != "" {
		v.QR, v.QRSpoken = qrcode.Rows(s.QR, qrcode.QuietFull), words.Text("squares")
	}
	for _, f := range s.Facts {
		v.Facts = append(v.Facts, fact{Label: panel.OneLine(f.Label), Value: panel.OneLine(aloud(f)), Spoken: panel.OneLine(f.Label + ": " + f.Spoken)})
	}
	v.addWhatCanBeDone(s, words)
	v.Focus = v.first()
	return v
}

func (v *view) addWhatCanBeDone(s wire.Screen, words Words) {
	chosen := false
	for _, c := range s.Choices {
		v.Choices = append(v.Choices, choice{ID: c.ID, Label: panel.OneLine(c.Label), Enabled: c.Enabled, Reason: panel.OneLine(c.Reason), Chosen: c.Enabled && !chosen})
		chosen = chosen || c.Enabled
	}
	for _, f := range s.Fields {
		v.Fields = append(v.Fields, fieldOf(f, words))
	}
	for _, a := range s.Actions {
		v.Actions = append(v.Actions, action{ID: a.ID, Label: panel.OneLine(a.Label), Role: a.Role})
	}
}

func fieldOf(f wire.Field, words Words) field {
	out := field{Name: f.Name, Label: panel.OneLine(f.Label), Value: panel.OneLine(f.Value), Most: wire.MaxValue, Hidden: f.Hidden()}
	if f.Kind != wire.FieldText {
		out.Digits = min(max(f.Digits, 0), wire.MaxValue)
	}
	switch {
	case out.Hidden:
		out.Value, out.Help = "", words.Text("secret")
	case out.Digits > 0:
		out.Group, out.Help = groups(out.Digits), words.Text("digitsWanted", "digits", strconv.Itoa(out.Digits))
	}
	return out
}

// groups is how many digits stand together: 3-3-3 for a PIN, 3-3 for a code,
// as they are read aloud; else fours.
func groups(digits int) int {
	if digits%3 == 0 {
		return 3
	}
	return 4
}

// first is where a person goes on: the first field, else the first choice, else
// the default action. Where there is none of them the person waits for something,
// and a stray Return must not end that.
func (v *view) first() string {
	if len(v.Fields) > 0 {
		return "field " + v.Fields[0].Name
	}
	for _, c := range v.Choices {
		if c.Chosen {
			return "choice " + c.ID
		}
	}
	for _, a := range v.Actions {
		if a.Role == wire.RoleDefault {
			return "action " + a.ID
		}
	}
	return ""
}

func busyText(kind wire.ScreenKind, words Words) string {
	switch kind {
	case wire.KindPush:
		return words.Text("phone")
	case wire.KindKey:
		return words.Text("key")
	}
	return words.Text("moment")
}

// minSpelled is from how many characters a spelled value is grouped.
const minSpelled = 8

// aloud is the value as it is read aloud: what is spelled character by
// character, and is long, stands in groups of four.
func aloud(f wire.Fact) string {
	if f.Spoken != spelled(f.Value) || len(f.Value) < minSpelled || strings.ContainsAny(f.Value, " -.") {
		return f.Value
	}
	var b strings.Builder
	for i, c := range []rune(f.Value) {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(c)
	}
	return b.String()
}

func spelled(s string) string { return strings.Join(strings.Split(s, ""), " ") }
