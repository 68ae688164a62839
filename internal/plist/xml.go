package plist

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// survey is the strict pass over an XML property list. It finds the shape of
// the tree and the place of every value, and refuses what the library would
// take or could not name the line of.
type survey struct {
	dec  *xml.Decoder
	at   Position // of the token that was read last
	open []tag    // the elements that are open
}

type tag struct {
	name string
	at   Position
}

func surveyXML(data []byte, fragment bool) (Value, error) {
	s := &survey{dec: xml.NewDecoder(bytes.NewReader(data))}
	root, err := s.document(fragment)
	if err != nil {
		return Value{}, err
	}
	return root, s.end()
}

func (s *survey) document(fragment bool) (Value, error) {
	start, err := s.prolog()
	if err != nil {
		return Value{}, err
	}
	if fragment && start.Name.Local == "dict" {
		return s.value(start)
	}
	if start.Name.Local != "plist" {
		return Value{}, s.wrong(s.at, "the first element is <%s>; a property list begins with <plist>", start.Name.Local)
	}
	at := s.push(start)
	inner, err := s.child()
	if err != nil {
		return Value{}, err
	}
	if inner == nil {
		return Value{}, s.wrong(at, "<plist> is empty; one value is expected in it")
	}
	root, err := s.value(*inner)
	if err != nil {
		return Value{}, err
	}
	if more, err := s.child(); err != nil || more != nil {
		return Value{}, orElse(err, s.wrong(s.at, "a second value stands in <plist>; only one is allowed"))
	}
	return root, nil
}

// prolog reads up to the first element.
func (s *survey) prolog() (xml.StartElement, error) {
	for {
		t, err := s.next()
		if err != nil {
			return xml.StartElement{}, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			return t, nil
		case xml.Directive:
			// Entities that a file defines could say anything, at any length.
			if !strings.HasPrefix(string(t), "DOCTYPE plist") || bytes.ContainsAny(t, "[]") {
				return xml.StartElement{}, s.wrong(s.at, "only <!DOCTYPE plist …> without definitions of its own is allowed")
			}
		case xml.EndElement:
			return xml.StartElement{}, s.wrong(s.at, "</%s> closes nothing", t.Name.Local)
		case xml.CharData:
			if err := s.onlySpace(t, "before the first element; if this is an OpenStep text property list, convert it to XML"); err != nil {
				return xml.StartElement{}, err
			}
		}
	}
}

// end makes sure that nothing follows the property list.
func (s *survey) end() error {
	for {
		t, err := s.token()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		switch t := t.(type) {
		case xml.Comment:
		case xml.CharData:
			if err := s.onlySpace(t, "after the end of the property list"); err != nil {
				return err
			}
		default:
			return s.wrong(s.at, "something follows the end of the property list")
		}
	}
}

// child is the next element inside the innermost open one, or nil where that
// one is closed, which takes it off.
func (s *survey) child() (*xml.StartElement, error) {
	for {
		t, err := s.next()
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			return &t, nil
		case xml.EndElement:
			return nil, s.pop(t)
		case xml.CharData:
			if err := s.onlySpace(t, "between the elements of <"+s.innermost().name+">"); err != nil {
				return nil, err
			}
		case xml.Directive:
			return nil, s.wrong(s.at, "<!%.20s…> is not allowed inside a property list", t)
		}
	}
}

// text is what stands in an element that may hold nothing else, up to its end.
func (s *survey) text() (string, error) {
	var b strings.Builder
	for {
		t, err := s.next()
		if err != nil {
			return "", err
		}
		switch t := t.(type) {
		case xml.CharData:
			b.Write(t)
		case xml.EndElement:
			return b.String(), s.pop(t)
		case xml.StartElement:
			return "", s.unclosed(shown(t.Name, "") + " opens inside it")
		case xml.Directive:
			return "", s.wrong(s.at, "<!%.20s…> is not allowed inside a property list", t)
		}
	}
}

// next is the next token of a file that must not end here.
func (s *survey) next() (xml.Token, error) {
	t, err := s.token()
	if errors.Is(err, io.EOF) {
		if len(s.open) == 0 {
			return nil, s.wrong(s.at, "the file ends before any element")
		}
		return nil, s.unclosed("the file ends")
	}
	return t, err
}

func (s *survey) token() (xml.Token, error) {
	line, column := s.dec.InputPos()
	s.at = Position{line, column}
	t, err := s.dec.RawToken()
	var syntax *xml.SyntaxError
	switch {
	case err == nil:
		return s.plain(t)
	case errors.Is(err, io.EOF):
		return nil, io.EOF
	case errors.As(err, &syntax):
		return nil, &Error{At: s.at, Noticed: s.noticed(), Problem: "malformed XML: " + harmless(syntax.Msg)}
	}
	return nil, &Error{At: s.at, Problem: "malformed XML", Err: err}
}

// plain refuses name spaces, which a property list has not, and the two readers
// of a name would see different things in.
func (s *survey) plain(t xml.Token) (xml.Token, error) {
	if start, ok := t.(xml.StartElement); ok && start.Name.Space != "" {
		return nil, s.wrong(s.at, "an element of a property list has no name space")
	}
	return t, nil
}

// harmless is the decoder's message without the pieces of text that it quotes:
// they can be of a value, and the value a secret.
func harmless(msg string) string {
	switch {
	case strings.HasPrefix(msg, "invalid character entity"):
		return "an & that is meant as such is written &amp;"
	case strings.HasPrefix(msg, "invalid XML name"):
		return "a < that is meant as such is written &lt;"
	}
	return msg
}

// shown is the name of an element that stands where text should: only those of
// a property list, because others may be part of the text.
func shown(name xml.Name, before string) string {
	switch name.Local {
	case "plist", "dict", "key", "array", "string", "integer", "real", "true", "false", "data", "date":
		return "<" + before + name.Local + ">"
	}
	return "another element"
}

func (s *survey) noticed() Position {
	line, column := s.dec.InputPos()
	return Position{line, column}
}

func (s *survey) push(start xml.StartElement) Position {
	s.open = append(s.open, tag{start.Name.Local, s.at})
	return s.at
}

func (s *survey) innermost() tag { return s.open[len(s.open)-1] }

func (s *survey) pop(end xml.EndElement) error {
	if end.Name.Local != s.innermost().name {
		return s.unclosed(shown(end.Name, "/") + " comes first")
	}
	s.open = s.open[:len(s.open)-1]
	return nil
}

// unclosed blames the innermost open element: that is where the person who
// wrote the file has to look, however much later it was noticed.
func (s *survey) unclosed(why string) error {
	e := s.wrong(s.innermost().at, "<%s> is not closed: %s", s.innermost().name, why)
	e.Noticed = s.at
	return e
}

func (s *survey) onlySpace(text []byte, where string) error {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	return s.wrong(s.at, "text stands %s", where)
}

func (s *survey) wrong(at Position, format string, args ...any) *Error {
	return &Error{At: at, Problem: fmt.Sprintf(format, args...)}
}

func orElse(err error, other *Error) error {
	if err != nil {
		return err
	}
	return other
}
