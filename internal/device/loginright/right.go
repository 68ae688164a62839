package loginright

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/plist"
)

// Bounds of a right. The longest list of a macOS has 17 entries.
const (
	maxMechanisms = 256
	maxName       = 255 // bytes of one entry
)

// evaluates is the only class of right that has a list of mechanisms.
const evaluates = "evaluate-mechanisms"

// Right is a right as authd has told it: a property list in XML, and where in
// it the mechanisms are.
type Right struct {
	raw     []byte
	entries []entry
}

// entry is one mechanism, and which bytes of the property list are its own:
// its element, and the white space before it.
type entry struct {
	name       string
	start, end int
}

// Parse reads what `security authorizationdb read` prints. It refuses what is
// no property list in XML, another class of right, and a list that is missing,
// too long, or holds other things than names.
func Parse(raw []byte) (Right, error) {
	document, err := plist.Parse(raw)
	if err != nil {
		return Right{}, err
	}
	if document.Format != plist.XML {
		return Right{}, errors.New("it is a binary property list: authd prints XML")
	}
	names, err := mechanismsOf(document.Root)
	if err != nil {
		return Right{}, err
	}
	entries, err := locate(raw)
	if err != nil {
		return Right{}, err
	}
	// Two readers have to see the same list before a byte is changed by either.
	r := Right{raw: bytes.Clone(raw), entries: entries}
	if !slices.Equal(r.Mechanisms(), names) {
		return Right{}, errors.New(`key "mechanisms": it cannot be told which bytes of the property list are the list`)
	}
	return r, nil
}

// mechanismsOf reads the list, and holds what else a right has to be.
func mechanismsOf(root plist.Value) ([]string, error) {
	if root.Kind != plist.Dict {
		return nil, fmt.Errorf("a right is a dictionary, this is a %s", root.Kind)
	}
	if class, _ := root.Get("class"); class.Value.Text != evaluates {
		return nil, fmt.Errorf("key \"class\" is %.40q: only %s has a list of mechanisms", class.Value.Text, evaluates)
	}
	list, _ := root.Get("mechanisms")
	if list.Value.Kind != plist.Array {
		return nil, errors.New(`key "mechanisms": missing, or no array`)
	}
	if n := len(list.Value.Items); n > maxMechanisms {
		return nil, fmt.Errorf("key \"mechanisms\": %d entries, at most %d", n, maxMechanisms)
	}
	names := []string{}
	for i, item := range list.Value.Items {
		if item.Kind != plist.String || item.Text == "" || len(item.Text) > maxName {
			return nil, fmt.Errorf("key \"mechanisms\": entry %d is no name of up to %d bytes", i, maxName)
		}
		names = append(names, item.Text)
	}
	return names, nil
}

// locate finds the bytes of each entry of the list that the outermost
// dictionary has under "mechanisms".
func locate(raw []byte) (found []entry, err error) {
	d := xml.NewDecoder(bytes.NewReader(raw))
	depth, key, inList, text, begin := 0, "", false, "", 0
	for {
		before := int(d.InputOffset())
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, fmt.Errorf("find the list of mechanisms: %w", err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			depth++
			text, begin = "", before
			inList = inList || depth == 3 && t.Name.Local == "array" && key == "mechanisms"
		case xml.CharData:
			text += string(t)
		case xml.EndElement:
			switch {
			case depth == 3 && t.Name.Local == "key":
				key = text
			case depth == 3 && inList:
				return found, nil
			case depth == 4 && inList:
				found = append(found, entry{text, spaceBefore(raw, begin), int(d.InputOffset())})
			}
			depth--
		}
	}
}

// spaceBefore is where the white space before at begins.
func spaceBefore(raw []byte, at int) int {
	return len(bytes.TrimRight(raw[:at], " \t\r\n"))
}

// Mechanisms is the list.
func (r Right) Mechanisms() []string {
	names := []string{}
	for _, e := range r.entries {
		names = append(names, e.name)
	}
	return names
}

// Standing says how our mechanisms stand in the right.
func (r Right) Standing() Standing { return StandingIn(r.Mechanisms()) }

// XML is the property list. The caller must not change it.
func (r Right) XML() []byte { return r.raw }

// Arm is the right with our mechanisms in place. Every byte that is not theirs
// is as before. Errors: ErrNoAnchor.
func (r Right) Arm() (Right, error) { return r.with(Inserted) }

// Disarm is the right without our mechanisms: what Arm made of it becomes what
// it was, to the byte. Errors: ErrEmpty.
func (r Right) Disarm() (Right, error) { return r.with(Removed) }

// with cuts and puts in what the change of the list asks for, and reads the
// outcome again: it has to be the list that was asked for.
func (r Right) with(change func([]string) ([]string, error)) (Right, error) {
	want, err := change(r.Mechanisms())
	if err != nil {
		return Right{}, err
	}
	if slices.Equal(want, r.Mechanisms()) {
		return r, nil
	}
	var out bytes.Buffer
	at := 0
	others := slices.DeleteFunc(slices.Clone(want), ours)
	for _, e := range r.entries {
		out.Write(r.raw[at:e.start])
		at = e.end
		if ours(e.name) {
			continue
		}
		out.Write(r.raw[e.start:e.end])
		if len(others) != len(want) && follows(want, e.name) {
			writeOurs(&out, r.raw[e.start:e.end])
		}
	}
	out.Write(r.raw[at:])
	changed, err := Parse(out.Bytes())
	if err != nil {
		return Right{}, fmt.Errorf("read the changed right: %w", err)
	}
	if !slices.Equal(changed.Mechanisms(), want) {
		return Right{}, errors.New("the changed right does not hold the list that was meant")
	}
	return changed, nil
}

// follows: ours come directly after that entry.
func follows(list []string, anchor string) bool {
	at := slices.Index(list, Prompt)
	return at > 0 && list[at-1] == anchor
}

// writeOurs writes our two entries, each on a line like the anchor's.
func writeOurs(out *bytes.Buffer, anchor []byte) {
	space := anchor[:len(anchor)-len(bytes.TrimLeft(anchor, " \t\r\n"))]
	for _, name := range []string{Prompt, Gate} {
		fmt.Fprintf(out, "%s<string>%s</string>", space, name)
	}
}

// Diff shows what becomes of the list: a line for each entry, with "+ " and
// "- " before what comes and goes.
func Diff(before, after Right) string {
	var out strings.Builder
	was, is := before.Mechanisms(), after.Mechanisms()
	for len(was)+len(is) > 0 {
		switch {
		case len(was) > 0 && len(is) > 0 && was[0] == is[0]:
			fmt.Fprintf(&out, "  %s\n", was[0])
			was, is = was[1:], is[1:]
		case len(was) > 0 && (ours(was[0]) || len(is) == 0 || !ours(is[0])):
			fmt.Fprintf(&out, "- %s\n", was[0])
			was = was[1:]
		default:
			fmt.Fprintf(&out, "+ %s\n", is[0])
			is = is[1:]
		}
	}
	return out.String()
}
