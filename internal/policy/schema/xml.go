package schema

import (
	"strconv"
	"strings"
)

// element is a value of a property list in XML.
type element struct {
	tag, content string
	children     []element
}

func text(s string) element  { return element{tag: "string", content: s} }
func integer(n int) element  { return element{tag: "integer", content: strconv.Itoa(n)} }
func real(n float64) element { return element{tag: "real", content: number(n)} }
func date(s string) element  { return element{tag: "date", content: s} }

func boolean(b bool) element { return element{tag: strconv.FormatBool(b)} }

func array(items ...element) element { return element{tag: "array", children: items} }

func texts(values ...string) element {
	items := make([]element, len(values))
	for i, v := range values {
		items[i] = text(v)
	}
	return array(items...)
}

// pair is an entry of a dictionary.
type pair struct {
	name  string
	value element
}

func dict(pairs ...pair) element {
	d := element{tag: "dict"}
	for _, p := range pairs {
		d = d.with(p.name, p.value)
	}
	return d
}

// with is a dictionary and one more entry.
func (e element) with(name string, value element) element {
	e.children = append(e.children[:len(e.children):len(e.children)], element{tag: "key", content: name}, value)
	return e
}

// document is a property list as a file.
func document(root element) []byte {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
`)
	root.write(&b, "")
	b.WriteString("</plist>\n")
	return []byte(b.String())
}

func (e element) write(b *strings.Builder, indent string) {
	switch {
	case len(e.children) > 0:
		b.WriteString(indent + "<" + e.tag + ">\n")
		for _, c := range e.children {
			c.write(b, indent+"\t")
		}
		b.WriteString(indent + "</" + e.tag + ">\n")
	case e.content == "" && e.tag != "string":
		b.WriteString(indent + "<" + e.tag + "/>\n")
	default:
		escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
		b.WriteString(indent + "<" + e.tag + ">" + escape.Replace(e.content) + "</" + e.tag + ">\n")
	}
}
