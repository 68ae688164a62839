package terminal

import (
	"fmt"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// row is one line of the body.
type row struct {
	text    string
	focused bool
	caret   int  // column of the caret, -1 for none
	blank   bool // may be left out when the window is low
}

// body collects the rows of a screen.
type body struct {
	width int
	rows  []row
}

func (b *body) add(text string) { b.rows = append(b.rows, row{text: text, caret: -1}) }

func (b *body) gap() {
	if n := len(b.rows); n > 0 && !b.rows[n-1].blank {
		b.rows = append(b.rows, row{blank: true, caret: -1})
	}
}

// wrapped adds the text in as many rows as it needs, the first behind lead and
// the others below it.
func (b *body) wrapped(lead, text string, style func(string) string) {
	indent := lipgloss.Width(lead)
	for i, line := range strings.Split(lipgloss.Wrap(text, max(b.width-indent, 8), ""), "\n") {
		if i > 0 {
			lead = strings.Repeat(" ", indent)
		}
		b.add(lead + style(strings.TrimRight(line, " ")))
	}
}

func plainText(text string) string { return text }

// compose draws the screen in a column of that width, all kinds alike: what is
// there is drawn, so a kind that is not known is a notice.
func (m *model) compose(width int) *body {
	b := &body{width: width}
	b.wrapped("", m.screen.Title, m.lk.title)
	if m.screen.Text != "" {
		b.gap()
		b.wrapped("", m.screen.Text, plainText)
	}
	m.addNote(b)
	m.addNumber(b)
	m.addFacts(b)
	m.addChoices(b)
	m.addFields(b)
	m.addBusy(b)
	m.addActions(b)
	return b
}

func (m *model) addNote(b *body) {
	if m.screen.Note == nil || m.screen.Note.Text == "" {
		return
	}
	b.gap()
	if m.screen.Note.Level == wire.LevelError {
		b.wrapped(m.lk.bad("✗")+" ", m.screen.Note.Text, m.lk.bad)
		return
	}
	b.wrapped(m.lk.info("•")+" ", m.screen.Note.Text, m.lk.info)
}

func (m *model) addNumber(b *body) {
	if m.screen.Number == "" {
		return
	}
	b.gap()
	lines := Figures(m.screen.Number, b.width-2)
	if lines == nil {
		b.wrapped("  ", m.screen.Number, m.lk.strong)
		return
	}
	for _, line := range lines {
		b.add("  " + strings.TrimRight(line, " "))
	}
}

// addFacts draws what is read aloud as a table, or label above value where the
// column is narrow.
func (m *model) addFacts(b *body) {
	if len(m.screen.Facts) == 0 {
		return
	}
	b.gap()
	labels, values := 0, 0
	for _, f := range m.screen.Facts {
		labels, values = max(labels, lipgloss.Width(f.Label)), max(values, lipgloss.Width(aloud(f)))
	}
	table := labels+3+values <= b.width
	for _, f := range m.screen.Facts {
		if table {
			b.add(m.lk.dim(f.Label+strings.Repeat(" ", labels-lipgloss.Width(f.Label)+3)) + m.lk.strong(aloud(f)))
			continue
		}
		b.wrapped("", f.Label, m.lk.dim)
		b.wrapped("  ", aloud(f), m.lk.strong)
	}
}

// minSpelled is from how many characters a spelled value is grouped.
const minSpelled = 8

// aloud is the value as it is read aloud: what is spelled character by
// character, and is long, stands in groups of four.
func aloud(f wire.Fact) string {
	characters := strings.Split(f.Value, "")
	spelled := f.Spoken == strings.Join(characters, " ") && !strings.ContainsAny(f.Value, " -.")
	if !spelled || len(characters) < minSpelled {
		return f.Value
	}
	var b strings.Builder
	for i, c := range characters {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteString(c)
	}
	return b.String()
}

func (m *model) addChoices(b *body) {
	if len(m.screen.Choices) == 0 {
		return
	}
	b.gap()
	at, ok := m.focused()
	for i, c := range m.screen.Choices {
		mark := "○"
		if i == m.choice {
			mark = "●"
		}
		label := fmt.Sprintf("%s %d  %s", mark, i+1, c.Label)
		switch focused := ok && at == (item{partChoice, i}); {
		case !c.Enabled:
			b.wrapped(fmt.Sprintf("    %d  ", i+1), c.Label+" – not now", m.lk.dim)
			if c.Reason != "" {
				b.wrapped("       ", c.Reason, m.lk.dim)
			}
		case focused:
			b.rows = append(b.rows, row{text: "▸ " + m.lk.focused(label), focused: true, caret: -1})
		default:
			b.wrapped("  ", label, plainText)
		}
	}
}

func (m *model) addFields(b *body) {
	at, ok := m.focused()
	for i := range m.inputs {
		in := &m.inputs[i]
		b.gap()
		b.wrapped("", in.field.Label, m.lk.dim)
		text, caret := in.drawn()
		// The end of a long text stays in sight while it is typed.
		room := max(b.width-3, 8)
		if runes := []rune(text); len(runes) > room {
			start := max(0, min(caret-room+1, len(runes)-room))
			text, caret = string(runes[start:start+room]), caret-start
		}
		r := row{text: "  " + m.lk.strong(text), caret: -1}
		if ok && at == (item{partField, i}) {
			r = row{text: "▸ " + m.lk.strong(text), focused: true, caret: 2 + caret}
			if !in.digits() {
				r.text += m.lk.dim(strings.Repeat("_", max(0, min(24, room)-len([]rune(text)))))
			}
		}
		b.rows = append(b.rows, r)
	}
	if m.remark != "" {
		b.wrapped(m.lk.bad("!")+" ", m.remark, m.lk.bad)
	}
}

// spinner are the frames of what moves while something runs.
func spinner(frame int) string {
	frames := []string{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"}
	return frames[frame%len(frames)]
}

func (m *model) addBusy(b *body) {
	if !m.spinning() {
		return
	}
	b.gap()
	text := "One moment …"
	switch {
	case m.sent != "":
	case m.screen.Kind == wire.KindPush:
		text = "Waiting for your phone …"
	case m.screen.Kind == wire.KindKey:
		text = "Waiting for your key …"
	}
	b.add(m.lk.info(spinner(m.spin)) + " " + text)
}

// addActions draws the buttons in as many rows as they need.
func (m *model) addActions(b *body) {
	if len(m.screen.Actions) == 0 {
		return
	}
	b.gap()
	at, ok := m.focused()
	line, used, focused := "", 0, false
	flush := func() {
		if used > 0 {
			b.rows = append(b.rows, row{text: line, focused: focused, caret: -1})
		}
		line, used, focused = "", 0, false
	}
	for i, a := range m.screen.Actions {
		has := ok && at == (item{partAction, i})
		button, width := "  [ "+a.Label+" ]", lipgloss.Width(a.Label)+6
		if has {
			button = "▸ " + m.lk.focused("[ "+a.Label+" ]")
		} else if a.Role == wire.RoleDefault {
			button = "  " + m.lk.strong("[ "+a.Label+" ]")
		}
		if used > 0 && used+width > b.width {
			flush()
		}
		line, used, focused = line+button, used+width, focused || has
	}
	flush()
}
