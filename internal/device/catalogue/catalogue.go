package catalogue

import (
	"embed"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/locale"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// The texts by the English ones, one file for each language: another language is
// another file. What stands in braces is filled in: see pattern.
//
//go:embed *.json
var files embed.FS

// Catalogue is all languages.
type Catalogue struct {
	files     locale.Files
	languages map[string]*Language
}

// Language says screens in one language. A nil one says them in English.
type Language struct {
	exact    map[string]string
	formulas []formula // the longest first
}

// formula is a text in which something is filled in.
type formula struct {
	english *regexp.Regexp
	names   []string
	text    string
	length  int
}

// Open reads the catalogue.
func Open() (*Catalogue, error) {
	read, err := locale.Read(files, ".")
	if err != nil {
		return nil, err
	}
	c := &Catalogue{files: read, languages: map[string]*Language{}}
	for name, texts := range read {
		if c.languages[name], err = languageOf(texts); err != nil {
			return nil, fmt.Errorf("read the texts of %s: %w", name, err)
		}
	}
	return c, nil
}

// For is the language of a person who wants these, the preferred first; English
// where there is none of them, and in all that a nil Catalogue says.
func (c *Catalogue) For(wanted []string) *Language {
	if c == nil {
		return nil
	}
	return c.languages[c.files.Pick(wanted)]
}

func languageOf(texts locale.Texts) (*Language, error) {
	l := &Language{exact: map[string]string{}}
	for english, text := range texts {
		l.exact[english] = text
		f := formula{text: text, length: len(english)}
		expression, err := f.compile(english)
		if err != nil {
			return nil, err
		}
		f.english = expression
		l.formulas = append(l.formulas, f)
	}
	slices.SortFunc(l.formulas, func(a, b formula) int { return b.length - a.length })
	return l, nil
}

// pattern is what stands for a name in braces. A digit behind the name tells two
// of a kind apart.
func pattern(name string) (expression string, known bool) {
	expression, known = map[string]string{
		"n":     `\d+`,                                                // a number
		"name":  `.+?`,                                                // as somebody wrote it
		"label": `[^.:]+`,                                             // a text of its own
		"rest":  `.+`,                                                 // texts of their own, to the end
		"time":  `\d+ (?:second|minute|hour|day)s?(?: \d+ minutes?)?`, // said in the language
		"date":  `\d+ [A-Z][a-z]+ \d{4} at \d\d:\d\d UTC`,             // said in the language
		"month": `[A-Z][a-z]+`,                                        // said in the language
		"clock": `\d\d:\d\d`,                                          // as it is
	}[strings.TrimRight(name, "0123456789")]
	return expression, known
}

// spoken reports whether what stands for the name is said in the language itself.
func spoken(name string) bool {
	return slices.Contains([]string{"label", "rest", "time", "date", "month"}, strings.TrimRight(name, "0123456789"))
}

// compile makes an expression for the beginning of what is to be said, up to the
// end of a text.
func (f *formula) compile(english string) (*regexp.Regexp, error) {
	var b strings.Builder
	b.WriteString("^")
	for rest := english; rest != ""; {
		before, after, opened := strings.Cut(rest, "{")
		b.WriteString(regexp.QuoteMeta(before))
		if !opened {
			break
		}
		name, behind, closed := strings.Cut(after, "}")
		expression, known := pattern(name)
		if !closed || !known {
			return nil, fmt.Errorf("%q: {%s} is nothing that can be filled in", english, name)
		}
		f.names = append(f.names, name)
		b.WriteString("(" + expression + ")")
		rest = behind
	}
	b.WriteString("(?: |$)")
	return regexp.Compile(b.String())
}

// Text is an English text in the language. What is not known stays as it is, and
// so does what would be longer than a panel takes.
func (l *Language) Text(english string) string {
	if l == nil || english == "" {
		return english
	}
	if text := l.said(english); len(text) <= wire.MaxText {
		return text
	}
	return english
}

// said is a known text as a whole, else one known text after the other.
func (l *Language) said(english string) string {
	if text, known := l.exact[english]; known {
		return text
	}
	var out []string
	for rest := english; rest != ""; {
		text, length := l.next(rest)
		if length == 0 {
			return strings.Join(append(out, rest), " ")
		}
		out, rest = append(out, text), rest[length:]
	}
	return strings.Join(out, " ")
}

// next is the text that the beginning is, and how long that is in English.
func (l *Language) next(english string) (text string, length int) {
	for _, f := range l.formulas {
		found := f.english.FindStringSubmatch(english)
		if found == nil {
			continue
		}
		var fill []string
		for i, name := range f.names {
			value := found[i+1]
			if spoken(name) {
				value = l.Text(value)
			}
			fill = append(fill, name, value)
		}
		return locale.Fill(f.text, fill...), len(found[0])
	}
	return "", 0
}

// anew is how the value of a fact begins that is a text, and nothing to be read out.
const anew = "a new one in "

// Screen is the screen in the language. What is typed, read out, matched or
// scanned stays as it is.
func (l *Language) Screen(s wire.Screen) wire.Screen {
	if l == nil {
		return s
	}
	s.Title, s.Text = l.Text(s.Title), l.Text(s.Text)
	if s.Note != nil {
		s.Note = &wire.Note{Level: s.Note.Level, Text: l.Text(s.Note.Text)}
	}
	s.Fields, s.Choices = slices.Clone(s.Fields), slices.Clone(s.Choices)
	s.Actions, s.Facts = slices.Clone(s.Actions), slices.Clone(s.Facts)
	for i := range s.Fields {
		s.Fields[i].Label = l.Text(s.Fields[i].Label)
	}
	for i := range s.Choices {
		s.Choices[i].Label, s.Choices[i].Reason = l.Text(s.Choices[i].Label), l.Text(s.Choices[i].Reason)
	}
	for i := range s.Actions {
		s.Actions[i].Label = l.Text(s.Actions[i].Label)
	}
	for i := range s.Facts {
		s.Facts[i].Label = l.Text(s.Facts[i].Label)
		if strings.HasPrefix(s.Facts[i].Value, anew) {
			s.Facts[i].Value, s.Facts[i].Spoken = l.Text(s.Facts[i].Value), l.Text(s.Facts[i].Spoken)
		}
	}
	return s
}
