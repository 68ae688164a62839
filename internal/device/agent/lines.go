package agent

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/latchkey-mfa/latchkey/internal/qrcode"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// maxLine bounds what is read of a line; a value has 64 bytes at most.
const maxLine = 1 << 10

// Lines draws a conversation as plain lines, for a terminal or a pipe: a number
// chooses, a slash and a word act, anything else fills the field.
type Lines struct {
	// Echo shows what is typed, or not: a security key's PIN is not to be seen.
	// Nil where what is read is no terminal.
	Echo func(on bool)

	out  io.Writer
	acts chan wire.Act

	mu     sync.Mutex
	screen wire.Screen
	values map[string]string // of the fields before the one that is asked for
}

// NewLines draws on out.
func NewLines(out io.Writer) *Lines { return &Lines{out: out, acts: make(chan wire.Act, 16)} }

// Acts implements Panel.
func (l *Lines) Acts() <-chan wire.Act { return l.acts }

// Read takes the person's lines until in ends.
func (l *Lines) Read(in io.Reader) {
	defer close(l.acts)
	defer l.echo(true)
	scan := bufio.NewScanner(in)
	scan.Buffer(make([]byte, maxLine), maxLine)
	for scan.Scan() {
		if act, ok := l.line(scan.Text()); ok {
			l.acts <- act
		}
	}
}

// Show implements Panel.
func (l *Lines) Show(s wire.Screen) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.screen, l.values = s, map[string]string{}
	l.draw()
	l.prompt()
}

func (l *Lines) draw() {
	s, w := l.screen, l.out
	fmt.Fprintf(w, "\n%s\n%s\n", plain(s.Title), strings.Repeat("─", len([]rune(s.Title))))
	if s.Note != nil {
		mark := "·"
		if s.Note.Level == wire.LevelError {
			mark = "!"
		}
		fmt.Fprintf(w, "%s %s\n", mark, plain(s.Note.Text))
	}
	fmt.Fprintln(w, plain(s.Text))
	if s.Number != "" {
		fmt.Fprintf(w, "\n    %s\n\n", plain(s.Number))
	}
	if s.QR != "" {
		fmt.Fprintln(w, strings.Join(qrcode.Lines(s.QR, qrcode.QuietSmall, false), "\n"))
	}
	for _, f := range s.Facts {
		fmt.Fprintf(w, "%s: %s\n", plain(f.Label), plain(f.Value))
	}
	for i, c := range s.Choices {
		fmt.Fprintf(w, "  %d  %s", i+1, plain(c.Label))
		if !c.Enabled {
			fmt.Fprintf(w, " (%s)", plain(c.Reason))
		}
		fmt.Fprintln(w)
	}
	for _, a := range s.Actions {
		fmt.Fprintf(w, "  /%s  %s\n", plain(a.ID), plain(a.Label))
	}
}

func (l *Lines) echo(on bool) {
	if l.Echo != nil {
		l.Echo(on)
	}
}

func (l *Lines) prompt() {
	f, asked := l.field()
	l.echo(!asked || !f.Hidden())
	if asked {
		fmt.Fprintf(l.out, "%s: ", plain(f.Label))
	}
}

// field is the first that has no value yet.
func (l *Lines) field() (wire.Field, bool) {
	for _, f := range l.screen.Fields {
		if _, filled := l.values[f.Name]; !filled {
			return f, true
		}
	}
	return wire.Field{}, false
}

// line is what a person means by a line, on the screen that is shown.
func (l *Lines) line(text string) (wire.Act, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	act := wire.Act{Seq: l.screen.Seq, Action: l.usual(), Values: map[string]string{}}
	f, asked := l.field()
	hidden := asked && f.Hidden()
	if hidden {
		fmt.Fprintln(l.out) // the person's Return was not seen either
	} else {
		text = strings.TrimSpace(text)
	}
	word, slash := strings.CutPrefix(text, "/")
	switch {
	case slash && !(hidden && l.action(word) < 0): // a key's PIN may begin with a slash
		return l.named(act, word)
	case asked:
		return l.fill(act, f, text)
	case len(l.screen.Choices) > 0:
		return l.choose(act, text)
	}
	return act, act.Action != ""
}

// usual is the action that a plain answer stands for.
func (l *Lines) usual() string {
	for _, a := range l.screen.Actions {
		if a.Role == wire.RoleDefault {
			return a.ID
		}
	}
	return ""
}

// action is the first whose name begins with the word; -1 is none.
func (l *Lines) action(word string) int {
	return slices.IndexFunc(l.screen.Actions, func(a wire.Action) bool { return word != "" && strings.HasPrefix(a.ID, word) })
}

func (l *Lines) named(act wire.Act, word string) (wire.Act, bool) {
	at := l.action(word)
	if at < 0 {
		fmt.Fprintf(l.out, "! there is no /%s here\n", plain(word))
		l.prompt()
		return act, false
	}
	act.Action = l.screen.Actions[at].ID
	return act, true
}

func (l *Lines) fill(act wire.Act, f wire.Field, text string) (wire.Act, bool) {
	if text == "" {
		text = f.Value
	}
	if len(text) > wire.MaxValue {
		fmt.Fprintf(l.out, "! that is too long: at most %d bytes\n", wire.MaxValue)
		l.prompt()
		return act, false
	}
	l.values[f.Name] = text
	if _, more := l.field(); more {
		l.prompt()
		return act, false
	}
	act.Values, l.values = l.values, map[string]string{}
	return act, act.Action != ""
}

func (l *Lines) choose(act wire.Act, text string) (wire.Act, bool) {
	if text == "" {
		return act, act.Action != "" // the daemon takes the first that can be chosen
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > len(l.screen.Choices) || !l.screen.Choices[n-1].Enabled {
		fmt.Fprintln(l.out, "! type the number of one that can be chosen")
		return act, false
	}
	act.Choice, act.Action = l.screen.Choices[n-1].ID, wire.ActionSubmit
	return act, true
}

// plain keeps what came from elsewhere from steering the terminal.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, s)
}
