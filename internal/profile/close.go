package profile

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/policy"
)

// closing ends the element that it names, and those in it that were left open.
func (b *builder) closing(t token) {
	name := element(t.name)
	if name == "" {
		name = b.misspelt(t)
	} else if name != t.name {
		b.wrong(t.start, "xml-element", "</%s> is written </%s>", t.name, name)
		b.mendLast("write </"+name+">", edit{t.start + 2, t.start + 2 + len(t.name), name})
	}
	switch {
	case name == "":
	case b.done:
		b.behind(t.start)
	case container(name) && b.wrongEnd(t, name):
		b.wrong(t.start, "xml-mismatch", "<%s> is closed by </%s>", b.top().name, t.name)
		b.mendLast("close it with </"+b.top().name+">", edit{t.start + 2, t.start + 2 + len(t.name), b.top().name})
		b.pop(t.end)
	case !container(name) || b.holder(name) < 0:
		b.wrong(t.start, "xml-unopened", "</%s> closes nothing", name).Fix = "remove it, or open the element that it should close"
	default:
		b.closeTo(t, b.closes(t, name))
	}
}

// misspelt is the open element that an unknown name was meant to close.
func (b *builder) misspelt(t token) string {
	f := b.wrong(t.start, "xml-element", "</%s> is no element of a property list", t.name)
	top := b.top()
	if top == nil {
		return ""
	}
	if _, near := policy.Nearest(t.name, []string{top.name}); near {
		f.Fix = "write </" + top.name + ">"
		return top.name
	}
	return ""
}

// wrongEnd: an end tag of another name stands exactly where that of the innermost
// element is due.
func (b *builder) wrongEnd(t token, name string) bool {
	top, width := b.top(), b.indent(t.start)
	if top == nil || top.name == name || width < 0 || top.indent != width {
		return false
	}
	i := b.holder(name)
	return i < 0 || b.open[i].indent != width
}

// holder is the innermost open element of a name, or -1.
func (b *builder) holder(name string) int {
	for i := len(b.open) - 1; i >= 0; i-- {
		if b.open[i].name == name {
			return i
		}
	}
	return -1
}

// closes is the element that an end tag closes: the innermost of its name, or,
// by indentation, the one that begins as far in as the tag.
func (b *builder) closes(t token, name string) int {
	i := b.holder(name)
	width := b.indent(t.start)
	if !b.byIndent || width < 0 || b.open[i].indent <= width {
		return i
	}
	for j := i - 1; j >= 0; j-- {
		if b.open[j].name == name && b.open[j].indent == width {
			return j
		}
	}
	return i
}

func (b *builder) closeTo(t token, i int) {
	for len(b.open)-1 > i {
		b.unclosed(fmt.Sprintf("</%s> comes first", t.name), t.start)
		b.pop(t.start)
	}
	b.pop(t.end)
}

// unclosed blames the innermost open container, at the place where it begins:
// that is where the person who wrote the file has to look.
func (b *builder) unclosed(why string, noticed int) {
	top := b.top()
	line := b.at(noticed).Line
	f := b.wrong(top.start, "xml-unclosed", "<%s> is not closed: %s", top.name, why)
	f.Key, f.Noticed = "container", line // taken out again by tree
	f.Fix = "put </" + top.name + "> where it should end"
}

// end is the end of the file.
func (b *builder) end() {
	switch {
	case len(b.open) > 0:
		for len(b.open) > 0 && !b.found.full {
			// The elements around it are most likely open only because it is.
			if len(b.open) == 1 || b.open[len(b.open)-1].name != "plist" {
				b.unclosed("the file ends", len(b.src))
			}
			b.pop(len(b.src))
		}
	case !b.done && !b.prolog:
		b.found.list = nil // text before the first element, which there is none of
		f := b.wrong(0, "xml-none", "there is no property list in this file")
		f.Allowed = "a property list, XML or binary, or a configuration profile"
		switch first := bytes.TrimSpace(b.src); {
		case len(first) == 0:
			f.Problem, f.Fix = "the file is empty", "`latchkey profile new` makes one"
		case first[0] == '{' || first[0] == '(':
			f.Fix = "this looks like JSON or an OpenStep list: convert it to XML, as with `plutil -convert xml1`"
		}
	}
}

// behind is what follows the end of the property list; one finding is enough.
func (b *builder) behind(offset int) {
	if !b.rubbish {
		b.wrong(offset, "xml-rubbish", "something follows the end of the property list").Fix = "remove it"
	}
	b.rubbish = true
}

// halfOpening and halfClosing are tags whose < is missing.
var (
	halfOpening = regexp.MustCompile(`^\s*(plist|dict|key|array|string|integer|real|true/|false/|data|date)(\s+version="[^"]*")?>`)
	halfClosing = regexp.MustCompile(`^\s*/(plist|dict|key|array|string|integer|real|data|date)>`)
)

// stray is text between elements: a tag without its <, or nothing that belongs
// there.
func (b *builder) stray(t token) {
	raw := b.src[t.start:t.end]
	trimmed := bytes.TrimSpace(raw)
	if len(trimmed) == 0 && t.form == text {
		return
	}
	start := t.start + bytes.Index(raw, trimmed)
	switch {
	case b.done:
		b.behind(start)
	case t.form == text && halfOpening.Match(trimmed):
		b.half(opening, start, halfOpening.FindSubmatchIndex(trimmed))
	case t.form == text && halfClosing.Match(trimmed):
		b.half(closing, start, halfClosing.FindSubmatchIndex(trimmed))
	default:
		f := b.wrong(start, "xml-text", "text stands between the elements")
		f.Fix = "remove it, or put it into the element that it belongs to"
		if !b.prolog {
			f.Problem = "text stands before the first element"
		}
	}
}

// half goes on as if the < were there.
func (b *builder) half(f form, start int, m []int) {
	name := string(b.src[start+m[2] : start+m[3]])
	t := token{form: f, name: strings.TrimSuffix(name, "/"), start: start, end: start + m[1], empty: strings.HasSuffix(name, "/")}
	b.wrong(start, "xml-tag", "the < of <%s%s> is missing", slash(t), name)
	b.mendLast("write <"+slash(t)+name+">", edit{start, start, "<"})
	b.pos = t.end
	b.take(t)
}
