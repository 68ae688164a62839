package profile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/plist"
	"github.com/latchkey-mfa/latchkey/internal/policy"
)

// Finding is one thing that is wrong with a profile. Line and Column count from
// 1 and are 0 where there is no place, as in a binary file.
type Finding struct {
	File     string          `json:"file"`
	Line     int             `json:"line,omitempty"`
	Column   int             `json:"column,omitempty"`
	Noticed  int             `json:"noticedOnLine,omitempty"` // where a reader would stumble, if later
	Severity policy.Severity `json:"severity"`
	Rule     string          `json:"rule"`
	Key      string          `json:"key,omitempty"`
	Problem  string          `json:"problem"` // never shows a secret
	Allowed  string          `json:"allowed,omitempty"`
	Fix      string          `json:"fix,omitempty"`
	Fixable  bool            `json:"fixable"` // Fix mends it

	edits []edit
}

// edit puts other text in the place of a piece of the file.
type edit struct {
	from, to int
	text     string
}

// mend gives a finding the one safe answer.
func (f Finding) mend(edits ...edit) Finding {
	f.edits, f.Fixable = edits, true
	return f
}

// String is the finding as the command line prints it.
func (f Finding) String() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", f.Line, f.Column)
	}
	fmt.Fprintf(&b, ": %s: %s [%s]", f.Severity, f.message(), f.Rule)
	if f.Allowed != "" {
		b.WriteString("\n    allowed: " + f.Allowed)
	}
	if f.Fix != "" {
		b.WriteString("\n    fix: " + f.Fix)
	}
	if f.Fixable {
		b.WriteString(" (--fix does it)")
	}
	return b.String()
}

func (f Finding) message() string {
	s := f.Problem
	if f.Key != "" {
		s = f.Key + ": " + s
	}
	if f.Noticed > f.Line {
		s += fmt.Sprintf(" (a reader notices on line %d)", f.Noticed)
	}
	return s
}

// GitHub is the finding as an annotation of GitHub Actions.
func (f Finding) GitHub() string {
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	where := "file=" + property.Replace(f.File)
	if f.Line > 0 {
		where += fmt.Sprintf(",line=%d,col=%d", f.Line, f.Column)
	}
	message := f.message()
	if f.Allowed != "" {
		message += "\nallowed: " + f.Allowed
	}
	if f.Fix != "" {
		message += "\nfix: " + f.Fix
	}
	return fmt.Sprintf("::%s %s,title=%s::%s", f.Severity, where, property.Replace(f.Rule), data.Replace(message))
}

// most findings of one file: who has so many has another problem.
const most = 100

// findings are gathered with a bound.
type findings struct {
	list []Finding
	full bool
}

// add takes a finding at a place; an error unless it says otherwise.
func (fs *findings) add(at plist.Position, f Finding) {
	if len(fs.list) >= most {
		fs.full = true
		return
	}
	f.Line, f.Column = at.Line, at.Column
	if f.Severity == 0 {
		f.Severity = policy.Error
	}
	fs.list = append(fs.list, f)
}

// sorted is in the order of the file.
func sorted(list []Finding) []Finding {
	slices.SortStableFunc(list, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(b.Severity, a.Severity))
	})
	return list
}

// Failed reports whether a finding is an error.
func Failed(list []Finding) bool {
	return slices.ContainsFunc(list, func(f Finding) bool { return f.Severity == policy.Error })
}
