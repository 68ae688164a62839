package profile

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/latchkey-mfa/latchkey/internal/plist"
	"github.com/latchkey-mfa/latchkey/internal/policy"
)

// Shape is the form in which a console takes settings.
type Shape int

// The shapes.
const (
	List         Shape = iota + 1 // the settings alone, as a property list (Jamf Pro)
	Fragment                      // one payload as a <dict> (Workspace ONE)
	MobileConfig                  // a whole configuration profile (Kandji, Intune)
)

// String is the shape as the command line names it.
func (s Shape) String() string {
	switch s {
	case List:
		return "list"
	case Fragment:
		return "fragment"
	case MobileConfig:
		return "mobileconfig"
	}
	return "unknown"
}

// Describe is the shape in words.
func (s Shape) Describe() string {
	switch s {
	case List:
		return "a property list of settings"
	case Fragment:
		return "a <dict> fragment of one payload"
	case MobileConfig:
		return "a configuration profile"
	}
	return "unknown"
}

// ParseShape reads the name of a shape, or of an MDM that takes it.
func ParseShape(name string) (Shape, error) {
	for _, s := range []Shape{List, Fragment, MobileConfig} {
		if s.String() == name {
			return s, nil
		}
	}
	if m, err := ParseMDM(name); err == nil {
		return m.Shape(), nil
	}
	return 0, fmt.Errorf("%s is no shape: list, fragment or mobileconfig, or the name of an MDM", quoted(name))
}

// The payload types that carry preferences.
const (
	managedClient = "com.apple.ManagedClient.preferences"
	configuration = "Configuration"
)

// Profile is one file, read. The settings of other products are in Root as they
// were, at their places.
type Profile struct {
	Shape     Shape
	Format    plist.Format
	Signature *Signature // nil unless it is signed
	Root      plist.Value

	places  []settings
	wrapped bool // XML within <plist>
	src     []byte
	ends    map[int]int
}

// ErrTooLarge is a file of more than MaxSize.
var ErrTooLarge = fmt.Errorf("the file is larger than %d MiB", MaxSize>>20)

// Read reads a profile of any shape. One that is malformed is refused with the
// first thing that is wrong with it; Linter.Lint finds all.
func Read(data []byte) (*Profile, error) {
	p, found, err := read(data)
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		if f.Severity == policy.Error {
			where := ""
			if f.Line > 0 {
				where = fmt.Sprintf("line %d, column %d: ", f.Line, f.Column)
			}
			return nil, errors.New(where + f.message())
		}
	}
	return p, nil
}

// read reads whatever there is. The profile is nil when no list could be made
// of the file, which the findings then say.
func read(data []byte) (*Profile, []Finding, error) {
	if len(data) > MaxSize {
		return nil, nil, ErrTooLarge
	}
	p := &Profile{src: data}
	if signed(data) {
		content, signature, err := unwrap(data)
		if err != nil {
			return nil, []Finding{{Rule: "cms", Severity: policy.Error, Problem: err.Error(), Fix: "get the profile again from where it was signed, or the unsigned one"}}, nil
		}
		p.src, p.Signature = content, signature
	}
	found := p.parse()
	if p.Root.Kind != plist.Dict {
		if len(found) == 0 {
			found = []Finding{{Rule: "shape", Severity: policy.Error, Problem: "the property list holds no dictionary", Allowed: "settings, a payload or a configuration profile",
				Line: p.Root.At.Line, Column: p.Root.At.Column}}
		}
		return nil, found, nil
	}
	p.Shape = shapeOf(p.Root)
	p.places = locate(p)
	return p, found, nil
}

// parse reads the list itself, XML or binary.
func (p *Profile) parse() []Finding {
	if !bytes.HasPrefix(p.src, []byte("bplist")) {
		b, found := tree(p.src)
		p.Format, p.Root, p.wrapped, p.ends = plist.XML, b.root, b.wrapped, b.ends
		if len(found) == 0 {
			found = p.strictly()
		}
		return found
	}
	d, err := plist.ParseUpTo(p.src, MaxSize)
	if err != nil {
		return []Finding{{Rule: "binary", Severity: policy.Error, Problem: err.Error(), Fix: "make it again, as with `plutil -convert xml1`"}}
	}
	p.Format, p.Root, p.wrapped = plist.Binary, d.Root, true
	return nil
}

// strictly asks the reader that a Mac has as well: a file that it refuses is
// never called clean, whatever the tolerant one overlooked.
func (p *Profile) strictly() []Finding {
	_, err := plist.ParseUpTo(p.src, MaxSize)
	if err == nil {
		return nil
	}
	f := Finding{Rule: "xml-other", Severity: policy.Error, Problem: err.Error(), Fix: "look at the place, or make the file again"}
	var where *plist.Error
	if errors.As(err, &where) {
		f.Line, f.Column, f.Problem = where.At.Line, where.At.Column, where.Problem
	}
	return []Finding{f}
}

// shapeOf goes by what a dictionary holds.
func shapeOf(root plist.Value) Shape {
	kind, _ := root.Get("PayloadType")
	inner, has := root.Get("PayloadContent")
	switch {
	case kind.Value.Text == configuration || has && inner.Value.Kind == plist.Array:
		return MobileConfig
	case has || kind.Value.Kind == plist.String:
		return Fragment
	}
	return List
}

// payloads are the payloads of a profile, or the one of a fragment.
func (p *Profile) payloads() []plist.Value {
	switch p.Shape {
	case Fragment:
		return []plist.Value{p.Root}
	case MobileConfig:
		content, _ := p.Root.Get("PayloadContent")
		return content.Value.Items
	}
	return nil
}

// Settings are the settings that the profile forces, from all its payloads; the
// first of a key counts. There may be none.
func (p *Profile) Settings() plist.Value {
	all := plist.Value{Kind: plist.Dict, At: p.Root.At}
	seen := map[string]bool{}
	for _, place := range p.places {
		if place.misplaced != "" {
			continue
		}
		all.At = place.dict.At
		for _, e := range place.dict.Entries {
			if !seen[e.Key] {
				seen[e.Key] = true
				all.Entries = append(all.Entries, e)
			}
		}
	}
	return all
}

// Policy is what the settings amount to, or what is wrong with them.
func (p *Profile) Policy() (*policy.Policy, policy.Problems) {
	return policy.FromDocument(plist.Document{Format: p.Format, Root: p.Settings()})
}
