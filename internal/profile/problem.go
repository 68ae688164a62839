package profile

import (
	"slices"
	"strings"
	"unicode"

	"github.com/latchkey-mfa/latchkey/internal/plist"
	"github.com/latchkey-mfa/latchkey/internal/policy"
)

// problem is what the table of settings says of a key, with the way to mend it.
func (c *check) problem(dict plist.Value, p policy.Problem) {
	d, known := c.keys[p.Key]
	e, there := dict.Get(p.Key)
	if !there { // shortened, or missing
		e = c.entryOf(dict, p)
	}
	f := Finding{Key: p.Key, Allowed: p.Allowed, Severity: p.Severity}
	switch {
	case !known:
		c.found.add(e.At, c.unknown(dict, e, f))
		return
	case !there:
		f.Rule, f.Problem, f.Fix = "missing-key", "it is missing", "add it"
		if p.Severity == policy.Warning {
			f.Rule, f.Problem, f.Fix = "doubt", p.Hint, ""
		}
		c.found.add(dict.At, f)
		return
	case p.Severity == policy.Warning:
		f.Rule, f.Problem = "doubt", p.Hint
	default:
		f.Rule, f.Problem = "value", "it is "+p.Value
		if p.Hint != "" {
			f.Problem = p.Hint
			if !strings.HasPrefix(p.Hint, "it is a") && p.Value != "[hidden]" {
				f.Problem = "it is " + p.Value + ": " + p.Hint
			}
		}
		f.Fix, f.edits = c.mending(d, e.Value)
		f.Fixable = len(f.edits) > 0
	}
	c.found.add(e.At, f)
}

// entryOf is the entry that stands where a problem was seen.
func (c *check) entryOf(dict plist.Value, p policy.Problem) plist.Entry {
	for _, e := range dict.Entries {
		if e.At.Line == p.Line && e.At.Column == p.Column && p.Line > 0 || shortened80(e.Key) == p.Key {
			return e
		}
	}
	return plist.Entry{At: dict.At, Key: p.Key}
}

// shortened80 is a key as internal/policy shortens it.
func shortened80(s string) string {
	if len(s) <= 80 {
		return s
	}
	return strings.ToValidUTF8(s[:80], "") + "…"
}

// unknown is a key that nothing reads. One that is nearly right was meant to be
// read, so it is an error.
func (c *check) unknown(dict plist.Value, e plist.Entry, f Finding) Finding {
	f.Rule, f.Problem, f.Allowed, f.Severity = "unknown-key", "no such setting is known; it is passed over", "the keys in docs/settings.md", policy.Warning
	f.Key = shortened(e.Key)
	if slices.Contains(policy.WindowsOnly(), e.Key) {
		f.Rule, f.Problem, f.Fix = "windows-key", "this is a setting of Okta's Windows product; it does nothing on a Mac", "remove it"
		return f
	}
	keys := make([]string, 0, len(c.keys))
	for _, d := range policy.Definitions() {
		keys = append(keys, d.Key)
	}
	near, ok := policy.Nearest(strings.TrimSpace(e.Key), keys)
	if !ok {
		return f
	}
	f.Severity, f.Fix = policy.Error, "did you mean "+near+"?"
	if _, there := dict.Get(near); !there && slip(e.Key, near) {
		f.Fix = "write " + near
		f = c.replace(f, e.At, "<key>"+near+"</key>")
	}
	return f
}

// plain is a name without what people put into names differently.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

// slip: what was written can only be the other, but for case, separators, and
// one letter too many, too few, another, or two swapped.
func slip(written, meant string) bool {
	a, b := plain(written), plain(meant)
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return len(a) <= 1 && len(b) <= 1 || len(a) == 2 && len(b) == 2 && a[0] == b[1] && a[1] == b[0]
}

// mending is the one safe answer to a value of the wrong kind, if there is one.
func (c *check) mending(d policy.Definition, v plist.Value) (string, []edit) {
	element := meant(d, v)
	if d.Kind == policy.Text && (v.Kind == plist.Integer || v.Kind == plist.Real) {
		// As it stands in the file: a telephone number may begin with 0.
		if from, to, ok := c.element(v.At); ok {
			inside := string(c.profile.src[from:to])
			if _, rest, ok := strings.Cut(inside, ">"); ok {
				digits, _, _ := strings.Cut(rest, "<")
				element = stringElement(strings.TrimSpace(digits))
			}
		}
	}
	trimmed := strings.TrimSpace(v.Text)
	if d.Kind == policy.Text && v.Kind == plist.String && trimmed != v.Text && trimmed != "" && !strings.ContainsFunc(trimmed, unicode.IsControl) {
		element = stringElement(trimmed)
	}
	from, to, ok := c.element(v.At)
	switch {
	case element == "":
		return "write what is allowed", nil
	case d.Secret && ok: // the answer would show it
		return "write it as a <string>, without space around it", []edit{{from, to, element}}
	case d.Secret:
		return "write it as a <string>, without space around it", nil
	case !ok:
		return "write " + element, nil
	}
	return "write " + element, []edit{{from, to, element}}
}

// meant is the element that a value was meant to be, or nothing. None of these
// kinds of keys is secret.
func meant(d policy.Definition, v plist.Value) string {
	written := strings.TrimSpace(v.Text)
	switch d.Kind {
	case policy.Boolean:
		return boolean(v, written)
	case policy.Number:
		if n, ok := real(written); ok && v.Kind == plist.String && n >= d.Min && n <= d.Max {
			return "<real>" + written + "</real>"
		}
	case policy.Choice:
		for _, choice := range d.Choices {
			if v.Kind == plist.String && slip(written, choice) {
				return stringElement(choice)
			}
		}
	case policy.Names, policy.Choices:
		if v.Kind == plist.String && written != "" {
			return arrayElement(strings.Split(written, ","))
		}
	case policy.URL:
		return address(v, written)
	}
	return ""
}

func boolean(v plist.Value, written string) string {
	yes := v.Kind == plist.String && strings.EqualFold(written, "true") || v.Decimal() == "1"
	no := v.Kind == plist.String && strings.EqualFold(written, "false") || v.Decimal() == "0"
	switch {
	case yes:
		return "<true/>"
	case no:
		return "<false/>"
	}
	return ""
}

func address(v plist.Value, written string) string {
	scheme, rest, has := strings.Cut(written, "://")
	switch {
	case v.Kind != plist.String || strings.ContainsAny(written, "@ ?#"):
	case !has && strings.Contains(written, ".") && !strings.Contains(written, ":"):
		return stringElement("https://" + written)
	case has && strings.EqualFold(scheme, "http"):
		return stringElement("https://" + rest)
	}
	return ""
}

// factors looks at each name by itself, where the table stops at the first.
func (c *check) factors(dict plist.Value, said func(string)) {
	e, _ := dict.Get("AllowedFactors")
	for _, item := range e.Value.Items {
		if item.Kind != plist.String || item.Text == policy.All || slices.Contains(policy.Factors(), item.Text) {
			continue
		}
		f := Finding{Rule: "factor-name", Key: e.Key, Problem: quoted(item.Text) + " is no factor; names are case sensitive", Allowed: strings.Join(policy.Factors(), ", ") + ", or * alone"}
		if near, ok := policy.Nearest(item.Text, policy.Factors()); ok {
			f.Fix = "did you mean " + near + "?"
			if slip(item.Text, near) {
				f.Fix = "write " + near
				f = c.replace(f, item.At, stringElement(near))
			}
		}
		said(e.Key)
		c.found.add(at(item, e), f)
	}
}

func at(v plist.Value, e plist.Entry) plist.Position {
	if v.At.IsZero() {
		return e.At
	}
	return v.At
}
