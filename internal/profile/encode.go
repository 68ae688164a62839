package profile

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/plist"
)

// head is how Apple's own files begin.
const head = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
`

// encode writes a value as a whole XML property list.
func encode(v plist.Value) ([]byte, error) {
	body, err := encodeFragment(v)
	if err != nil {
		return nil, err
	}
	return []byte(head + "<plist version=\"1.0\">\n" + string(body) + "</plist>\n"), nil
}

// encodeFragment writes a value without <plist> around it.
func encodeFragment(v plist.Value) ([]byte, error) {
	w := &writer{}
	w.value(v, 0)
	if w.err != nil {
		return nil, w.err
	}
	return []byte(w.b.String()), nil
}

// writer writes with one tab for each level, as Apple's tools do.
type writer struct {
	b   strings.Builder
	err error
}

func (w *writer) line(depth int, s string) {
	w.b.WriteString(strings.Repeat("\t", depth) + s + "\n")
}

func (w *writer) value(v plist.Value, depth int) {
	switch v.Kind {
	case plist.Dict:
		w.dict(v, depth)
	case plist.Array:
		if len(v.Items) == 0 {
			w.line(depth, "<array/>")
			return
		}
		w.line(depth, "<array>")
		for _, item := range v.Items {
			w.value(item, depth+1)
		}
		w.line(depth, "</array>")
	default:
		s, err := leafElement(v)
		if err != nil && w.err == nil {
			w.err = err
		}
		w.line(depth, s)
	}
}

func (w *writer) dict(v plist.Value, depth int) {
	if len(v.Entries) == 0 {
		w.line(depth, "<dict/>")
		return
	}
	w.line(depth, "<dict>")
	for _, e := range v.Entries {
		if !writable(e.Key) && w.err == nil {
			w.err = fmt.Errorf("key %s holds a character that XML has no form for", quoted(e.Key))
		}
		w.line(depth+1, "<key>"+escape(e.Key)+"</key>")
		w.value(e.Value, depth+1)
	}
	w.line(depth, "</dict>")
}

func leafElement(v plist.Value) (string, error) {
	switch v.Kind {
	case plist.String:
		if !writable(v.Text) {
			return "", fmt.Errorf("a string holds a character that XML has no form for")
		}
		return stringElement(v.Text), nil
	case plist.Integer:
		return "<integer>" + v.Decimal() + "</integer>", nil
	case plist.Real:
		return "<real>" + realText(v.Float) + "</real>", nil
	case plist.Boolean:
		return "<" + strconv.FormatBool(v.Bool) + "/>", nil
	case plist.Data:
		return "<data>" + base64.StdEncoding.EncodeToString(v.Bytes) + "</data>", nil
	case plist.Date:
		if y := v.Time.UTC().Year(); y < 0 || y > 9999 {
			return "", fmt.Errorf("a date in the year %d has no form in XML", y)
		}
		return "<date>" + v.Time.UTC().Format(time.RFC3339Nano) + "</date>", nil
	}
	return "", fmt.Errorf("a value cannot be read, and so not be written")
}

func realText(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "+infinity"
	case math.IsInf(f, -1):
		return "-infinity"
	case math.IsNaN(f):
		return "nan"
	case math.Abs(f) < 1e15 && math.Abs(f) > 1e-6:
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// writable: XML has no form for most control characters.
func writable(s string) bool {
	for _, r := range s {
		if !allowedRune(r) {
			return false
		}
	}
	return strings.ToValidUTF8(s, "") == s
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#13;").Replace(s)
}

func stringElement(s string) string { return "<string>" + escape(s) + "</string>" }

// arrayElement is an array of strings, on one line.
func arrayElement(items []string) string {
	out := "<array>"
	for _, s := range items {
		if s = strings.TrimSpace(s); s != "" {
			out += stringElement(s)
		}
	}
	return out + "</array>"
}
