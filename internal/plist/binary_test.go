package plist

import (
	"encoding/binary"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	howett "howett.net/plist"
)

func encode(t testing.TB, v any) []byte {
	t.Helper()
	raw, err := howett.Marshal(v, howett.BinaryFormat)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestBinaryValues(t *testing.T) {
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	d, err := Parse(encode(t, map[string]any{
		"text": "plain", "wide": "Söhne ✓", "Schlüssel": true, "minus": -3, "big": uint64(math.MaxUint64), "float": 24.0, "single": float32(1.5),
		"data": []byte{1, 2}, "date": at, "list": []any{"a", false}, "long": strings.Repeat("x", 300),
	}))
	if err != nil {
		t.Fatal(err)
	}
	if d.Format != Binary || d.Format.String() != "binary" {
		t.Error(d.Format)
	}
	get := func(key string) Value {
		e, ok := d.Root.Get(key)
		if !ok || !e.At.IsZero() {
			t.Errorf("%s: %+v, %v", key, e, ok)
		}
		return e.Value
	}
	if get("text").Text != "plain" || get("wide").Text != "Söhne ✓" || !get("Schlüssel").Bool || get("float").Float != 24 || get("single").Float != 1.5 ||
		!reflect.DeepEqual(get("data").Bytes, []byte{1, 2}) || !get("date").Time.Equal(at) || len(get("long").Text) != 300 {
		t.Errorf("%+v", d.Root)
	}
	if n, ok := get("minus").Int64(); n != -3 || !ok {
		t.Errorf("-3 is %d, %v", n, ok)
	}
	if n, _ := get("big").Number(); n != math.MaxUint64 {
		t.Errorf("2^64-1 is %g", n)
	}
	if items := get("list").Items; len(items) != 2 || items[0].Text != "a" || items[1].Kind != Boolean {
		t.Errorf("%+v", items)
	}
}

// TestXMLAndBinaryAgree: the same settings, whichever way the MDM wrote them.
func TestXMLAndBinaryAgree(t *testing.T) {
	raw := sample(t, "jamf-pro.plist")
	var v any
	if _, err := howett.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	x, err := Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Parse(encode(t, v))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range x.Root.Entries {
		other, _ := b.Root.Get(e.Key)
		if !same(e.Value, other.Value) {
			t.Errorf("%s: %+v and %+v", e.Key, e.Value, other.Value)
		}
	}
}

func same(a, b Value) bool {
	if a.Kind != b.Kind || a.Text != b.Text || a.Float != b.Float || len(a.Items) != len(b.Items) {
		return false
	}
	for i := range a.Items {
		if !same(a.Items[i], b.Items[i]) {
			return false
		}
	}
	return true
}

// assemble builds a binary property list of objects, the first on top, with
// references and offsets of two bytes.
func assemble(objects ...[]byte) []byte {
	out := []byte("bplist00")
	var table []byte
	for _, o := range objects {
		table = binary.BigEndian.AppendUint16(table, uint16(len(out)))
		out = append(out, o...)
	}
	start := len(out)
	out = append(out, table...)
	trailer := make([]byte, trailerSize)
	trailer[6], trailer[7] = 2, 2
	binary.BigEndian.PutUint64(trailer[8:], uint64(len(objects)))
	binary.BigEndian.PutUint64(trailer[24:], uint64(start))
	return append(out, trailer...)
}

func list(marker byte, refs ...uint16) []byte {
	out := []byte{marker | byte(len(refs))}
	for _, r := range refs {
		out = binary.BigEndian.AppendUint16(out, r)
	}
	return out
}

func text(s string) []byte { return append([]byte{0x50 | byte(len(s))}, s...) }

func TestBinaryHostile(t *testing.T) {
	dictOf := func(refs ...uint16) []byte {
		o := list(0xd0, refs...)
		o[0] = 0xd0 | byte(len(refs)/2)
		return o
	}
	bomb := make([][]byte, 0, 20)
	for i := range uint16(19) {
		bomb = append(bomb, list(0xa0, i+1, i+1, i+1, i+1))
	}
	bomb = append(bomb, []byte{0x09})
	shared := append([]byte{0x4f, 0x12, 0, 0, 0x40, 0}, make([]byte, 0x4000)...)
	many := [][]byte{list(0xa0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)}
	for i := range uint16(3) {
		many = append(many, list(0xa0, i+2, i+2, i+2, i+2, i+2, i+2, i+2, i+2, i+2, i+2))
	}
	many = append(many, shared)
	good := encode(t, map[string]any{"a": "b"})
	cut := append([]byte(nil), good...)
	cut[len(cut)-1]++
	cases := []struct {
		name  string
		input []byte
		want  string
	}{
		{"an array of itself", assemble(list(0xa0, 0)), "inside themselves"},
		{"a dictionary of itself", assemble(dictOf(1, 0), text("a")), "inside themselves"},
		{"four to the power of nineteen values", assemble(bomb...), "more than 131072 values"},
		{"ten thousand times 16 kB", assemble(many...), "bytes of values"},
		{"a duplicate key", assemble(dictOf(1, 1, 2, 3), text("a"), []byte{0x08}, []byte{0x09}), `key "a" stands twice`},
		{"one key in two encodings", assemble(dictOf(1, 2, 3, 3), text("a"), []byte{0x61, 0, 'a'}, []byte{0x09}), `key "a" stands twice`},
		{"a key that is no string", assemble(dictOf(1, 1), []byte{0x09}), "no string"},
		{"a key that is an array", assemble(dictOf(1, 1), list(0xa0)), "no string"},
		{"a reference to nothing", assemble(list(0xa0, 7)), "leads to no object"},
		{"a string past the end", assemble([]byte{0x5f, 0x13, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}), "longer than the file"},
		{"a wide string past the end", assemble([]byte{0x6f, 0x13, 0x80, 0, 0, 0, 0, 0, 0, 0}), "longer than the file"},
		{"a length that is no integer", assemble([]byte{0x5f, 0x50}), "length of an object cannot be read"},
		{"bytes marked as ASCII", assemble([]byte{0x51, 0xff}), "marked as ASCII"},
		{"a UID", assemble([]byte{0x80, 1}), "marker 0x80"},
		{"null", assemble([]byte{0x00}), "marker 0x00"},
		{"a set", assemble([]byte{0xc0}), "marker 0xc0"},
		{"an integer of 128 bits", assemble(append([]byte{0x14, 1}, make([]byte, 15)...)), "malformed"},
		{"a cut integer", assemble([]byte{0x13, 1}), "cut short"},
		{"a float of two bytes", assemble([]byte{0x21, 0, 0}), "malformed"},
		{"a date that is no number", assemble(append([]byte{0x33, 0x7f, 0xf8}, make([]byte, 6)...)), "malformed"},
		{"a trailer that does not fit", cut, "trailer does not fit"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Parse(c.input); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v\nwant %s", err, c.want)
			}
		})
	}
}

// TestBinaryNaN: the caller's table refuses it by name.
func TestBinaryNaN(t *testing.T) {
	d, err := Parse(assemble(append([]byte{0x23, 0x7f, 0xf8}, make([]byte, 6)...)))
	if err != nil || !math.IsNaN(d.Root.Float) {
		t.Errorf("%+v, %v", d, err)
	}
}

// TestSharedObjectsAreRead: referring to an object twice is what encoders do.
func TestSharedObjectsAreRead(t *testing.T) {
	d, err := Parse(assemble(list(0xa0, 1, 1), text("a")))
	if err != nil || len(d.Root.Items) != 2 || d.Root.Items[1].Text != "a" {
		t.Errorf("%+v, %v", d, err)
	}
}
