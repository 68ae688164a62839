package profile

import (
	"io/fs"
	"slices"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/plist"
	"github.com/latchkey-mfa/latchkey/internal/policy"
)

// File is a file to look through.
type File struct {
	Name string
	Data []byte
	Mode fs.FileMode // 0 when it is not known, as of an upload
}

// Report is what there is to say of a file.
type Report struct {
	Name      string
	Findings  []Finding
	Shape     Shape      // 0 when no list could be made of it
	Signature *Signature // nil unless it is signed
}

// Linter looks through files, and remembers what must not be the same in two.
// The zero Linter is ready to use.
type Linter struct {
	uuids       map[string]owner
	identifiers map[string]owner
}

// owner is where a UUID or an identifier was seen first.
type owner struct {
	file, what string
	line       int
}

// Lint looks through a file. The error is that of a file which is too large.
func (l *Linter) Lint(f File) (Report, error) {
	p, found, err := read(f.Data)
	if err != nil {
		return Report{}, err
	}
	r := Report{Name: f.Name}
	c := &check{file: f, linter: l, found: findings{list: found}}
	if p != nil {
		r.Shape, r.Signature = p.Shape, p.Signature
		c.profile, c.keys = p, table()
		c.all()
	}
	r.Findings = sorted(c.found.list)
	for i := range r.Findings {
		r.Findings[i].File = f.Name
		// What is signed cannot be changed in place.
		if p != nil && p.Signature != nil {
			r.Findings[i].edits, r.Findings[i].Fixable = nil, false
		}
	}
	return r, nil
}

// check is one file that is being looked through.
type check struct {
	file    File
	linter  *Linter
	profile *Profile
	keys    map[string]policy.Definition
	found   findings
}

func (c *check) all() {
	if s := c.profile.Signature; s != nil && !s.Intact {
		c.found.add(plist.Position{}, Finding{Rule: "signature", Problem: "the signature does not fit the profile: " + s.Problem, Fix: "sign it again"})
	}
	c.payloads()
	if c.profile.Shape == List && !c.profile.wrapped {
		c.warn(c.profile.Root.At, Finding{Rule: "shape", Problem: "the settings stand in a <dict> without <plist> around it",
			Allowed: "a whole property list for Jamf Pro; PayloadContent and so on for Workspace ONE"})
	}
	if len(c.profile.places) == 0 {
		c.warn(c.profile.Root.At, Finding{Rule: "no-settings", Problem: "the profile has no settings for " + policy.Domain, Fix: "add a payload with them, if they belong into this profile"})
	}
	for _, s := range c.profile.places {
		c.settings(s)
	}
	c.twice()
	c.readable()
}

func (c *check) warn(at plist.Position, f Finding) {
	f.Severity = policy.Warning
	c.found.add(at, f)
}

// readable: a secret is for who makes profiles and for the MDM.
func (c *check) readable() {
	if c.file.Mode&0o004 == 0 {
		return
	}
	for _, s := range c.profile.places {
		e, there := s.dict.Get("DMFAClientSecret")
		if there && e.Value.Text != "" && placeholder(e.Value.Text) == "" {
			c.warn(e.At, Finding{Rule: "world-readable", Key: e.Key, Problem: "everyone on this machine can read the file, and the secret in it", Fix: "chmod 600, and make a new secret if others have an account here"})
		}
	}
}

// twice: the same setting in two payloads. Which one counts, macOS does not say.
func (c *check) twice() {
	first := map[string]plist.Entry{}
	for _, s := range c.profile.places {
		if s.misplaced != "" {
			continue
		}
		for _, e := range s.dict.Entries {
			before, there := first[e.Key]
			if !there {
				first[e.Key] = e
				continue
			}
			f := Finding{Rule: "set-twice", Key: shortened(e.Key), Problem: "it is set in two places of this profile, to the same", Severity: policy.Warning, Fix: "keep one"}
			if !alike(before.Value, e.Value) {
				f.Problem, f.Severity = "it is set in two places of this profile, to different values: which one counts is not defined", policy.Error
			}
			c.found.add(e.At, f)
		}
	}
}

// element is where the element stands that begins at a position.
func (c *check) element(at plist.Position) (from, to int, ok bool) {
	if at.IsZero() {
		return 0, 0, false
	}
	from = offsetOf(c.profile.src, at)
	to, ok = c.profile.ends[from]
	return from, to, ok
}

// replace gives a finding the answer of another element at a place.
func (c *check) replace(f Finding, at plist.Position, element string) Finding {
	from, to, ok := c.element(at)
	if !ok {
		return f
	}
	return f.mend(edit{from, to, element})
}

// settings looks at one dictionary of settings.
func (c *check) settings(s settings) {
	if s.misplaced != "" {
		f, at := Finding{Rule: "misplaced", Problem: s.misplaced, Fix: s.fix}, s.at
		if s.rename != nil {
			f = c.replace(f, at, "<key>"+s.to+"</key>")
		}
		c.found.add(at, f)
	}
	own := map[string]bool{} // keys of which something was said
	said := func(key string) { own[key] = true }
	for _, e := range s.dict.Entries {
		if unreadable(e.Value) {
			said(e.Key) // with the reason, by the reader
		}
	}
	c.placeholders(s.dict, said)
	c.factors(s.dict, said)
	problems := c.problems(s.dict)
	for _, p := range problems {
		if !own[p.Key] && p.Severity == policy.Error {
			c.problem(s.dict, p)
			said(p.Key)
		}
	}
	c.contradictions(s.dict, own, said)
	for _, p := range problems {
		if !own[p.Key] {
			c.problem(s.dict, p)
		}
	}
	c.spaces(s.dict, own)
}

// problems are those that the table knows, and the doubts of what is left when
// the keys with errors are taken out.
func (c *check) problems(dict plist.Value) policy.Problems {
	_, problems := policy.FromDocument(plist.Document{Format: c.profile.Format, Root: dict})
	if !problems.Failed() {
		return problems
	}
	sound, _ := c.sound(dict)
	_, doubts := policy.FromDocument(plist.Document{Format: c.profile.Format, Root: sound})
	for _, d := range doubts {
		if !slices.ContainsFunc(problems, func(p policy.Problem) bool { return p.Key == d.Key }) {
			problems = append(problems, d)
		}
	}
	return problems
}

// sound is a dictionary without the keys that have an error, and with
// stand-ins for those that are missing, so that the others can be looked at.
func (c *check) sound(dict plist.Value) (plist.Value, map[string]bool) {
	_, problems := policy.FromDocument(plist.Document{Format: c.profile.Format, Root: dict})
	bad := map[string]bool{}
	for _, p := range problems {
		if p.Severity == policy.Error {
			bad[p.Key] = true
		}
	}
	out := dict
	out.Entries = nil
	for _, e := range dict.Entries {
		if _, known := c.keys[e.Key]; known && !bad[e.Key] {
			out.Entries = append(out.Entries, e)
		}
	}
	for key, d := range c.keys {
		if _, there := out.Get(key); d.Required && !there {
			out.Entries = append(out.Entries, plist.Entry{Key: key, Value: plist.Value{Kind: plist.String, Text: "https://stand-in.invalid"}})
		}
	}
	return out, bad
}

// unreadable: a value, or one in it, that the reader could make nothing of.
func unreadable(v plist.Value) bool {
	return v.Kind == 0 || slices.ContainsFunc(v.Items, unreadable)
}

// spaces around a value are sent to the org, or shown, as they stand.
func (c *check) spaces(dict plist.Value, own map[string]bool) {
	for _, e := range dict.Entries {
		d, known := c.keys[e.Key]
		trimmed := strings.TrimSpace(e.Value.Text)
		if !known || own[e.Key] || d.Kind != policy.Text && d.Kind != policy.URL || trimmed == e.Value.Text || trimmed == "" {
			continue
		}
		f := Finding{Rule: "space", Key: e.Key, Problem: "there is a space or a line break around the value", Fix: "remove it"}
		c.warn(e.At, c.replace(f, e.Value.At, stringElement(trimmed)))
	}
}
