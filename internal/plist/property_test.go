package plist

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"testing"

	howett "howett.net/plist"
	"pgregory.net/rapid"
)

// drawTree draws a tree as a library would give it, and its XML.
func drawTree(t *rapid.T, depth int) (any, string) {
	kinds := []string{"string", "integer", "real", "true", "false"}
	if depth > 0 {
		kinds = append(kinds, "dict", "array", "dict")
	}
	switch rapid.SampledFrom(kinds).Draw(t, "kind") {
	case "integer":
		n := rapid.Int64().Draw(t, "integer")
		if n < 0 {
			return n, fmt.Sprintf("<integer>%d</integer>", n)
		}
		return uint64(n), fmt.Sprintf("<integer> %d\n</integer>", n)
	case "real":
		n := rapid.Float64().Draw(t, "real")
		return n, fmt.Sprintf("<real>%g</real>", n)
	case "true":
		return true, "<true/>"
	case "false":
		return false, "<false></false>"
	case "array":
		list, text := []any{}, ""
		for range rapid.IntRange(0, 4).Draw(t, "items") {
			item, itemText := drawTree(t, depth-1)
			list, text = append(list, item), text+itemText+"\n"
		}
		return list, "<array>" + text + "</array>"
	case "dict":
		m, text := map[string]any{}, ""
		for _, key := range rapid.SliceOfNDistinct(rapid.StringMatching(`[a-zA-Z&<é ]{0,6}`), 0, 4, rapid.ID[string]).Draw(t, "keys") {
			item, itemText := drawTree(t, depth-1)
			m[key], text = item, text+"<key>"+escaped(key)+"</key> <!-- comment -->"+itemText
		}
		return m, "<dict>" + text + "</dict>"
	}
	s := rapid.StringMatching(`[ -~äß✓\n\t]{0,12}`).Draw(t, "string")
	return s, "<string>" + escaped(s) + "</string>"
}

func escaped(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}

// TestGeneratedTrees: what was written is read, from XML and from binary.
func TestGeneratedTrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want, text := drawTree(t, 4)
		d, err := Parse([]byte("<?xml version=\"1.0\"?>\n<plist version=\"1.0\">" + text + "</plist>\n"))
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if got := plain(d.Root); !equal(got, want) {
			t.Fatalf("%#v\nwant %#v", got, want)
		}
		raw, err := howett.Marshal(want, howett.BinaryFormat)
		if err != nil {
			t.Fatal(err)
		}
		b, err := Parse(raw)
		if err != nil {
			t.Fatalf("binary: %v", err)
		}
		if got := plain(b.Root); !equal(got, want) {
			t.Fatalf("binary: %#v\nwant %#v", got, want)
		}
	})
}

// TestTokenSoup: of pieces in any order, what we read the other library reads
// the same, and what it refuses we refuse.
func TestTokenSoup(t *testing.T) {
	pieces := []string{
		"<dict>", "</dict>", "<dict/>", "<array>", "</array>", "<key>a</key>", "<key>b</key>", "<key>", "</key>", "<string>x</string>", "<string>", "</string>",
		"<true/>", "<integer>1</integer>", "<real>1.5</real>", "<!-- c -->", "x", " \n", "<![CDATA[y]]>", "&amp;", "<date>2026-01-31T12:00:00Z</date>", "<data>aGk=</data>", "</plist>", "<plist>",
	}
	taken := 0
	rapid.Check(t, func(t *rapid.T) {
		soup := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 8).Draw(t, "pieces"), "")
		input := []byte("<plist>" + soup + "</plist>")
		d, err := Parse(input)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "line ") {
				t.Fatalf("%s: %v: no line", input, err)
			}
			return
		}
		taken++
		agree(t, d, input)
	})
	if taken == 0 {
		t.Log("no soup was a property list this time")
	}
}

// TestCutAndChanged: no damage to a real profile is read as something else than
// the profile or refused without a line.
func TestCutAndChanged(t *testing.T) {
	whole := sample(t, "jamf-pro.plist")
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.IntRange(0, len(whole)-1).Draw(t, "at")
		damaged := append([]byte(nil), whole[:at]...)
		switch rapid.IntRange(0, 2).Draw(t, "damage") {
		case 0: // cut here
		case 1: // one byte left out
			damaged = append(damaged, whole[at+1:]...)
		case 2: // one byte changed
			damaged = append(append(damaged, rapid.Byte().Draw(t, "byte")), whole[at+1:]...)
		}
		d, err := Parse(damaged)
		if err == nil {
			agree(t, d, damaged)
			return
		}
		if at > 0 && len(bytes.TrimSpace(damaged)) > 0 && !strings.HasPrefix(err.Error(), "line ") {
			t.Fatalf("at %d: %v: no line", at, err)
		}
	})
}
