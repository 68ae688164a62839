package profile

import (
	"bytes"
	"encoding/base64"
	"math"
	"strconv"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/plist"
)

// content is what stands in an element that may hold nothing but text.
type content struct {
	text     strings.Builder
	from, to int // of the content, in the file
	end      int // of the element
	closed   bool
	taken    bool // it was a key after all
}

// leaf reads a key or a value without elements in it.
func (b *builder) leaf(t token, name string) {
	c := &content{from: t.end, to: t.end, end: t.end, closed: t.empty}
	if !t.empty {
		b.text(t, name, c)
	}
	b.ends[t.start] = c.end
	if name == "key" && c.closed {
		b.key(t, c.text.String(), c.end)
		return
	}
	if c.taken {
		return
	}
	if b.top() == nil {
		b.done, b.prolog = true, true
		return
	}
	v := plist.Value{At: b.at(t.start)}
	if c.closed {
		v = b.value(t, name, c)
	}
	b.expect(plist.Value{Kind: v.Kind}, t.start)
	b.put(v, t.start, c.end)
}

// key begins an entry of a dictionary.
func (b *builder) key(t token, name string, end int) {
	top := b.top()
	if top == nil || top.name != "dict" {
		b.wrong(t.start, "xml-value", "<key> stands outside of a <dict>")
		return
	}
	if top.key != nil {
		b.valueless(top)
	}
	top.key, top.keyEnd = &plist.Entry{Key: name, At: b.at(t.start)}, end
}

// text gathers content up to the end tag, or to where it must have been.
func (b *builder) text(open token, name string, c *content) {
	for {
		t, more := b.next()
		switch {
		case t.form == text && more:
			b.decode(t, &c.text)
		case t.form == cdata:
			c.text.WriteString(newlines(string(trim(b.src[t.start:t.end], "<![CDATA[", "]]>"))))
		case t.form == remark && more:
		case t.form == doctype && more:
			b.wrong(t.start, "xml-doctype", "<!…> is not allowed inside a property list")
		case more && t.form == closing && element(t.name) == name:
			if t.name != name {
				b.wrong(t.start, "xml-element", "</%s> is written </%s>", t.name, name)
				b.mendLast("write </"+name+">", edit{t.start + 2, t.start + 2 + len(t.name), name})
			}
			c.to, c.end, c.closed = t.start, t.end, true
			return
		case more && element(t.name) == "":
			// A name in angle brackets is text that somebody forgot to escape.
			b.wrong(t.start, "xml-escape", "a < stands in text")
			b.mendLast("write &lt; for a < that is meant as such", edit{t.start, t.start + 1, "&lt;"})
			c.text.Write(b.src[t.start:t.end])
		default:
			b.unended(open, name, t, c)
			return
		}
	}
}

// unended is an element that another tag ends, or the file. It is mended in
// the reader's mind, so that what follows is read as it was meant.
func (b *builder) unended(open token, name string, next token, c *content) {
	raw := b.src[c.from:next.start]
	line := b.at(next.start).Line
	say := func(problem, fix string, end int, e edit) {
		b.wrong(open.start, "xml-unclosed", "<%s> is not closed: %s", name, problem).Noticed = line
		b.mendLast(fix, e)
		c.to, c.end, c.closed = min(end, e.from), end, true
	}
	slashed := bytes.Index(raw, []byte("/"+name+">"))
	trimmed := c.from + len(bytes.TrimRight(raw, " \t\r\n"))
	switch {
	case slashed >= 0:
		at := c.from + slashed
		b.pos = at + len(name) + 2
		say("the < of its end tag is missing", "write </"+name+">", b.pos, edit{at, at, "<"})
		c.reset(string(b.src[c.from:at]))
	case next.form == opening && next.name == name && !bytes.Contains(raw, []byte("\n")) && !b.textFollows(next.end):
		say("the / of its end tag is missing", "write </"+name+">", next.end, edit{next.start + 1, next.start + 1, "/"})
	case next.form == closing && !container(element(next.name)):
		b.crossed(open, name, next, c)
	case next.start >= len(b.src):
		say("the file ends", "write </"+name+"> behind its text", trimmed, edit{trimmed, trimmed, "</" + name + ">"})
	case name == "true" || name == "false":
		b.pos = next.start
		say("<"+slash(next)+next.name+"> comes first", "write <"+name+"/>", open.end, edit{open.end - 1, open.end - 1, "/"})
	default:
		b.pos = next.start
		say("<"+slash(next)+next.name+"> comes first", "write </"+name+"> behind its text", trimmed, edit{trimmed, trimmed, "</" + name + ">"})
		c.reset(strings.TrimRight(c.text.String(), " \t\r\n"))
	}
}

func (c *content) reset(s string) {
	c.text.Reset()
	c.text.WriteString(s)
}

// textFollows: what comes after an offset, up to the next tag, is no space.
func (b *builder) textFollows(offset int) bool {
	rest := b.src[offset:]
	if i := bytes.IndexByte(rest, '<'); i >= 0 {
		rest = rest[:i]
	}
	return len(bytes.TrimSpace(rest)) > 0
}

// crossed is an element that is closed by another's tag. Which of the two is
// wrong, the place says: where a key is due, the tag of a key is right.
func (b *builder) crossed(open token, name string, next token, c *content) {
	c.to, c.end, c.closed = next.start, next.end, true
	top := b.top()
	if next.name == "key" && top != nil && top.name == "dict" && top.key == nil {
		b.wrong(open.start, "xml-mismatch", "<%s> is closed by </key>, where a <key> is due", name)
		b.mendLast("write <key>", edit{open.start + 1, open.start + 1 + len(open.name), "key"})
		c.taken = true
		b.key(open, c.text.String(), c.end)
		return
	}
	b.wrong(open.start, "xml-mismatch", "<%s> is closed by </%s>", name, next.name).Noticed = b.at(next.start).Line
	b.mendLast("close it with </"+name+">", edit{next.start + 2, next.start + 2 + len(next.name), name})
}

func trim(raw []byte, first, last string) []byte {
	return bytes.TrimSuffix(bytes.TrimPrefix(raw, []byte(first)), []byte(last))
}

func newlines(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// kinds of value by element, and what their text must be.
var kinds = map[string]plist.Kind{"string": plist.String, "integer": plist.Integer, "real": plist.Real, "true": plist.Boolean,
	"false": plist.Boolean, "data": plist.Data, "date": plist.Date}

// value is what the text of an element says, or a finding.
func (b *builder) value(t token, name string, c *content) plist.Value {
	v := plist.Value{Kind: kinds[name], At: b.at(t.start)}
	raw := c.text.String()
	s, good := strings.TrimSpace(raw), true
	switch v.Kind {
	case plist.String:
		v.Text = raw
	case plist.Boolean:
		v.Bool, good = name == "true", s == ""
	case plist.Integer:
		v, good = integer(v, s)
	case plist.Real:
		v.Float, good = real(s)
	case plist.Data:
		v.Bytes, good = decoded(raw)
	case plist.Date:
		good = v.Time.UnmarshalText([]byte(raw)) == nil
		v.Time = v.Time.UTC()
	}
	if !good {
		v.Kind = 0 // a value, but none that can be looked at
		b.unreadable(t, name, s, c)
	}
	return v
}

func (b *builder) unreadable(t token, name, s string, c *content) {
	allowed := map[string]string{"integer": "a whole number in decimal digits", "real": "a number in decimal digits, with a point",
		"true": "nothing: <true/>", "false": "nothing: <false/>", "data": "base64", "date": "a date like 2026-01-31T12:00:00Z"}
	f := b.wrong(t.start, "xml-content", "what stands in this <%s> is not what it is for", name)
	f.Allowed = allowed[name]
	if top := b.top(); top != nil && top.key != nil {
		f.Key = shortened(top.key.Key)
	}
	if _, ok := real(s); ok && name == "integer" {
		b.mendLast("write <real>", edit{t.start, c.end, "<real>" + s + "</real>"})
	}
}

func integer(v plist.Value, s string) (plist.Value, bool) {
	if digits, negative := strings.CutPrefix(s, "-"); negative {
		n, err := strconv.ParseInt(s, 10, 64)
		magnitude, other := strconv.ParseUint(digits, 10, 64)
		w := plist.WholeNumber(n < 0, magnitude)
		w.At = v.At
		return w, err == nil && other == nil
	}
	n, err := strconv.ParseUint(s, 10, 64)
	w := plist.WholeNumber(false, n)
	w.At = v.At
	return w, err == nil
}

func real(s string) (float64, bool) {
	if strings.ContainsAny(s, "xXpP_") {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

func decoded(s string) ([]byte, bool) {
	raw, err := base64.StdEncoding.DecodeString(strings.NewReplacer("\t", "", "\n", "", " ", "", "\r", "").Replace(s))
	return raw, err == nil
}

// alike: two values are the same, wherever they stand.
func alike(a, b plist.Value) bool {
	if a.Kind != b.Kind || len(a.Items) != len(b.Items) || len(a.Entries) != len(b.Entries) || a.Text != b.Text || a.Bool != b.Bool ||
		a.Decimal() != b.Decimal() || math.Float64bits(a.Float) != math.Float64bits(b.Float) || !bytes.Equal(a.Bytes, b.Bytes) || !a.Time.Equal(b.Time) {
		return false
	}
	for i := range a.Items {
		if !alike(a.Items[i], b.Items[i]) {
			return false
		}
	}
	for _, e := range a.Entries {
		if other, there := b.Get(e.Key); !there || !alike(e.Value, other.Value) {
			return false
		}
	}
	return true
}
