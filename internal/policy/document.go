package policy

import (
	"slices"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/plist"
)

// FromDocument turns the forced settings into a policy. The policy is nil when
// there is an error among the problems: a profile that is half understood is
// not taken at all.
func FromDocument(d plist.Document) (*Policy, Problems) {
	if p, ok := notSettings(d.Root); ok {
		return nil, Problems{p}
	}
	p := &Policy{}
	table := settings()
	for _, s := range table {
		s.preset(p)
	}
	var problems Problems
	for _, e := range d.Root.Entries {
		problems = append(problems, read(p, table, e)...)
	}
	problems = append(problems, missing(table, d.Root)...)
	if problems.Failed() {
		return nil, problems
	}
	if p.RecoveryURL.V == "" {
		p.RecoveryURL.V = p.OrgURL.V
	}
	return p, append(problems, doubts(p, d.Root)...)
}

// notSettings notices what is no dictionary of settings at all.
func notSettings(root plist.Value) (Problem, bool) {
	if root.Kind != plist.Dict {
		return Problem{Key: Domain, Value: article(root.Kind), Allowed: "a dictionary of settings",
			Line: root.At.Line, Column: root.At.Column, Severity: Error}, true
	}
	if e, whole := root.Get("PayloadContent"); whole {
		p := problemAt(e, Error)
		p.Allowed, p.Hint = "the settings themselves", "this is a whole configuration profile; the MDM has to install it"
		return p, true
	}
	return Problem{}, false
}

// read takes one entry of the file into the policy.
func read(p *Policy, table []setting, e plist.Entry) Problems {
	i := slices.IndexFunc(table, func(s setting) bool { return s.Key == e.Key })
	if i < 0 {
		return Problems{unknown(table, e)}
	}
	objection, ok := table[i].read(p, e.Value)
	if ok {
		return nil
	}
	bad := problemAt(e, Error)
	bad.Allowed, bad.Hint = table[i].Allowed(), objection
	// A URL can carry a password before its @.
	if table[i].Secret || table[i].Kind == URL && strings.Contains(e.Value.Text, "@") {
		bad.Value = hidden
	}
	return Problems{bad}
}

// WindowsOnly are keys that Okta documents for Windows alone.
func WindowsOnly() []string {
	return []string{
		"UseDirectAuth", "NetworkTimeoutInSeconds", "OnlineLoginAllowed", "MFABypassList",
		"MaxLoginsWithoutEnrolledFactors", "MaxLoginsWithOfflineFactor", "MFAGracePeriodInMinutes", "AdminContactInfo",
	}
}

// unknown says why a key is passed over. Its value is not shown: under a
// mistyped name it may be the client secret.
func unknown(table []setting, e plist.Entry) Problem {
	p := problemAt(e, Warning)
	p.Value, p.Allowed = "unknown", "the keys in docs/settings.md; this one is passed over"
	if slices.Contains(WindowsOnly(), e.Key) {
		p.Value, p.Hint = "a key of Okta's Windows product", "it does nothing on a Mac"
		return p
	}
	keys := make([]string, len(table))
	for i := range table {
		keys[i] = table[i].Key
	}
	if near, ok := Nearest(e.Key, keys); ok {
		p.Hint = "did you mean " + near + "?"
	}
	return p
}

// missing lists the required keys that are not there.
func missing(table []setting, root plist.Value) Problems {
	var out Problems
	for _, s := range table {
		if _, there := root.Get(s.Key); s.Required && !there {
			out = append(out, Problem{Key: s.Key, Value: "missing", Allowed: s.Allowed(), Severity: Error})
		}
	}
	return out
}

// doubts warns of settings that are allowed and rarely meant.
func doubts(p *Policy, root plist.Value) Problems {
	var out Problems
	doubt := func(key, allowed, hint string) {
		e, _ := root.Get(key)
		w := problemAt(e, Warning)
		w.Key, w.Allowed, w.Hint = key, allowed, hint
		out = append(out, w)
	}
	for _, key := range []string{"MFARequiredList", "MFANotRequiredList"} {
		if e, _ := root.Get(key); slices.ContainsFunc(e.Value.Items, partial) {
			doubt(key, "whole names, or * alone for all", "inside a name, * stands for itself")
		}
	}
	if len(p.MFARequiredList.V) == 0 {
		doubt("MFARequiredList", "names of accounts, or * for all", "it is empty: nobody needs a second factor")
	}
	if slices.Contains(p.MFANotRequiredList.V, All) {
		doubt("MFANotRequiredList", "names of accounts", "* turns the second factor off for everybody")
	}
	if len(p.OrderedFactors()) == 0 {
		doubt("AllowedFactors", "at least one factor that the other settings leave", "offline factors are off, and no other is allowed: only a recovery PIN lets people in")
	}
	return out
}

func partial(name plist.Value) bool { return name.Text != All && strings.Contains(name.Text, All) }
