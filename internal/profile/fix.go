package profile

import (
	"bytes"
	"slices"

	"github.com/rogpeppe/go-internal/diff"
)

// rounds in which a file is mended: what one mends lets the next one be seen.
const rounds = 8

// Fixed is a file after what has one safe answer was mended.
type Fixed struct {
	Data []byte
	Done []Finding // what was mended
}

// Fix mends what has one safe answer, and touches nothing else of the file. A
// signed or a binary file stays as it is.
func Fix(f File) (Fixed, error) {
	out := Fixed{Data: f.Data}
	for range rounds {
		// A linter of its own: what two files share has no safe answer.
		r, err := new(Linter).Lint(File{Name: f.Name, Data: out.Data})
		if err != nil {
			return Fixed{}, err
		}
		data, done := apply(out.Data, r.Findings)
		if len(done) == 0 {
			break
		}
		out.Data = data
		out.Done = append(out.Done, done...)
	}
	return out, nil
}

// apply makes the edits of findings, but for those that would meet another's.
func apply(data []byte, found []Finding) ([]byte, []Finding) {
	var edits []edit
	var done []Finding
	for _, f := range found {
		if len(f.edits) == 0 || slices.ContainsFunc(f.edits, func(e edit) bool { return meets(edits, e) || e.from > e.to || e.to > len(data) }) {
			continue
		}
		edits = append(edits, f.edits...)
		done = append(done, f)
	}
	slices.SortFunc(edits, func(a, b edit) int { return a.from - b.from })
	var out bytes.Buffer
	at := 0
	for _, e := range edits {
		out.Write(data[at:e.from])
		out.WriteString(e.text)
		at = e.to
	}
	out.Write(data[at:])
	return out.Bytes(), done
}

func meets(edits []edit, e edit) bool {
	return slices.ContainsFunc(edits, func(other edit) bool { return e.from <= other.to && other.from <= e.to })
}

// Diff is what changed between two texts of a file, in the unified form, with
// its secrets hidden; empty when nothing did.
func Diff(name string, before, after []byte) []byte {
	if bytes.Equal(before, after) {
		return nil
	}
	return diff.Diff(name, hideSecrets(before), name+" (fixed)", hideSecrets(after))
}
