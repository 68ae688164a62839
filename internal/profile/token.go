package profile

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

// form is what a piece of an XML file is.
type form int

const (
	text form = iota
	opening
	closing
	remark // a comment or a processing instruction
	doctype
	cdata
)

// token is a piece of an XML file, by offsets into it.
type token struct {
	form       form
	name       string
	start, end int
	empty      bool // <name/>
}

// scanner cuts a file into tokens. It never fails: what is no markup is text,
// and what was meant to be markup is taken as that, with a finding.
type scanner struct {
	src   []byte
	pos   int
	place place
	found *findings
}

func elements() []string {
	return []string{"plist", "dict", "key", "array", "string", "integer", "real", "true", "false", "data", "date"}
}

// element is the element that a name stands for, case aside, or nothing.
func element(name string) string {
	for _, e := range elements() {
		if strings.EqualFold(e, name) {
			return e
		}
	}
	return ""
}

func container(name string) bool { return name == "plist" || name == "dict" || name == "array" }

// next is the next token, and false at the end.
func (s *scanner) next() (token, bool) {
	if s.pos >= len(s.src) {
		return token{start: s.pos, end: s.pos}, false
	}
	t := s.cut()
	s.pos = t.end
	return t, true
}

func (s *scanner) cut() token {
	rest := s.src[s.pos:]
	switch {
	case rest[0] != '<':
		return s.text(s.pos)
	case bytes.HasPrefix(rest, []byte("<!--")):
		return s.until(remark, "<!--", "-->")
	case bytes.HasPrefix(rest, []byte("<![CDATA[")):
		return s.until(cdata, "<![CDATA[", "]]>")
	case bytes.HasPrefix(rest, []byte("<?")):
		return s.until(remark, "<?", "?>")
	case bytes.HasPrefix(rest, []byte("<!")):
		return s.doctype()
	}
	return s.tag()
}

// text reaches up to the next <, from a place at which a first < is text.
func (s *scanner) text(start int) token {
	end := len(s.src)
	if i := bytes.IndexByte(s.src[min(start+1, end):], '<'); i >= 0 {
		end = start + 1 + i
	}
	return token{form: text, start: start, end: end}
}

func (s *scanner) until(f form, first, last string) token {
	i := bytes.Index(s.src[s.pos+len(first):], []byte(last))
	if i < 0 {
		s.found.add(s.at(s.pos), Finding{Rule: "xml-unclosed", Problem: first + " is not closed: the file ends", Fix: "close it with " + last})
		return token{form: f, start: s.pos, end: len(s.src)}
	}
	return token{form: f, start: s.pos, end: s.pos + len(first) + i + len(last)}
}

// doctype ends at its >, after the definitions that it may hold.
func (s *scanner) doctype() token {
	rest := s.src[s.pos:]
	end := unquoted(rest, '>')
	if open := bytes.IndexByte(rest[:max(end, 0)], '['); open >= 0 {
		if shut := bytes.IndexByte(rest, ']'); shut > open {
			if i := bytes.IndexByte(rest[shut:], '>'); i >= 0 {
				end = shut + i
			}
		}
	}
	if end < 0 {
		s.found.add(s.at(s.pos), Finding{Rule: "xml-doctype", Problem: "<!… is not closed", Fix: "end it with >"})
		end = len(rest) - 1
	}
	return token{form: doctype, start: s.pos, end: s.pos + end + 1}
}

// unquoted is the first of a character outside of quotation marks, or, when they
// do not pair, the first of all.
func unquoted(src []byte, c byte) int {
	quote := byte(0)
	for i, b := range src[:min(len(src), 4096)] {
		switch {
		case b == c && quote == 0:
			return i
		case b == quote:
			quote = 0
		case quote == 0 && (b == '"' || b == '\''):
			quote = b
		}
	}
	return bytes.IndexByte(src, c)
}

// attributes is what may stand in a tag after its name.
var attributes = regexp.MustCompile(`^(\s+[A-Za-z_][\w.-]*\s*=\s*("[^"<&]*"|'[^'<&]*'))*\s*$`)

// curly are the quotation marks that text programs make of straight ones.
var curly = strings.NewReplacer("\u201c", `"`, "\u201d", `"`, "\u201e", `"`, "\u2018", "'", "\u2019", "'")

// tag reads <name …>, </name> and <name/>, also without the > where the name
// shows what was meant.
func (s *scanner) tag() token {
	t := token{form: opening, start: s.pos}
	at := s.pos + 1
	if at < len(s.src) && s.src[at] == '/' {
		t.form = closing
		at++
	}
	end := at
	for end < len(s.src) && nameByte(s.src[end]) {
		end++
	}
	t.name = string(s.src[at:min(end, at+64)])
	stop := s.tagEnd(end)
	if end > at && stop < len(s.src) && s.src[stop] == '>' {
		t.end = stop + 1
		return s.whole(t, end, stop)
	}
	if known := beginning(t.name); known != "" {
		t.name, t.end = known, at+len(known)
		s.found.add(s.at(t.start), Finding{Rule: "xml-tag", Problem: "the > of <" + slash(t) + known + "> is missing",
			Fix: "write <" + slash(t) + known + ">"}.mend(edit{t.end, t.end, ">"}))
		return t
	}
	return s.loose()
}

// tagEnd is the first < or > outside of an attribute's value.
func (s *scanner) tagEnd(from int) int {
	quote := byte(0)
	for i := from; i < len(s.src); i++ {
		switch c := s.src[i]; {
		case c == '<' || c == '>' && quote == 0:
			return i
		case c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\'') && s.src[i-1] == '=':
			quote = c
		}
	}
	return len(s.src)
}

// loose is a < that stands for itself.
func (s *scanner) loose() token {
	s.found.add(s.at(s.pos), Finding{Rule: "xml-escape", Problem: "a < stands in text",
		Fix: "write &lt; for a < that is meant as such"}.mend(edit{s.pos, s.pos + 1, "&lt;"}))
	return s.text(s.pos)
}

// whole looks at what a complete tag holds behind its name.
func (s *scanner) whole(t token, from, to int) token {
	if to > from && s.src[to-1] == '/' && t.form == opening {
		t.empty, to = true, to-1
	}
	if from == to {
		return t
	}
	inside := string(s.src[from:to])
	switch {
	case element(t.name) == "" && !attributes.MatchString(inside):
		return s.loose()
	case t.form == closing && strings.TrimSpace(inside) != "" || !attributes.MatchString(inside):
		f := Finding{Rule: "xml-tag", Problem: "<" + slash(t) + t.name + " …> holds what is no attribute", Fix: "write <" + slash(t) + t.name + ">"}
		if straight := curly.Replace(inside); t.form == opening && attributes.MatchString(straight) {
			f.Problem, f.Fix = "the quotation marks in <"+t.name+" …> are curly ones", "write straight ones"
			f = f.mend(edit{from, to, straight})
		}
		s.found.add(s.at(t.start), f)
	}
	return t
}

func slash(t token) string {
	if t.form == closing {
		return "/"
	}
	return ""
}

// beginning is the longest element that a name begins with.
func beginning(name string) string {
	best := ""
	for _, e := range elements() {
		if len(e) > len(best) && strings.HasPrefix(name, e) {
			best = e
		}
	}
	return best
}

func nameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || slices.Contains([]byte("_.-"), c)
}
