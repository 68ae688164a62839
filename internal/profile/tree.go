package profile

import (
	"bytes"
	"fmt"

	"github.com/latchkey-mfa/latchkey/internal/plist"
	"github.com/latchkey-mfa/latchkey/internal/policy"
)

// Bounds of what is read.
const (
	MaxSize  = 10 << 20 // bytes of a file
	maxNodes = 1 << 17  // values of a file
)

// frame is an element that is open.
type frame struct {
	name   string
	start  int
	indent int
	value  plist.Value
	key    *plist.Entry // waits for its value
	keyEnd int
	after  string // the key before, whose value is there
	seen   map[string]int
}

// builder makes a tree of a file, and goes on behind whatever is wrong.
type builder struct {
	scanner
	open     []*frame
	root     plist.Value
	done     bool
	nodes    int
	stop     bool
	byIndent bool
	rubbish  bool
	prolog   bool        // an element has come
	wrapped  bool        // in <plist>
	ends     map[int]int // the end of the element that starts there
}

// tree reads an XML property list, or a bare <dict>. When elements do not close
// each other it is read again, by indentation: that is what the person who
// wrote the file went by, and shows which one is open.
func tree(src []byte) (*builder, []Finding) {
	b := build(src, false)
	for _, f := range b.found.list {
		if f.Rule == "xml-unclosed" && f.Key == "container" {
			if again := build(src, true); len(again.found.list) <= len(b.found.list) {
				b = again
			}
			break
		}
	}
	for i := range b.found.list {
		if b.found.list[i].Key == "container" {
			b.found.list[i].Key = ""
		}
	}
	return b, b.found.list
}

func build(src []byte, byIndent bool) *builder {
	b := &builder{scanner: scanner{src: src, place: place{src: src}, found: &findings{}}, byIndent: byIndent, ends: map[int]int{}}
	b.encoding()
	for !b.stop && !b.found.full {
		t, more := b.next()
		if !more {
			b.end()
			break
		}
		b.take(t)
	}
	return b
}

func (b *builder) wrong(offset int, rule, format string, args ...any) *Finding {
	b.found.add(b.at(offset), Finding{Rule: rule, Problem: fmt.Sprintf(format, args...)})
	if b.found.full {
		return &Finding{} // not told any more
	}
	return &b.found.list[len(b.found.list)-1]
}

// take puts a token to where it belongs.
func (b *builder) take(t token) {
	switch t.form {
	case remark:
	case doctype:
		b.doctype(t)
	case text, cdata:
		b.stray(t)
	case opening:
		b.opening(t)
	case closing:
		b.closing(t)
	}
}

// doctype: entities that a file defines could say anything, at any length.
func (b *builder) doctype(t token) {
	inside := b.src[t.start:t.end]
	if b.prolog || !bytes.HasPrefix(inside, []byte("<!DOCTYPE plist")) || bytes.ContainsAny(inside, "[]") {
		b.wrong(t.start, "xml-doctype", "only <!DOCTYPE plist …> without definitions of its own is allowed, before the first element").Fix = "use the line that Apple's own files have, or none"
	}
}

func (b *builder) top() *frame {
	if len(b.open) == 0 {
		return nil
	}
	return b.open[len(b.open)-1]
}

// opening begins an element.
func (b *builder) opening(t token) {
	name := element(t.name)
	if name != t.name && !b.done {
		if b.foreign(t, name); name == "" {
			return
		}
	}
	switch {
	case b.done:
		b.behind(t.start)
	case b.top() == nil && name != "plist" && name != "dict":
		b.wrong(t.start, "xml-element", "the first element is <%s>", name).Allowed = "<plist>, or a <dict> for consoles that take a fragment"
		b.push(t, name)
	case name == "plist" && len(b.open) > 0:
		b.wrong(t.start, "xml-element", "<plist> stands inside the property list")
	case len(b.open) > plist.MaxDepth:
		b.stop = true
		b.wrong(t.start, "xml-depth", "values are nested deeper than %d levels", plist.MaxDepth)
	default:
		if top := b.top(); name == "key" && top != nil && top.name == "array" && len(b.open) > 1 && b.open[len(b.open)-2].name == "dict" {
			b.overrun(t)
		}
		b.push(t, name)
	}
}

// overrun is an array that a key stands in: it must have ended before.
func (b *builder) overrun(t token) {
	b.unclosed("<key> comes first", t.start)
	f := &b.found.list[len(b.found.list)-1]
	if width := b.indent(t.start); width >= 0 && !b.found.full {
		start := t.start - width
		*f = f.mend(edit{start, start, string(b.src[start:t.start]) + "</array>\n"})
	}
	b.pop(t.start)
}

// foreign is an element that property lists do not have.
func (b *builder) foreign(t token, meant string) {
	if meant != "" {
		b.wrong(t.start, "xml-element", "<%s> is written <%s>", t.name, meant)
		b.mendLast("write <"+meant+">", edit{t.start + 1, t.start + 1 + len(t.name), meant})
		return
	}
	f := b.wrong(t.start, "xml-element", "<%s> is no element of a property list", t.name)
	f.Allowed = "dict, key, array, string, integer, real, true, false, data, date"
	others := map[string]string{"bool": "<true/> or <false/>", "boolean": "<true/> or <false/>", "int": "<integer>", "number": "<integer> or <real>",
		"float": "<real>", "double": "<real>", "text": "<string>", "str": "<string>", "list": "<array>", "map": "<dict>"}
	if other := others[t.name]; other != "" {
		f.Fix = "write " + other
	} else if near, ok := policy.Nearest(t.name, elements()); ok {
		f.Fix = "did you mean <" + near + ">?"
	}
	// What it holds is passed over, so that it is one finding.
	shut := []byte("</" + t.name + ">")
	if i := bytes.Index(b.src[t.end:], shut); i >= 0 && !t.empty {
		b.pos = t.end + i + len(shut)
	}
	if top := b.top(); top != nil && top.key != nil {
		top.after, top.key = top.key.Key, nil
	}
}

// mendLast gives the last finding its safe answer.
func (b *builder) mendLast(fix string, edits ...edit) {
	if b.found.full {
		return
	}
	last := &b.found.list[len(b.found.list)-1]
	last.Fix = fix
	*last = last.mend(edits...)
}

// push opens a container, or reads a value.
func (b *builder) push(t token, name string) {
	b.prolog = true
	if b.nodes++; b.nodes > maxNodes {
		b.stop = true
		b.wrong(t.start, "xml-size", "the file holds more than %d values", maxNodes)
		return
	}
	if !container(name) {
		b.leaf(t, name)
		return
	}
	f := &frame{name: name, start: t.start, indent: b.indent(t.start), seen: map[string]int{}}
	f.value.At = b.at(t.start)
	f.value.Kind = map[string]plist.Kind{"dict": plist.Dict, "array": plist.Array}[name]
	b.wrapped = b.wrapped || name == "plist"
	b.expect(f.value, t.start)
	b.open = append(b.open, f)
	if t.empty {
		b.pop(t.end)
	}
}

// expect looks whether a value may stand here.
func (b *builder) expect(v plist.Value, start int) {
	top := b.top()
	switch {
	case top == nil:
	case top.name == "dict" && top.key == nil && top.after != "":
		b.wrong(start, "xml-value", "key %s has two values; this is the second", quoted(top.after)).Fix = "remove one, or put the <key> before it that is missing"
	case top.name == "dict" && top.key == nil:
		b.wrong(start, "xml-value", "<%s> stands in a <dict> without a <key> before it", v.Kind)
	case top.name == "plist" && top.value.Kind != 0:
		b.wrong(start, "xml-value", "a second value stands in <plist>; only one is allowed")
	}
}

// pop closes the innermost container and puts it where it belongs.
func (b *builder) pop(end int) {
	f := b.top()
	b.open = b.open[:len(b.open)-1]
	b.ends[f.start] = end
	if f.key != nil {
		b.valueless(f)
	}
	if f.name == "plist" {
		if f.value.Kind == 0 {
			b.wrong(f.start, "xml-value", "<plist> is empty; one value is expected in it")
		}
		b.root, b.done = f.value, true
		return
	}
	b.put(f.value, f.start, end)
}

// put adds a value to what is open around it.
func (b *builder) put(v plist.Value, start, end int) {
	top := b.top()
	switch {
	case top == nil:
		b.root, b.done = v, true
	case top.name == "plist":
		if top.value.Kind == 0 {
			top.value = v
		}
	case top.name == "array":
		top.value.Items = append(top.value.Items, v)
	case top.key != nil:
		b.entry(top, v, end)
	}
}

// entry completes a key with its value.
func (b *builder) entry(top *frame, v plist.Value, end int) {
	e := *top.key
	e.Value = v
	top.after, top.key = e.Key, nil
	first, twice := top.seen[e.Key]
	if !twice {
		top.seen[e.Key] = len(top.value.Entries)
		top.value.Entries = append(top.value.Entries, e)
		return
	}
	start := offsetOf(b.src, e.At)
	old := top.value.Entries[first]
	f := b.wrong(start, "duplicate-key", "it stands twice in one <dict>, first on line %d", old.At.Line)
	f.Key, f.Fix = shortened(e.Key), "remove the one that is not meant"
	if old.Value.Kind != 0 && alike(old.Value, v) {
		from, to := b.lines(start, end)
		b.mendLast("remove it: the first says the same", edit{from, to, ""})
	}
}

// lines widens a piece to whole lines, when nothing else stands on them.
func (b *builder) lines(from, to int) (int, int) {
	width := b.indent(from)
	if width < 0 || to >= len(b.src) || b.src[to] != '\n' {
		return from, to
	}
	return from - width, to + 1
}

func (b *builder) valueless(f *frame) {
	w := b.wrong(offsetOf(b.src, f.key.At), "xml-value", "the key has no value")
	w.Key, w.Fix = shortened(f.key.Key), "put its value behind it, or remove the key"
	// Its place is kept, so that it does not count as missing.
	if _, twice := f.seen[f.key.Key]; !twice {
		f.seen[f.key.Key] = len(f.value.Entries)
		f.value.Entries = append(f.value.Entries, *f.key)
	}
	f.after, f.key = "", nil
}
