package profile

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/latchkey-mfa/latchkey/internal/policy"
)

// entities are those that every XML file has.
var entities = map[string]string{"lt": "<", "gt": ">", "amp": "&", "apos": "'", "quot": `"`}

// decode writes text without its entities.
func (b *builder) decode(t token, out *strings.Builder) {
	raw := b.src[t.start:t.end]
	for len(raw) > 0 {
		i := bytes.IndexByte(raw, '&')
		if i < 0 || b.found.full {
			out.WriteString(newlines(string(raw)))
			return
		}
		out.WriteString(newlines(string(raw[:i])))
		at := t.end - len(raw) + i
		raw = raw[i:]
		meant, length := entity(raw)
		if length == 0 {
			b.wrong(at, "xml-escape", "an & stands in text")
			b.mendLast("write &amp; for an & that is meant as such", edit{at, at + 1, "&amp;"})
			meant, length = "&", 1
		}
		out.WriteString(meant)
		raw = raw[length:]
	}
}

// entity is what an & begins, and how long that is; 0 for none.
func entity(raw []byte) (string, int) {
	end := bytes.IndexByte(raw[:min(len(raw), 12)], ';')
	if end < 2 {
		return "", 0
	}
	name := string(raw[1:end])
	if s, there := entities[name]; there {
		return s, end + 1
	}
	digits, isNumber := strings.CutPrefix(name, "#")
	base := 10
	if hex, isHex := strings.CutPrefix(digits, "x"); isHex {
		digits, base = hex, 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if !isNumber || err != nil || !allowedRune(rune(n)) {
		return "", 0
	}
	return string(rune(n)), end + 1
}

// allowedRune is what XML lets into a file.
func allowedRune(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xd7ff || r >= 0xe000 && r <= 0xfffd || r >= 0x10000 && r <= utf8.MaxRune
}

// declared is the encoding that an XML declaration names.
var declared = regexp.MustCompile(`^<\?xml[^>]*encoding\s*=\s*["']([^"']*)["']`)

// encoding looks at the bytes themselves: the declaration, and whether they are
// the UTF-8 that it names.
func (b *builder) encoding() {
	b.pos = len(b.src) - len(bytes.TrimPrefix(b.src, []byte("\xef\xbb\xbf")))
	if bytes.HasPrefix(b.src, []byte("\xff\xfe")) || bytes.HasPrefix(b.src, []byte("\xfe\xff")) {
		b.stop = true
		b.wrong(0, "xml-encoding", "the file is UTF-16").Fix = "save it as UTF-8"
		return
	}
	rest := b.src[b.pos:]
	if m := declared.FindSubmatchIndex(rest[:min(len(rest), 200)]); m != nil && !strings.EqualFold(string(rest[m[2]:m[3]]), "utf-8") {
		f := b.wrong(b.pos+m[2], "xml-encoding", "the file says that it is %s", quoted(string(rest[m[2]:m[3]])))
		f.Allowed = "UTF-8"
		f.Fix = "save it as UTF-8 and say so in its first line"
	}
	if space := len(rest) - len(bytes.TrimLeft(rest, " \t\r\n")); space > 0 && bytes.HasPrefix(rest[space:], []byte("<?xml ")) {
		b.wrong(b.pos+space, "xml-declaration", "something stands before <?xml …>, which must be the first in a file")
		b.mendLast("remove the space before it", edit{b.pos, b.pos + space, ""})
	}
	b.characters()
}

// characters finds the first one that no XML file may hold.
func (b *builder) characters() {
	for i := b.pos; i < len(b.src); {
		if c := b.src[i]; c >= 0x20 && c < 0x80 || c == '\n' || c == '\t' || c == '\r' {
			i++
			continue
		}
		r, size := utf8.DecodeRune(b.src[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b.wrong(i, "xml-encoding", "a byte here is no UTF-8").Fix = "save the file as UTF-8"
			return
		case !allowedRune(r):
			b.wrong(i, "xml-character", "a control character (U+%04X) stands here", r).Fix = "remove it"
			return
		}
		i += size
	}
}

// quoted is a piece of a file for a finding: bounded, control characters
// escaped.
func quoted(s string) string { return strconv.Quote(shortened(s)) }

func shortened(s string) string {
	const longest = 64
	if len(s) <= longest {
		return s
	}
	return strings.ToValidUTF8(s[:longest], "") + "…"
}

// severity in words, for counting.
func count(list []Finding, s policy.Severity) (n int) {
	for _, f := range list {
		if f.Severity == s {
			n++
		}
	}
	return n
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
